import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { crc32c } from "../../../../src/proc/edge/crc32c.ts";
import {
  bytesNeeded,
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  type ProxyHeader,
  ProxyHeaderError,
  readProxyHeader,
} from "../../../../src/proc/edge/proxy_protocol.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Gives a connection's bytes in pieces of at most `most`, and knows how many were taken. */
class Wire {
  taken = 0;
  readonly #bytes: Uint8Array;
  readonly #most: number;

  constructor(bytes: Uint8Array, most: number) {
    this.#bytes = bytes;
    this.#most = most;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const length = Math.min(buffer.length, this.#most, this.#bytes.length - this.taken);
    if (length === 0) return Promise.resolve(null);
    buffer.set(this.#bytes.subarray(this.taken, this.taken + length));
    this.taken += length;
    return Promise.resolve(length);
  }
}

/** Reads the header however the network cuts it, and sees to it that no byte of HTTP is taken. */
async function read(header: Uint8Array | string): Promise<ProxyHeader> {
  const bytes = typeof header === "string" ? latin1(header) : header;
  const all = new Uint8Array([...bytes, ...latin1(REQUEST)]);
  let result: ProxyHeader | undefined;
  for (const most of [1, 2, 7, 15, 16, 1000]) {
    const wire = new Wire(all, most);
    const read = await readProxyHeader(wire);
    assertEquals(wire.taken, bytes.length, `bytes taken in pieces of ${most}`);
    if (result !== undefined) assertEquals(read, result);
    result = read;
  }
  return result!;
}

interface V2 {
  verCmd?: number;
  family?: number;
  body?: number[];
  tlvs?: number[];
  length?: number;
}

function v2({ verCmd = 0x21, family = 0x11, body, tlvs = [], length }: V2 = {}): Uint8Array {
  const payload = [...(body ?? [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80]), ...tlvs];
  const size = length ?? payload.length;
  return new Uint8Array([
    ...latin1("\r\n\r\n\0\r\nQUIT\n"),
    verCmd,
    family,
    size >> 8,
    size & 255,
    ...payload,
  ]);
}

const PLAIN = { source: { address: "203.0.113.9", port: 0x1234 }, secure: null };

Deno.test("version 1 is read to its last byte and no further", async () => {
  const source = (address: string, port: number) => ({ source: { address, port }, secure: null });
  assertEquals(
    await read("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n"),
    source("203.0.113.9", 56324),
  );
  assertEquals(await read("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"), source("1.1.1.1", 1));
  assertEquals(
    await read("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
    source("255.255.255.255", 65535),
  );
  assertEquals(await read("PROXY TCP6 :: :: 0 0\r\n"), source("::", 0));
  assertEquals(
    await read(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    source("ffff:".repeat(7) + "ffff", 65535),
  );
  const unknown = { source: null, secure: null };
  assertEquals(await read("PROXY UNKNOWN\r\n"), unknown);
  assertEquals(await read("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), unknown);
});

Deno.test("version 2 is read to its last byte and no further", async () => {
  assertEquals(await read(v2()), PLAIN);
  const v6 = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, ...Array(16).fill(9), 0, 80, 1, 187];
  assertEquals(await read(v2({ family: 0x21, body: v6 })), {
    source: { address: "2001:db8::1", port: 80 },
    secure: null,
  });
  const nobody = { source: null, secure: null };
  assertEquals(await read(v2({ family: 0x31, body: Array(216).fill(65) })), nobody);
  assertEquals(await read(v2({ family: 0, body: [] })), nobody);
  assertEquals(await read(v2({ family: 0, body: [4, 0, 2, 1, 1] })), nobody);
  assertEquals(await read(v2({ verCmd: 0x20 })), nobody);
  assertEquals(await read(v2({ verCmd: 0x20, family: 0, body: [] })), nobody);
  // Of a proxy's own connection nothing else counts (section 2.2).
  assertEquals(await read(v2({ verCmd: 0x20, body: [] })), nobody);
  assertEquals(await read(v2({ verCmd: 0x20, family: 0xff, body: [1, 2] })), nobody);
});

Deno.test("version 2 tells by its TLS extension whether the client spoke TLS", async () => {
  const tls = (client: number) => [0x20, 0, 5, client, 0, 0, 0, 0];
  assertEquals(await read(v2({ tlvs: tls(1) })), { ...PLAIN, secure: true });
  assertEquals(await read(v2({ tlvs: tls(0) })), { ...PLAIN, secure: false });
  // Extensions that mean nothing to us stand before it: ALPN, a unique id, padding.
  const others = [1, 0, 2, 104, 50, 5, 0, 1, 7, 4, 0, 0];
  assertEquals(await read(v2({ tlvs: [...others, ...tls(3)] })), { ...PLAIN, secure: true });
});

Deno.test("a checksum that is there must be right", async () => {
  // RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending.
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  const header = v2({ tlvs: [3, 0, 4, 0, 0, 0, 0] });
  new DataView(header.buffer).setUint32(header.length - 4, crc32c(header));
  assertEquals(await read(header), PLAIN);
  header[17]! ^= 1;
  assertThrows(() => parseProxyHeader(header), ProxyHeaderError, "checksum is wrong");
});

Deno.test("what is not a header is refused as soon as it shows, without waiting for more", () => {
  for (
    const start of ["G", "GET / HTTP/1.1\r\n", "PROXX", "proxy ", "\r\n\r\n\0\r\nQUIX", "\x16\x03"]
  ) {
    assertThrows(() => bytesNeeded(latin1(start)), ProxyHeaderError, "there is none", start);
  }
  assertThrows(() => bytesNeeded(latin1("PROXY UDP4 1.1.1.1")), ProxyHeaderError);
  assertThrows(() => bytesNeeded(latin1(`PROXY UNKNOWN ${"x".repeat(100)}`)), ProxyHeaderError);
  const long = v2({ length: MAX_PROXY_HEADER_BYTES }).subarray(0, 16);
  assertThrows(() => bytesNeeded(long), ProxyHeaderError, "longer than");
});

Deno.test("a malformed header is refused", () => {
  const lines = [
    "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
    "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
    "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
    "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
    "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
    "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
    "PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
    "PROXY TCP4 ::1 ::2 1 2\r\n",
    "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
    "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n",
  ];
  for (const line of lines) {
    assertThrows(() => parseProxyHeader(latin1(line)), ProxyHeaderError, undefined, line);
  }
  const binary: V2[] = [
    { verCmd: 0x11 },
    { verCmd: 0x22 },
    { family: 0x41 },
    { family: 0x13 },
    { family: 0x12 },
    { body: [1, 2, 3] },
    { tlvs: [1, 0] },
    { tlvs: [1, 0, 9, 0] },
    { tlvs: [0x20, 0, 1, 1] },
    { tlvs: [3, 0, 1, 1] },
  ];
  for (const header of binary) {
    const why = JSON.stringify(header);
    assertThrows(() => parseProxyHeader(v2(header)), ProxyHeaderError, undefined, why);
  }
});

Deno.test("a connection that ends within the header is an error, not a hang", async () => {
  const whole = [...v2()];
  for (const bytes of [[], whole.slice(0, 5), whole.slice(0, 20)]) {
    await assertRejects(
      () => readProxyHeader(new Wire(new Uint8Array(bytes), 100)),
      ProxyHeaderError,
      "ended",
    );
  }
});

Deno.test("random bytes are refused, or taken for a header, but never read beyond one", async () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8;
  for (let round = 0; round < 2000; round++) {
    const header = random() & 1 ? v2() : latin1("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n");
    for (let i = random() % 3; i >= 0; i--) header[random() % header.length] = random() & 255;
    const wire = new Wire(new Uint8Array([...header, ...Array(5000).fill(65)]), 1 + random() % 64);
    try {
      await readProxyHeader(wire);
      assert(wire.taken <= MAX_PROXY_HEADER_BYTES);
    } catch (error) {
      assert(error instanceof ProxyHeaderError, String(error));
      assert(wire.taken <= MAX_PROXY_HEADER_BYTES);
    }
  }
});
