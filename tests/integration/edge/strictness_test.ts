import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { Wire } from "../../support/wire.ts";
import { ask, startMirror } from "./mirror.ts";

const HOST = "Host: a.example\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** Requests that no app may see, and what they get. `null`: the connection ends without a word. */
const REFUSED: readonly (readonly [status: number | null, request: string])[] = [
  // What Deno lets through, and the server refuses.
  [400, "GET / HTTP/1.1\r\n\r\n"],
  [400, "GET / HTTP/1.0\r\n\r\n"],
  [400, "GET http://a.example/ HTTP/1.1\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"],
  [400, "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n"],
  [400, `GET http://b.example/ HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET http://a.example@b.example/ HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET ftp://a.example/ HTTP/1.1\r\n${HOST}\r\n`],
  [421, `GET https://a.example/ HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET /a\\..\\b HTTP/1.1\r\n${HOST}\r\n`],
  [501, `CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n`],
  [501, `TRACE / HTTP/1.1\r\n${HOST}\r\n`],
  [
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Type: a/b\r\ncontent-type: c/d\r\nContent-Length: 0\r\n\r\n`,
  ],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
  [400, `GET / HTTP/1.1\r\n${HOST}Authorization: Basic eDp5\r\nAuthorization: Basic eDp5\r\n\r\n`],
  [417, `POST / HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx`],
  [501, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  [413, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1000001\r\n\r\n`],
  [413, `POST / HTTP/1.1\r\n${HOST}Content-Length: 9999999999999999999\r\n\r\n`],
  [414, `GET /${"a".repeat(4094)} HTTP/1.1\r\n${HOST}\r\n`],
  [431, `GET / HTTP/1.1\r\n${HOST}X-A: ${"a".repeat(8190)}\r\n\r\n`],
  [431, `GET / HTTP/1.1\r\n${HOST}${"X-A: b\r\n".repeat(100)}\r\n`],
  // What Deno refuses, and what the server therefore need not look at.
  [400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  [400, `G@T / HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET a HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET /a\tb HTTP/1.1\r\n${HOST}\r\n`],
  [400, `GET / HTTP/1.2\r\n${HOST}\r\n`],
  [400, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  [400, `GET /\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X-A: b\0c\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X-A: b\rc\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X(A: b\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}X-A\r\n\r\n`],
  [400, `GET / HTTP/1.1\r\n${HOST}${"X-A: b\r\n".repeat(200)}\r\n`],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\nx`],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\nx`],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\nx`],
  [400, `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\nx`],
  [400, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}Content-Length: 1\r\n\r\n0\r\n\r\n`],
  [400, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`],
  [400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n`],
  [400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  [400, `POST / HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`],
  [
    400,
    `POST / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx`,
  ],
  [null, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n5x\r\nhello\r\n0\r\n\r\n`],
  [null, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n-1\r\nhello\r\n0\r\n\r\n`],
  [null, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n5\r\nhelloXX0\r\n\r\n`],
  [null, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n5\nhello\r\n0\r\n\r\n`],
  [null, `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n5\r\nhello\r\n0\r\nX A: b\r\n\r\n`],
];

sceneTest(
  "what breaks the rules is refused, its connection ends, and no app sees it",
  async (scene) => {
    // From a peer that is not trusted, as the world is.
    const server = await startMirror(
      scene,
      1,
      "--limit-request-body",
      "1000000",
      "--forwarded-allow-ips",
      "192.0.2.1",
    );
    for (const [status, request] of REFUSED) {
      using wire = await Wire.connect(server.port);
      // What follows on the same connection must not be taken for a request either.
      await wire.send(`${request}GET /hello HTTP/1.1\r\n${HOST}\r\n`);
      const what = JSON.stringify(request.slice(0, 120));
      assertEquals((await wire.response())?.status ?? null, status, what);
      // A body that was announced is waited for; its end shows that nothing else comes.
      if (status !== 413) assertEquals(await wire.rest(), "", what);
    }
    assertEquals(await server.get("/seen"), "0");
  },
);

sceneTest(
  "a refused request in HTTP/2 leaves the other streams of its connection alone",
  async (scene) => {
    const server = await startMirror(scene, 1);
    const { stdout } = await new Deno.Command("nghttp", {
      args: ["-v", "--no-dep", `${server.url}/${"a".repeat(5000)}`, `${server.url}/hello`],
    }).output();
    const frames = new TextDecoder().decode(stdout);
    const statuses = [...frames.matchAll(/ :status: ([0-9]+)/g)].map(([, status]) => status);
    assertEquals(statuses.toSorted(), ["200", "414"]);
    assertEquals(frames.includes("recv GOAWAY"), false);
  },
);

sceneTest("trailers are never taken for header fields", async (scene) => {
  const server = await startMirror(scene, 1);
  const response = await ask(
    server.port,
    `POST / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n2\r\nhi\r\n0\r\nAuthorization: x\r\nHost: evil\r\n\r\n`,
  );
  const { fields, body } = JSON.parse(response?.body ?? "");
  assertEquals(body, "hi");
  assertEquals(fields, [["host", "a.example"], ["transfer-encoding", "chunked"]]);
});
