/** The environ of a request by HTTP/2, with TLS and by prior knowledge. */

import { assert, assertEquals } from "@std/assert";
import { type Scene, sceneTest } from "../../support/scene.ts";
import type { Running } from "../../support/running.ts";
import { startWsgi } from "./app.ts";

type Environ = Record<string, unknown>;

/** What curl gets, each answer on a line. */
async function curl(...args: readonly string[]): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("curl", {
    args: ["-sSk", "-w", "\n", "--max-time", "10", ...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  return text.decode(stdout).trimEnd().split("\n");
}

async function environsOf(...args: readonly string[]): Promise<Environ[]> {
  return (await curl(...args)).map((line) => JSON.parse(line));
}

async function startTls(scene: Scene): Promise<Running> {
  const { certfile, keyfile } = await scene.certificate();
  return await startWsgi(scene, "environs", {
    args: ["--certfile", certfile, "--keyfile", keyfile],
  });
}

const WAYS = {
  "HTTP/2 over TLS": {
    start: startTls,
    scheme: "https",
    flag: "--http2",
    protocol: "HTTP/2.0",
    requests: 3,
  },
  "HTTP/1.1 over TLS": {
    start: startTls,
    scheme: "https",
    flag: "--http1.1",
    protocol: "HTTP/1.1",
    requests: 3,
  },
  "HTTP/2 by prior knowledge": {
    start: (scene: Scene) => startWsgi(scene, "environs"),
    scheme: "http",
    flag: "--http2-prior-knowledge",
    protocol: "HTTP/2.0",
    // A second one on its connection fails in Debian's curl, with any server.
    requests: 1,
  },
} as const;

for (const [way, { start, scheme, flag, protocol, requests }] of Object.entries(WAYS)) {
  sceneTest(`the environ of ${way} says so, at each request of a connection`, async (scene) => {
    const { port } = await start(scene);
    const url = `${scheme}://localhost:${port}/caf%C3%A9?a=1`;
    const fields = ["-H", "X-A: 1", "-H", "Cookie: a=1; b=2"];
    const environs = await environsOf(flag, ...fields, ...Array(requests).fill(url));
    assertEquals(environs.length, requests);
    for (const environ of environs) {
      assertEquals(environ.SERVER_PROTOCOL, protocol);
      assertEquals(environ["wsgi.url_scheme"], scheme);
      assertEquals(environ.HTTP_HOST, `localhost:${port}`);
      assertEquals(environ.SERVER_PORT, String(port));
      assertEquals(environ.RAW_URI, "/caf%C3%A9?a=1");
      assertEquals(environ.PATH_INFO, "/caf\xc3\xa9");
      assertEquals(environ.HTTP_X_A, "1");
      assertEquals(environ.HTTP_COOKIE, "a=1; b=2");
      const odd = Object.keys(environ).filter((key) => !/^[\w.]+$/.test(key));
      assertEquals(odd, [], "pseudo-header fields are none of an environ's");
    }
  });

  sceneTest(`${way} carries bodies with and without their length`, async (scene) => {
    const { port } = await start(scene);
    const url = `${scheme}://localhost:${port}/`;
    const [known] = await environsOf(flag, "-d", "a=1&b", url);
    assertEquals([known!.body, known!.CONTENT_LENGTH], ["a=1&b", "5"]);
    // A pipe has no length.
    const file = `${scene.directory}/body`;
    await Deno.writeTextFile(file, "streamed ".repeat(20_000));
    const chunked = ["-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", file];
    const [unknown] = await environsOf(flag, ...chunked, url);
    assertEquals((unknown!.body as string).length, 180_000);
  });
}
