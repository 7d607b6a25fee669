import { assert, assertEquals } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startApp, stateOf } from "./app.ts";

/** More than the window of a queue, the buffers of both sockets and of the client together hold. */
const FAR_TOO_MUCH_BYTES = 64 * 1024 * 1024;

/** Begins a request and goes away when it has come to the app. */
async function leave(server: Running, path: string): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  );
  if (path === "/never-mind") await server.says(/never mind\n/);
  // Not only has the app got it: from before it is told of, its client is listened to.
  else if (path === "/never") await server.says(/No response for .*\/never\n/);
  else await connection.read(new Uint8Array(1024));
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`a client that goes away aborts the request's signal, ${where}`, async (scene) => {
    const server = await startApp(scene, threads, "--timeout-warning", "0.01");
    await leave(server, "/never");
    await until("the signal aborts", async () => (await stateOf(server)).aborted === 1);
    assertEquals(await server.get("/text"), "text");
  });

  sceneTest(`who has got all that was announced has not gone away, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    assertEquals(await server.get("/announced"), "whole");
    await until("it is settled", async () => (await stateOf(server)).completed !== "");
    const { aborted, cancelled, completed } = await stateOf(server);
    assertEquals({ aborted, cancelled, completed }, {
      aborted: 0,
      cancelled: 1,
      completed: "sent",
    });
  });

  sceneTest(
    `over TLS a client that leaves its stream aborts the signal, ${where}`,
    async (scene) => {
      const { certfile, keyfile } = await scene.certificate();
      const server = await startApp(scene, threads, "--certfile", certfile, "--keyfile", keyfile);
      const caCerts = [Deno.readTextFileSync(certfile)];
      const ask = async (path: string) => {
        const { port } = server;
        const wire = new Wire(await Deno.connectTls({ hostname: "localhost", port, caCerts }));
        await wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        return wire;
      };
      {
        using leaving = await ask("/endless");
        await leaving.receive();
      }
      await until("the signal aborts", async () => {
        using wire = await ask("/state");
        return JSON.parse((await wire.response())!.body).aborted === 1;
      });
    },
  );

  sceneTest(`an answer that nobody waits for any more is dropped, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    await leave(server, "/never-mind");
    await until("the app has answered", async () => (await stateOf(server)).aborted === 1);
    server.signal("SIGTERM");
    await server.end();
    assert(!server.output.includes("ERROR"), server.output);
  });

  sceneTest(`a client that goes away cancels the response's stream, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    await leave(server, "/endless");
    await until("the stream is cancelled", async () => (await stateOf(server)).cancelled === 1);
  });

  sceneTest(`a client that leaves its events is no error of the app's, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    for (let left = 1; left <= 10; left++) {
      await leave(server, "/events");
      await until(
        "the stream is cancelled",
        async () => (await stateOf(server)).cancelled === left,
      );
    }
    server.signal("SIGTERM");
    await server.end();
    assert(!server.output.includes("ERROR"), server.output);
  });

  sceneTest(`a client that leaves its upload is no error of the app's, ${where}`, async (scene) => {
    const server = await startApp(scene, threads, "--access-log", "-");
    using wire = await Wire.connect(server.port);
    await wire.send("POST /echo-stream HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    await wire.send("x".repeat(100_000));
    await wire.receive();
    wire.connection.close();
    await server.says(/"POST \/echo-stream HTTP\/1.1" 200 /);
    server.signal("SIGTERM");
    await server.end();
    assert(!server.output.includes("ERROR"), server.output);
  });

  // Deno does not see it go.
  sceneTest(
    `a client that leaves a silent response behind its upload is let go, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads, "--write-timeout", "2");
      using wire = await Wire.connect(server.port);
      await wire.send("POST /silent HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      await wire.receive();
      await wire.send("5\r\nhello\r\n0\r\n\r\n");
      await until("the app has the body", async () => (await stateOf(server)).received === 5);
      wire.connection.close();
      await until("the stream is cancelled", async () => (await stateOf(server)).cancelled === 1);
      // Nor is it in flight any more.
      server.signal("SIGTERM");
      await server.end();
    },
  );

  sceneTest(
    `over TLS a client that leaves a silent response is let go too, ${where}`,
    async (scene) => {
      const { certfile, keyfile } = await scene.certificate();
      const tls = ["--certfile", certfile, "--keyfile", keyfile];
      const server = await startApp(scene, threads, "--write-timeout", "2", ...tls);
      const caCerts = [Deno.readTextFileSync(certfile)];
      const send = async (request: string) => {
        const { port } = server;
        const wire = new Wire(await Deno.connectTls({ hostname: "localhost", port, caCerts }));
        await wire.send(request);
        return wire;
      };
      const state = async () => {
        using wire = await send("GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return JSON.parse((await wire.response())!.body);
      };
      const chunked = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
      using leaving = await send(`POST /silent HTTP/1.1\r\n${chunked}`);
      await leaving.receive();
      await leaving.send("5\r\nhello\r\n0\r\n\r\n");
      await until("the app has the body", async () => (await state()).received === 5);
      leaving.connection.close();
      await until("the stream is cancelled", async () => (await state()).cancelled === 1);
    },
  );

  sceneTest(`a client that does not read slows the app down, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const request = "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    let before = -1;
    const pulled = await until("the app is asked for no more", async () => {
      const now = (await stateOf(server)).pulled;
      if (now === before) return now;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return null;
    });
    assert(pulled > 0 && pulled < FAR_TOO_MUCH_BYTES, `${pulled} bytes were produced`);
  });

  sceneTest(
    `an exchange that takes long is told of once before its end, ${where}`,
    async (scene) => {
      const args = ["--timeout", "2", "--timeout-warning", "0.3"];
      const server = await startApp(scene, threads, ...args);
      assertEquals((await server.fetch("/never?token=secret")).status, 504);
      await server.says(/No response within 2 s: GET \/never\n/);
      const told = [
        ...server.output.matchAll(/WARNING.*No response for [01]\.\d s.*GET \/never\n/g),
      ];
      assertEquals(told.length, 1, server.output);
    },
  );

  sceneTest(`the time of an upload that goes on is not the app's, ${where}`, async (scene) => {
    const server = await startApp(scene, threads, "--timeout", "2");
    using wire = await Wire.connect(server.port);
    const piece = "x".repeat(50_000);
    const length = 12 * piece.length;
    await wire.send(`POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    // Longer than timeout, by its nature.
    for (let sent = 0; sent < length; sent += piece.length) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await wire.send(piece);
    }
    assertEquals((await wire.response())?.body, String(length));
  });

  sceneTest(
    `an exchange that takes too long is a 504, and disturbs nobody, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads, "--timeout", "1");
      const late = server.fetch("/slow?ms=2000");
      const never = server.fetch("/never");
      assertEquals(await server.get("/text"), "text");
      for (const response of await Promise.all([late, never])) {
        assertEquals([response.status, await response.text()], [504, "Gateway Timeout\n"]);
      }
      await server.says(/No response within 1 s: GET \/never\n/);
      await until("the signal aborts", async () => (await stateOf(server)).aborted === 1);
      // The late answer has come and gone: the next one is the next request's own.
      for (let i = 0; i < 3; i++) await server.get("/slow?ms=300");
      assertEquals(await server.get("/text"), "text");
      assertEquals(server.procs().length, 1);
    },
  );
}

sceneTest(
  "past backlog_per_thread a request is refused at once, and the rest is served",
  async (scene) => {
    const server = await startApp(scene, 1, "--backlog-per-thread", "4");
    const all = Array.from({ length: 12 }, async () => {
      const response = await server.fetch("/slow?ms=1000");
      await response.body?.cancel();
      return [response.status, response.headers.get("retry-after")].join(" ");
    });
    const answers = (await Promise.all(all)).sort();
    assertEquals(answers, [...Array(4).fill("200 "), ...Array(8).fill("503 1")]);
  },
);

sceneTest(
  "a thread that spins is found, its proc replaced, and others are still served",
  async (scene) => {
    const server = await startApp(scene, 2, "--timeout", "1", "--graceful-timeout", "3");
    const pid = server.procs()[0]?.pid;
    const spinning = server.fetch("/spin");
    // One after the other: each finds the thread that is free.
    for (let i = 0; i < 4; i++) assertEquals(await server.get("/text"), "text");
    const response = await spinning;
    assertEquals(response.status, 504);
    await response.body?.cancel();
    await server.says(/Thread \d hangs/);
    await server.ready(2);
    await until("the proc that hung is gone", () => !server.procs().some((it) => it.pid === pid));
    assertEquals(await server.get("/text"), "text");
  },
);
