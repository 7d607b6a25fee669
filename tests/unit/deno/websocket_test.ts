import { assert, assertEquals } from "@std/assert";
import { outlive, takeContext } from "../../../src/deno/context.ts";
import { serveConnection } from "../../../src/deno/http.ts";
import { probe } from "../../../src/deno/probe.ts";
import { repairUnixUpgrade } from "../../../src/deno/request.ts";
import {
  canPause,
  drop,
  pauseReading,
  ping,
  resumeReading,
  stopPinging,
  upgrade,
} from "../../../src/deno/websocket.ts";
import { Served } from "./served.ts";

await probe();

/** A socket from both of its ends, whose HTTP is over. */
class Pair implements AsyncDisposable {
  readonly client: WebSocket;
  readonly server: WebSocket;
  readonly clientHeard = new Messages();
  readonly serverHeard = new Messages();
  readonly #closed = Promise.withResolvers<CloseEvent>();

  private constructor(client: WebSocket, server: WebSocket) {
    this.client = client;
    this.server = server;
    client.onmessage = ({ data }) => this.clientHeard.add(data);
    server.onmessage = ({ data }) => this.serverHeard.add(data);
    client.onclose = this.#closed.resolve;
  }

  static async open(onHeard = () => {}): Promise<Pair> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = new WebSocket(`ws://127.0.0.1:${listener.addr.port}`);
    const opened = Promise.withResolvers<void>();
    client.onopen = () => opened.resolve();
    let server: WebSocket;
    const { finished } = serveConnection(await listener.accept(), (request) => {
      const context = takeContext()!;
      const upgraded = upgrade(request, "", onHeard);
      server = upgraded.socket;
      outlive(context);
      return upgraded.response;
    }, (error) => new Response(String(error), { status: 500 }));
    await opened.promise;
    await finished;
    return new Pair(client, server!);
  }

  get closed(): Promise<CloseEvent> {
    return this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    drop(this.server);
    await this.closed;
  }
}

/** What was heard, to be waited for. */
class Messages {
  readonly all: string[] = [];
  #wake = Promise.withResolvers<void>();

  add(message: string): void {
    this.all.push(message);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async count(count: number): Promise<string[]> {
    while (this.all.length < count) await this.#wake.promise;
    return this.all;
  }
}

Deno.test("a WebSocket outlives the HTTP of its connection", async () => {
  await using pair = await Pair.open();
  pair.client.send("to the server");
  assertEquals(await pair.serverHeard.count(1), ["to the server"]);
  pair.server.send("to the client");
  assertEquals(await pair.clientHeard.count(1), ["to the client"]);
});

Deno.test("reading stops with a message, and goes on where it stopped", async () => {
  await using pair = await Pair.open();
  await using other = await Pair.open();
  pair.server.addEventListener("message", () => {
    assert(canPause(pair.server));
    pauseReading(pair.server);
  }, { once: true });
  for (const message of ["a", "b", "c"]) pair.client.send(message);
  await pair.serverHeard.count(1);
  // Long enough for what would be read: another's message comes and goes.
  other.client.send("x");
  await other.serverHeard.count(1);
  assertEquals([pair.serverHeard.all, pair.server.readyState], [["a"], WebSocket.OPEN]);
  resumeReading(pair.server);
  assertEquals(await pair.serverHeard.count(3), ["a", "b", "c"]);
});

Deno.test("a ping is sent at once, and its answer heard", async () => {
  const heard = Promise.withResolvers<void>();
  await using pair = await Pair.open(heard.resolve);
  ping(pair.server);
  await heard.promise;
  stopPinging(pair.server);
});

Deno.test("a socket that is dropped ends without a close frame", async () => {
  const pair = await Pair.open();
  drop(pair.server);
  assertEquals((await pair.closed).wasClean, false);
});

Deno.test("a request of a unix socket can be upgraded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using served = await Served.start((request) => {
      repairUnixUpgrade(request);
      const { socket, response } = upgrade(request, "", () => {});
      socket.onopen = () => drop(socket);
      return response;
    }, `${folder}/socket`);
    await served.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    assertEquals((await served.read())?.split("\r\n", 1), ["HTTP/1.1 101 Switching Protocols"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
