/**
 * Requests that two parsers may cut differently (RFC 9112, 11.2), through real proxies. What a front
 * takes for one request must be one for the app, or the answers on the connection that it keeps for
 * everybody go to the wrong clients. (What the server alone makes of such requests: strictness_test.ts.)
 */

import { assertEquals } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasTool } from "../../support/tools.ts";
import { Wire } from "../../support/wire.ts";
import { haproxy, nginx } from "./fronts.ts";
import { startMirror } from "./mirror.ts";

/** Names what it saw to who asked, and all of it to who asks for the ledger. */
const LEDGER = `const ledger = [];
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ledger") return Response.json(ledger.splice(0));
    const saw = request.method + " " + pathname;
    ledger.push(saw);
    if (pathname.startsWith("/read")) await request.arrayBuffer().catch(() => {});
    return new Response(saw, { headers: { "x-saw": saw } });
  },
};
`;

const HOST = "Host: shop.example\r\n";
/** Fronts may wait for the rest of a body for so long. */
const PATIENCE = "700ms";

/** A request that hides another one, which begins where a parser errs; `hidden` ends with its head. */
type Trick = (start: string, hidden: string) => string;

const CHUNKED = "Transfer-Encoding: chunked";
const hex = (text: string) => text.length.toString(16);
/** With both framings, of which one says that the body is over before the hidden request. */
const clTe = (field: string): Trick => (start, hidden) =>
  `${start}${field}\r\nContent-Length: ${hidden.length + 5}\r\n\r\n0\r\n\r\n${hidden}`;
/** With both, of which the other one does so. */
const teCl = (field: string): Trick => (start, hidden) =>
  `${start}Content-Length: ${hex(hidden).length + 2}\r\n${field}\r\n\r\n` +
  `${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`;
/** The hidden request is the body, by these fields. */
const length = (fields: (size: number) => string): Trick => (start, hidden) =>
  `${start}${fields(hidden.length)}\r\n\r\n${hidden}`;
/** The hidden request is a chunk, or stands behind what may be taken for one. */
const chunks = (body: (hidden: string) => string): Trick => (start, hidden) =>
  `${start}${CHUNKED}\r\n\r\n${body(hidden)}`;

/** Ways to write the field so that one parser knows it and another does not. */
const DISGUISES = [
  CHUNKED,
  "Transfer-Encoding : chunked",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding:\x0bchunked",
  "Transfer-Encoding: \x0cchunked",
  "Transfer-Encoding: chunked\0",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: chunkedx",
  "Transfer-Encoding: CHUNKED",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding: chunked,",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
  "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding:\r\n chunked",
  " Transfer-Encoding: chunked",
  "X: x\r\n Transfer-Encoding: chunked",
  "X: x\nTransfer-Encoding: chunked",
  "X: x\rTransfer-Encoding: chunked",
  "Transfer-Encoding\r\n: chunked",
  "Transfer-Encoding\n: chunked",
  "Transfer_Encoding: chunked",
  "\xffTransfer-Encoding: chunked",
  "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
];

const LENGTHS: readonly ((size: number) => string)[] = [
  (size) => `Content-Length: ${size}`,
  (size) => `Content-Length: ${size}\r\nContent-Length: ${size}`,
  (size) => `Content-Length: 0\r\nContent-Length: ${size}`,
  (size) => `Content-Length: ${size}\r\nContent-Length: 0`,
  (size) => `Content-Length: ${size}, 0`,
  (size) => `Content-Length: 0, ${size}`,
  (size) => `Content-Length: +${size}`,
  (size) => `Content-Length: 00${size}`,
  (size) => `Content-Length: 0x${size.toString(16)}`,
  (size) => `Content-Length: -${size}`,
  (size) => `Content-Length: ${size} 0`,
  (size) => `Content-Length:\r\n ${size}`,
  (size) => `Content-Length: 0\r\n ${size}`,
  (size) => `Content-Length : ${size}`,
  (size) => `Content_Length: ${size}`,
  (size) => `X: x\nContent-Length: ${size}`,
  (size) => `Content-Length: ${size}\nX: x`,
  (size) => `Content-Length: ${size}\0`,
  (size) => `Content-Length: ${2n ** 64n + BigInt(size)}`,
  (size) => `Connection: Content-Length\r\nContent-Length: ${size}`,
  (size) => `Expect: 100-continue\r\nContent-Length: ${size}`,
  (size) => `Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: ${size}`,
];

const CHUNKS: readonly ((hidden: string) => string)[] = [
  (hidden) => `${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `${hex(hidden)};a=b\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `${hex(hidden)};a="\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `2;\nxx\r\n${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `2;a\rb\r\nxx\r\n0\r\n\r\n${hidden}`,
  (hidden) => `${hex(hidden)} \r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `0x${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `1${"0".repeat(15)}${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `-1\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `\r\n${hidden}\r\n0\r\n\r\n`,
  (hidden) => `2\nxx\n0\n\n${hidden}`,
  (hidden) => `2\r\nxx0\r\n\r\n${hidden}`,
  (hidden) => `2\r\nxxx\r\n0\r\n\r\n${hidden}`,
  (hidden) => `0\r\n${hidden}`,
  (hidden) => `0\r\nContent-Length: 0\r\nX: ${hidden}`,
  (hidden) => `0\r\n \r\n${hidden}`,
  (hidden) => `0;\n\r\n${hidden}`,
];

const TRICKS: readonly Trick[] = [
  ...DISGUISES.flatMap((field) => [clTe(field), teCl(field)]),
  ...LENGTHS.map(length),
  ...CHUNKS.map(chunks),
  // Line ends of LF alone, and a length that only a lax parser sees.
  (start, hidden) =>
    `${start}Content-Length: ${hidden.length}\r\n\r\n${hidden}`.replaceAll("\r\n", "\n"),
  (start, hidden) => `${start}X: x\n\nContent-Length: 0\r\n\r\n${hidden}`,
  (start, hidden) => `${start}X: x\r\r\n\r\n${hidden}`,
  // A body where some expect none.
  (start, hidden) =>
    `${start.replace("POST", "GET")}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  (start, hidden) =>
    `${start.replace("POST", "HEAD")}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  (start, hidden) =>
    `${start.replace("POST", "GET")}${CHUNKED}\r\n\r\n${hex(hidden)}\r\n${hidden}\r\n0\r\n\r\n`,
  // Another version, in which chunks are none.
  (start, hidden) =>
    `${
      start.replace("/1.1", "/1.0")
    }${CHUNKED}\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${hidden}`,
];

/** All that a front answered to these bytes and a last request behind them. */
async function answersTo(wire: Wire, text: string, last: string): Promise<string[]> {
  await wire.send(`${text}GET ${last} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  const answers = await wire.rest();
  return [...answers.matchAll(/\r\nx-saw: (\w+ \/[\w-]+)\r\n/gi)].map(([, request]) => request!);
}

interface Played {
  readonly name: string;
  readonly sent: string;
  readonly got: readonly string[];
}

/** Plays all tricks, on an app that reads bodies and one that does not, among clients that are honest. */
async function playAll(connect: () => Promise<Wire>, server: Running): Promise<void> {
  const played: Played[] = [];
  const innocent = async (name: string) => {
    using wire = await connect();
    for (const part of ["a", "b"]) {
      await wire.send(`GET /innocent-${name}-${part} HTTP/1.1\r\n${HOST}\r\n`);
      const response = await wire.response();
      assertEquals(response?.body, `GET /innocent-${name}-${part}`, "another one's answer");
    }
  };
  const play = async (trick: Trick, name: string) => {
    const start = `POST /${name} HTTP/1.1\r\n${HOST}`;
    const sent = trick(
      start,
      `GET /hidden-${name} HTTP/1.1\r\n${HOST}X: ${"x".repeat(60)}\r\n\r\n`,
    );
    using wire = await connect();
    played.push({ name, sent, got: await answersTo(wire, sent, `/last-${name}`) });
  };
  const names = TRICKS.flatMap((trick, i) =>
    [`read-${i}`, `unread-${i}`].map((name) => ({ trick, name }))
  );
  // Some at once, so that answers which move to another's connection have one to move to.
  for (let at = 0; at < names.length; at += 20) {
    const some = names.slice(at, at + 20);
    await Promise.all(some.flatMap(({ trick, name }) => [play(trick, name), innocent(name)]));
    await innocent(`after-${at}`);
  }
  const ledger: string[] = JSON.parse(await server.get("/ledger"));
  for (const { name, sent, got } of played) {
    const saw = ledger.filter((it) => it.endsWith(`/${name}`) || it.endsWith(`-${name}`))
      .filter((it) => !it.includes("innocent"));
    const what = JSON.stringify(sent);
    // What a front did not wait for: the request that it gave up. A hidden one it knows nothing of.
    const surplus = saw.slice(got.length);
    assertEquals(saw.slice(0, got.length), got, what);
    assertEquals(surplus.length > 1 || surplus.some((it) => it.includes("hidden")), false, what);
  }
  // Of what was sent by whom should, all was seen: the tricks that are none are answered.
  assertEquals(played.find(({ name }) => name === `read-${2 * DISGUISES.length}`)?.got.length, 2);
  const innocents = ledger.filter((it) => it.startsWith("GET /innocent-")).length;
  assertEquals(innocents, 2 * (names.length + Math.ceil(names.length / 20)));
}

async function startLedger(scene: Scene): Promise<Running> {
  const app = scene.write("ledger.ts", LEDGER);
  const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "-t", "1", app]);
  await server.ready(1);
  return server;
}

/** Over TLS to a front with the scene's certificate. */
async function connectTls({ directory }: Scene, port: number): Promise<Wire> {
  const caCerts = [Deno.readTextFileSync(`${directory}/localhost.pem`)];
  return new Wire(await Deno.connectTls({ hostname: "localhost", port, caCerts }));
}

sceneTest("no request hides in another one behind nginx", async (scene) => {
  const server = await startLedger(scene);
  const timeouts = ["client_header_timeout", "client_body_timeout", "lingering_timeout"];
  const http = timeouts.map((name) => `${name} ${PATIENCE};`).join(" ");
  await nginx(scene, { backend: `127.0.0.1:${server.port}`, http }, async (port) => {
    await playAll(() => connectTls(scene, port), server);
  });
}, { needs: hasTool("nginx") });

sceneTest("no request hides in another one behind HAProxy", async (scene) => {
  const server = await startLedger(scene);
  const proxied = await startMirror(scene, 1, "--proxy-protocol");
  const backends = { plain: server.port, proxied: proxied.port };
  const changes = {
    "timeout client  60s": `timeout client ${PATIENCE}`,
    "timeout http-request    10s": `timeout http-request ${PATIENCE}`,
    // The first request of a client, too, may go over a connection that served another one.
    "    option httpchk\n": "    http-reuse always\n",
    "    http-check send meth GET uri / ver HTTP/1.1 hdr Host example.org\n": "",
    "127.0.0.1:8000 check": "127.0.0.1:8000",
  };
  await haproxy(scene, { backends, changes }, async ({ www }) => {
    await playAll(() => connectTls(scene, www), server);
  });
}, { needs: hasTool("haproxy") });
