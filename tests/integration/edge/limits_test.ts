import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { ask, mirrored, startMirror } from "./mirror.ts";

const POST = "POST /a HTTP/1.1\r\nHost: a\r\n";
const CHUNK = `10000\r\n${"x".repeat(65536)}\r\n`;

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`a body that grows beyond limit_request_body is a 413, ${where}`, async (scene) => {
    const server = await startMirror(scene, threads, "--limit-request-body", "200000");
    using wire = await Wire.connect(server.port);
    await wire.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    // Sent on and on, before anything is read: the answer is to be seen all the same.
    for (let i = 0; i < 16; i++) await wire.send(CHUNK);
    assertEquals((await wire.response())?.status, 413);
    const small = `${POST}Transfer-Encoding: chunked\r\n\r\n${CHUNK}0\r\n\r\n`;
    assertEquals(mirrored(await ask(server.port, small)).body.length, 65536);
  });
}

sceneTest("who sends a large body before it reads still gets to see the answer", async (scene) => {
  const server = await startMirror(scene, 1, "--limit-request-body", "1000");
  for (const [path, status] of [["/a", 413], ["/unread", 413]] as const) {
    using wire = await Wire.connect(server.port);
    const length = 8 * 1024 * 1024;
    await wire.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    await wire.send("x".repeat(length));
    assertEquals((await wire.response())?.status, status);
    await wire.rest();
  }
  assertEquals(await server.get("/seen"), "0");
});

sceneTest("a malformed chunk that comes after the head is a 400", async (scene) => {
  const server = await startMirror(scene, 1);
  using wire = await Wire.connect(server.port);
  await wire.send(`${POST}Transfer-Encoding: chunked\r\n\r\n${CHUNK}`);
  await server.get("/hello");
  await wire.send("zz\r\n");
  assertEquals((await wire.response())?.status, 400);
  await wire.rest();
});

sceneTest(
  "100-continue comes before the body, and a body that is too large is refused",
  async (scene) => {
    const server = await startMirror(scene, 1, "--limit-request-body", "10");
    const expect = "Expect: 100-continue\r\n";
    using wire = await Wire.connect(server.port);
    await wire.send(`${POST}${expect}Content-Length: 2\r\n\r\n`);
    await wire.receive();
    assertEquals(wire.received, "HTTP/1.1 100 Continue\r\n\r\n");
    await wire.send("hi");
    assertEquals(mirrored(await wire.response()).body, "hi");
    assertEquals(
      (await ask(server.port, `${POST}${expect}Content-Length: 11\r\n\r\n`))?.status,
      413,
    );
  },
);

sceneTest(
  "who sends far ahead of the answers is cut off, before it fills the memory",
  async (scene) => {
    const server = await startMirror(scene, 1, "-l", "debug", "--body-timeout", "30");
    const flood = async (path: string) => {
      using wire = await Wire.connect(server.port);
      await wire.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const junk = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20_000);
      const cut = wire.rest();
      while (await wire.send(junk));
      await cut;
    };
    // Nothing is answered, and much is.
    await flood("/never");
    await flood("/hello");
    await server.says(/it sends far ahead of its responses/, 2);
    // A client that pipelines as clients do is served.
    using wire = await Wire.connect(server.port);
    await wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5_000));
    for (let i = 0; i < 5_000; i++) assertEquals((await wire.response())?.body, "hello");
  },
);

for (const threads of [0, 1]) {
  sceneTest(
    `a large upload whose answer takes its time is no flood, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(scene, threads);
      const body = new Uint8Array(16 * 1024 * 1024);
      // Over one connection, and several times: how much came between two looks is never the same.
      for (let i = 0; i < 3; i++) {
        const response = await server.fetch("/ponder", { method: "POST", body });
        assertEquals(await response.text(), String(body.length));
      }
    },
  );
}

for (const threads of [0, 1]) {
  sceneTest(`a body in chunks of a byte is read whole, threads: ${threads}`, async (scene) => {
    const server = await startMirror(scene, threads);
    using wire = await Wire.connect(server.port);
    await wire.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    const sending = wire.send(`${"1\r\nA\r\n".repeat(20_000)}0\r\n\r\n`);
    assertEquals(await server.get("/hello"), "hello");
    await sending;
    assertEquals(mirrored(await wire.response()).body, "A".repeat(20_000));
  });

  sceneTest(`trailers without end are cut off, threads: ${threads}`, async (scene) => {
    // Without the deadlines that would end it as well.
    const args = ["--body-timeout", "0", "--body-min-rate", "0", "-l", "debug"];
    const server = await startMirror(scene, threads, ...args);
    using wire = await Wire.connect(server.port);
    await wire.send(`${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`);
    const cut = wire.rest();
    while (await wire.send(`X-Trailer: ${"x".repeat(100)}\r\n`.repeat(500)));
    await cut;
    await server.says(/it sends far ahead of its responses/);
    assertEquals(await server.get("/hello"), "hello");
  });
}

sceneTest("nothing is kept of clients that leave in the midst of a response", async (scene) => {
  const server = await startMirror(scene, 0);
  for (let i = 0; i < 100; i++) {
    using wire = await Wire.connect(server.port);
    await wire.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    await wire.receive();
  }
  await until("the connections are let go", async () => {
    const held: string[] = JSON.parse(await server.get("/resources"));
    return held.filter((name) => name === "http").length < 10 || null;
  });
});

for (const threads of [0, 1]) {
  sceneTest(
    `a body over HTTP/2 that is not announced is held to the limit, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(
        scene,
        threads,
        ...["--limit-request-body", "100000", "-l", "debug"],
      );
      const curl = `curl -sS --http2-prior-knowledge -X POST -T - -o /dev/null -w '%{http_code}'`;
      const post = (size: number) =>
        runTool("sh", "-c", `head -c ${size} /dev/zero | ${curl} ${server.url}/`);
      assertEquals((await post(90_000)).output, "200");
      // Deno resets the stream behind the answer, and curl may not get to see it.
      await post(200_000);
      await server.says(/413 to 127\.0\.0\.1/);
    },
    { needs: hasTool("curl") },
  );
}

for (const threads of [0, 1]) {
  for (const proxied of ["", "X-Forwarded-For: 192.0.2.7\r\n"]) {
    const how = `threads: ${threads}, ${proxied === "" ? "direct" : "by a proxy"}`;
    sceneTest(`a method in small letters with a body holds nothing up, ${how}`, async (scene) => {
      const server = await startMirror(scene, threads, "--body-timeout", "1");
      using wire = await Wire.connect(server.port);
      const length = "Content-Length: 100000\r\n";
      await wire.send(`get /hello HTTP/1.1\r\nHost: a\r\n${proxied}${length}\r\nx`);
      assertEquals((await wire.response())?.body, "hello");
      await server.stop();
      assertEquals(/not finished|failed/.exec(server.output)?.[0], undefined);
    });
  }
}

sceneTest("a body that comes with half a handshake is the app's all the same", async (scene) => {
  const server = await startMirror(scene, 0);
  using wire = await Wire.connect(server.port);
  await wire.send(`${POST}Upgrade: h2c\r\nContent-Length: 5\r\n\r\nhe`);
  await server.get("/hello"); // The head has been read, and the rest is yet to come.
  await wire.send("llo");
  assertEquals(mirrored(await wire.response()).body, "hello");
});
