/**
 * The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt):
 * what a load balancer that passes bytes on says of the client, once, before the first of them.
 *
 * Deno's HTTP takes the connection over after the header, so not one byte behind it may be read.
 * {@linkcode bytesNeeded} says how many more can be asked for without that risk: the version's own
 * minimum first, then what the header still lacks at least.
 */

import { formatAddress, parseAddress } from "../../config/values/cidr.ts";
import { crc32c } from "./crc32c.ts";

/** What the header says of the client. */
export interface ProxyHeader {
  /** Null where the proxy speaks for itself (LOCAL, UNKNOWN): the connection's own peer holds. */
  readonly source: { readonly address: string; readonly port: number } | null;
  /** Whether the client spoke TLS to the proxy; null where the header does not say. */
  readonly secure: boolean | null;
}

/** A header that is none: the connection is to be closed without a word (section 2). */
export class ProxyHeaderError extends Error {
  override name = "ProxyHeaderError";
}

/** "PROXY UNKNOWN\r\n", the shortest header of all; version 2 has 16 at least. */
const SHORTEST = 15;
/** Section 2.1: the longest line of version 1, with its CRLF. */
const V1_LONGEST = 107;
/** The longest header of version 2 that is taken; its length field would allow 64 KiB. */
export const MAX_PROXY_HEADER_BYTES = 4096;

const SIGNATURE = new Uint8Array([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const V2_FIXED = 16;
const PREFIX = new TextEncoder().encode("PROXY ");

/**
 * How many bytes may be read next, after these; 0 when they are a whole header. Throws
 * {@linkcode ProxyHeaderError} as soon as no header can come of them.
 */
export function bytesNeeded(bytes: Uint8Array): number {
  if (bytes.length === 0) return SHORTEST;
  if (bytes[0] === SIGNATURE[0]) {
    startsWith(bytes, SIGNATURE);
    if (bytes.length < V2_FIXED) {
      return bytes.length < SHORTEST ? SHORTEST - bytes.length : V2_FIXED - bytes.length;
    }
    return v2Length(bytes) - bytes.length;
  }
  startsWith(bytes, PREFIX);
  if (bytes.length < SHORTEST) return SHORTEST - bytes.length;
  const needed = v1Needed(latin1(bytes));
  if (bytes.length + needed > V1_LONGEST) fail("its line is longer than 107 bytes");
  return needed;
}

/** Reads a whole header. Throws {@linkcode ProxyHeaderError} where it is malformed. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  return bytes[0] === SIGNATURE[0] ? parseV2(bytes) : parseV1(latin1(bytes));
}

function v1Needed(line: string): number {
  const end = line.indexOf("\r\n");
  if (end >= 0) return 0;
  if (line.endsWith("\r")) return 1;
  const fields = line.split(" ");
  if (fields[1] === "UNKNOWN") return 2;
  // Six fields with single spaces between; the ones to come have a byte at least, addresses more.
  const shortest = fields[1] === "TCP4"
    ? 7
    : fields[1] === "TCP6"
    ? 2
    : fail("it is not TCP4, TCP6");
  let needed = fields.at(-1) === "" ? 1 : 0;
  for (let i = fields.length; i < 6; i++) needed += 1 + (i < 4 ? shortest : 1);
  return needed + 2;
}

function parseV1(line: string): ProxyHeader {
  if (line.startsWith("PROXY UNKNOWN")) return { source: null, secure: null };
  const match = /^PROXY TCP([46]) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})\r\n$/.exec(line);
  if (match === null) fail("its line is malformed");
  const [, family, source, destination, sourcePort, destinationPort] = match;
  for (const address of [source!, destination!]) {
    if ((family === "6") !== address.includes(":") || parseAddress(address) === null) {
      fail(`it has no TCP${family} address`);
    }
  }
  if (!isPort(sourcePort!) || !isPort(destinationPort!)) fail("its ports are none");
  const address = formatAddress(parseAddress(source!)!);
  return { source: { address, port: Number(sourcePort) }, secure: null };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]*)$/.test(text) && Number(text) <= 65535;
}

/** Bytes of the whole header. */
function v2Length(bytes: Uint8Array): number {
  const length = V2_FIXED + ((bytes[14]! << 8) | bytes[15]!);
  if (length > MAX_PROXY_HEADER_BYTES) fail(`it is longer than ${MAX_PROXY_HEADER_BYTES} bytes`);
  return length;
}

/** Bytes of the addresses of each family: unspecified, IPv4, IPv6, unix. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;
const STREAM = 1;

function parseV2(bytes: Uint8Array): ProxyHeader {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 15;
  if (version !== 2) fail(`its version is ${version}`);
  if (command > 1) fail(`its command is ${command}`);
  // LOCAL: the proxy's own connection, a health check. All else is to be passed over, the family too.
  if (command === 0) return { source: null, secure: null };
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 15;
  if (family > 3 || transport > 2) fail("its address family or transport is none");
  const addresses = ADDRESS_BYTES[family]!;
  if (bytes.length < V2_FIXED + addresses) fail("it is shorter than its addresses");
  const secure = readExtensions(bytes, V2_FIXED + addresses);
  if (family !== 0 && transport !== STREAM) fail("its transport is not a stream");
  if (family === 1) {
    const address = bytes.subarray(16, 20).join(".");
    return { source: { address, port: (bytes[24]! << 8) | bytes[25]! }, secure };
  }
  if (family === 2) {
    const address = formatAddress(bytes.subarray(16, 32));
    return { source: { address, port: (bytes[48]! << 8) | bytes[49]! }, secure };
  }
  return { source: null, secure };
}

const TLV_CRC32C = 3;
const TLV_SSL = 0x20;
const CLIENT_SSL = 1;

/** Reads the type-length-values (section 2.2): of interest are the checksum, and whether TLS was spoken. */
function readExtensions(bytes: Uint8Array, from: number): boolean | null {
  let secure: boolean | null = null;
  for (let at = from; at < bytes.length;) {
    if (at + 3 > bytes.length) fail("an extension is cut off");
    const type = bytes[at]!;
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const value = bytes.subarray(at + 3, at + 3 + length);
    if (value.length < length) fail("an extension is cut off");
    if (type === TLV_SSL) {
      if (length < 5) fail("its TLS extension is too short");
      secure = (value[0]! & CLIENT_SSL) !== 0;
    } else if (type === TLV_CRC32C) {
      if (length !== 4) fail("its checksum is not four bytes");
      const sum = new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
      // Of the header with zeros in the checksum's place (section 2.2.3).
      const blank = bytes.slice();
      blank.fill(0, at + 3, at + 7);
      if (crc32c(blank) !== sum) fail("its checksum is wrong");
    }
    at += 3 + length;
  }
  return secure;
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): void {
  const length = Math.min(bytes.length, prefix.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== prefix[i]) fail("there is none");
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function fail(why: string): never {
  throw new ProxyHeaderError(`The connection does not begin with a PROXY header: ${why}`);
}

/**
 * Reads the header that a connection begins with, and nothing behind it. Throws
 * {@linkcode ProxyHeaderError}, or what reading throws: whoever owns the deadline closes the
 * connection, and that ends the read.
 */
export async function readProxyHeader(
  connection: { read(buffer: Uint8Array): Promise<number | null> },
): Promise<ProxyHeader> {
  let buffer = new Uint8Array(128);
  let length = 0;
  for (let needed; (needed = bytesNeeded(buffer.subarray(0, length))) > 0;) {
    if (length + needed > buffer.length) {
      const larger = new Uint8Array(length + needed);
      larger.set(buffer);
      buffer = larger;
    }
    const read = await connection.read(buffer.subarray(length, length + needed));
    if (read === null) fail(length === 0 ? "it ended at once" : "it ended in the middle");
    length += read;
  }
  return parseProxyHeader(buffer.subarray(0, length));
}
