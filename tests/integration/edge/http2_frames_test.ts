/** HTTP/2 by hand: what clients send when they do not keep to RFC 9113, 8. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  concat,
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
} from "../../../bench/support/http2_frames.ts";
import { takeFrame } from "../../support/http2_wire.ts";
import { sceneTest } from "../../support/scene.ts";
import { toLatin1, Wire } from "../../support/wire.ts";
import { startMirror } from "./mirror.ts";

type Fields = readonly (readonly [name: string, value: string])[];

/** What becomes of a stream: the text of its body, or how it, or the connection, ended without one. */
type Outcome = string;

/** Asks by these frames on a connection of its own, and waits for the end of stream 1. */
async function outcome(port: number, frames: readonly Uint8Array[]): Promise<Outcome> {
  using wire = await Wire.connect(port);
  const begin = [PREFACE, frame(FrameType.settings, Flag.none, 0)];
  await wire.send(toLatin1(concat([...begin, ...frames])));
  let body = "";
  for (;;) {
    const next = takeFrame(wire);
    if (next === null) {
      if (!await wire.receive()) return "closed";
      continue;
    }
    const { type, flags, stream, payload } = next;
    const code = (at: number) => payload.charCodeAt(at + 3);
    if (type === FrameType.goAway && code(4) !== 0) return `connection error ${code(4)}`;
    if (stream !== 1) continue;
    if (type === FrameType.reset) return `stream error ${code(0)}`;
    if (type === FrameType.data) body += payload;
    const ends = type === FrameType.data || type === FrameType.headers;
    if (ends && (flags & Flag.endStream) !== 0) return body;
  }
}

/** A request without a body, whatever its fields are. */
function request(fields: Fields): Uint8Array[] {
  return [frame(FrameType.headers, Flag.endHeaders | Flag.endStream, 1, headerBlock(fields))];
}

const METHOD = [":method", "GET"] as const;
const SCHEME = [":scheme", "http"] as const;
const AUTHORITY = [":authority", "a.example"] as const;
const PATH = [":path", "/hello"] as const;
const GOOD: Fields = [METHOD, SCHEME, AUTHORITY, PATH];

/** Without the pseudo field of this name. */
const without = (name: string) => GOOD.filter(([it]) => it !== name);
/** With another value of it. */
const having = (name: string, value: string): Fields =>
  GOOD.map(([it, old]) => [it, it === name ? value : old] as const);

const MALFORMED: Readonly<Record<string, Fields>> = {
  "no :method": without(":method"),
  "no :scheme": without(":scheme"),
  "no :path": without(":path"),
  "an empty :path": having(":path", ""),
  "an empty :authority": having(":authority", ""),
  "two :method": [...GOOD, METHOD],
  "two :scheme": [...GOOD, SCHEME],
  "two :path": [...GOOD, [":path", "/other"]],
  "two :authority": [...GOOD, [":authority", "b.example"]],
  "a pseudo field that does not exist": [...GOOD, [":version", "HTTP/1.1"]],
  "a pseudo field of responses": [...GOOD, [":status", "200"]],
  "a pseudo field behind others": [METHOD, SCHEME, AUTHORITY, ["x-a", "b"], PATH],
  ":authority against host": [...GOOD, ["host", "b.example"]],
  "two hosts": [...without(":authority"), ["host", "a.example"], ["host", "b.example"]],
  "a user in :authority": having(":authority", "user@a.example"),
  "a path in :authority": having(":authority", "a.example/x"),
  "a space in :authority": having(":authority", "a.example b"),
  "a :path that is an asterisk": having(":path", "*"),
  "a :path with a space": having(":path", "/hello HTTP/1.1"),
  "a :path with a line end": having(":path", "/hello HTTP/1.1\r\nX-A: b\r\n\r\n"),
  "a :path with a backslash": having(":path", "/a\\..\\hello"),
  "a :method with a space": having(":method", "GET /admin HTTP/1.1"),
  "an empty :method": having(":method", ""),
  "CONNECT": having(":method", "CONNECT"),
  "TRACE": having(":method", "TRACE"),
  "a :scheme that is none": having(":scheme", "http://b.example/?"),
  "a name in capitals": [...GOOD, ["X-A", "b"]],
  "a name with a space": [...GOOD, ["x a", "b"]],
  "a name with a colon": [...GOOD, ["x:a", "b"]],
  "a name with a line end": [...GOOD, ["x-a: b\r\nx-c", "d"]],
  "an empty name": [...GOOD, ["", "b"]],
  "a value with a line end": [...GOOD, ["x-a", "b\r\nhost: b.example"]],
  "a value with a NUL": [...GOOD, ["x-a", "b\0c"]],
  "connection": [...GOOD, ["connection", "keep-alive"]],
  "connection: close": [...GOOD, ["connection", "close"]],
  "keep-alive": [...GOOD, ["keep-alive", "timeout=5"]],
  "proxy-connection": [...GOOD, ["proxy-connection", "keep-alive"]],
  "transfer-encoding": [...GOOD, ["transfer-encoding", "chunked"]],
  "upgrade": [...GOOD, ["upgrade", "websocket"]],
  "te beside trailers": [...GOOD, ["te", "gzip"]],
  "two content-length": [...GOOD, ["content-length", "0"], ["content-length", "0"]],
  "a content-length that is none": [...GOOD, ["content-length", "+0"]],
  "two content-type": [...GOOD, ["content-type", "a/b"], ["content-type", "c/d"]],
  "a body announced that does not come": [...GOOD, ["content-length", "5"]],
};

/** How HTTP/2 ends what is malformed (8.1.1), and what the server answers to the rest. */
const REFUSED = /^(?:(?:stream|connection) error 1|Bad Request\n|Not Implemented\n)$/;

sceneTest("a malformed request in HTTP/2 never reaches the app", async (scene) => {
  const server = await startMirror(scene, 1, "--forwarded-allow-ips", "192.0.2.1");
  for (const [what, fields] of Object.entries(MALFORMED)) {
    assertMatch(await outcome(server.port, request(fields)), REFUSED, what);
  }
  assertEquals(await server.get("/seen"), "0");
});

/** An upload that says how long it is, and sends this. */
function upload(announced: string, sent: string, trailers?: Fields): Uint8Array[] {
  const fields: Fields = [...having(":path", "/"), ["content-length", announced]];
  const post = fields.map(([name, value]) => [name, name === ":method" ? "POST" : value] as const);
  const end = trailers === undefined ? Flag.endStream : Flag.none;
  return [
    frame(FrameType.headers, Flag.endHeaders, 1, headerBlock(post)),
    frame(FrameType.data, end, 1, new TextEncoder().encode(sent)),
    ...(trailers === undefined ? [] : [
      frame(FrameType.headers, Flag.endHeaders | Flag.endStream, 1, headerBlock(trailers)),
    ]),
  ];
}

sceneTest("a body in HTTP/2 is as long as it was announced, or an error", async (scene) => {
  const server = await startMirror(scene, 1);
  const wrong = [
    upload("2", "hello"),
    upload("9", "hello"),
    upload("9", "hello", [["a", "b"]]),
    upload("5", "hello", [["x-a", "b"], [":path", "/x"]]),
  ];
  for (const frames of wrong) assertEquals(await outcome(server.port, frames), "stream error 1");
  // Trailers are never taken for header fields; of a pseudo field alone Deno takes no notice.
  const unnoticed: readonly (Fields | undefined)[] = [
    undefined,
    [["host", "b.example"], ["x-a", "b"]],
    [[":path", "/x"]],
  ];
  for (const trailers of unnoticed) {
    const { body, fields } = JSON.parse(
      await outcome(server.port, upload("5", "hello", trailers)),
    );
    assertEquals(body, "hello");
    assertEquals(fields, [["content-length", "5"], ["host", "a.example"]]);
  }
});

sceneTest(
  "what is unusual in HTTP/2 is served as what its client can have meant",
  async (scene) => {
    const server = await startMirror(scene, 1);
    const own = `localhost:${server.port}`;
    const without = having(":path", "/x").filter(([name]) => name !== ":authority");
    const unusual: readonly (readonly [fields: Fields, url: string])[] = [
      [[...having(":path", "/x"), ["host", "a.example"]], "http://a.example/x"],
      [[...without, ["host", "a.example"]], "http://a.example/x"],
      [[...having(":path", "/x"), ["te", "trailers"]], "http://a.example/x"],
      // Deno puts the slash, cuts the fragment off, and takes who names no host for its own.
      [having(":path", "x"), "http://a.example/x"],
      [having(":path", "@b.example/x"), "http://a.example/@b.example/x"],
      [having(":path", "/x#y"), "http://a.example/x"],
      [having(":path", "http://b.example/x"), "http://a.example/http://b.example/x"],
      [without, `http://${own}/x`],
    ];
    for (const [fields, url] of unusual) {
      const seen = JSON.parse(await outcome(server.port, request(fields)));
      assertEquals([seen.url, new Map(seen.fields).get("host")], [url, new URL(url).host]);
    }
    const crumbs: Fields = [...having(":path", "/x"), ["cookie", "a=b"], ["cookie", "c=d"]];
    const seen = JSON.parse(await outcome(server.port, request(crumbs)));
    assertEquals(new Map(seen.fields).get("cookie"), "a=b; c=d");
  },
);
