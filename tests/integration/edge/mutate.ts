/** Requests, and what becomes of them in the hands of somebody who means no good. Seeded. */

import type { Latin1 } from "../../support/wire.ts";

/** xorshift32: the same numbers everywhere, for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) | 1;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Whole requests, in all their forms; a number makes each one's target its own. */
const REQUESTS: readonly ((id: number) => Latin1)[] = [
  (id) => `GET /get/${id}?a=b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n`,
  (id) => `GET http://a/absolute/${id} HTTP/1.1\r\nHost: a\r\n\r\n`,
  (id) => `GET /old/${id} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`,
  (id) => `OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Id: ${id}\r\n\r\n`,
  (id) => `POST /empty/${id} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
  (id) =>
    `POST /length/${id} HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  (id) =>
    `PUT /chunked/${id} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n3;a=b\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n`,
  (id) =>
    `POST /upgrade/${id} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n` +
    `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  (id) =>
    `GET /socket/${id} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${SMUGGLED}`,
  (id) =>
    `DELETE /expect/${id} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`,
  (id) =>
    `GET /cookie/${id} HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nX_Under: 1\r\n\r\n`,
];

/** Lines that put two readings of the same bytes against one another. */
const LINES = [
  "Content-Length: 5",
  "Content-Length: 0",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length: 0x5",
  "Content-Length:",
  "Content-Length : 5",
  "Content-Length: 99999999999999999999",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: \x0bchunked",
  "transfer-encoding:\n chunked",
  "Transfer_Encoding: chunked",
  "Connection: close",
  "Connection: content-length",
  "Connection: upgrade\r\nUpgrade: websocket",
  "Host: b",
  "Host: a",
  "Host:",
  " folded: value",
  "X-Nul: a\0b",
  "X-Bare: a\rb",
  "X-Split: a\r\nGET /smuggled HTTP/1.1",
  "X-Latin: \xe9\xff",
  ": no name",
  "no colon",
  "Expect: 200-maybe",
  'Forwarded: for="',
  `X-Long: ${"a".repeat(9000)}`,
];

const BYTES = [
  "\0",
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  ":",
  ";",
  "/",
  "#",
  "?",
  "\\",
  "\x7f",
  "\xff",
  "0",
  "-",
];

type Mutation = (bytes: Latin1, random: Random) => Latin1;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.length);
    const flipped = String.fromCharCode(bytes.charCodeAt(at) ^ (1 << random.below(8)));
    return bytes.slice(0, at) + flipped + bytes.slice(at + 1);
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    return bytes.slice(0, at) + random.of(BYTES) + bytes.slice(at);
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length);
    return bytes.slice(0, at) + bytes.slice(at + 1 + random.below(4));
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length));
  },
  function addLine(bytes, random) {
    const ends = [...bytes.matchAll(/\r\n/g)].map(({ index }) => index + 2);
    const at = ends.length === 0 ? 0 : random.of(ends);
    return `${bytes.slice(0, at)}${random.of(LINES)}\r\n${bytes.slice(at)}`;
  },
  function doubleLine(bytes, random) {
    const lines = bytes.split("\r\n");
    const at = random.below(lines.length);
    return [...lines.slice(0, at), lines[at], ...lines.slice(at)].join("\r\n");
  },
  function swapLines(bytes, random) {
    const lines = bytes.split("\r\n");
    const [a, b] = [random.below(lines.length), random.below(lines.length)];
    [lines[a], lines[b]] = [lines[b]!, lines[a]!];
    return lines.join("\r\n");
  },
  function bareLineFeeds(bytes, random) {
    return random.below(2) === 0 ? bytes.replaceAll("\r\n", "\n") : bytes.replace("\r\n", "\n");
  },
  function changeNumber(bytes, random) {
    const numbers = [...bytes.matchAll(/[0-9a-f]+/g)];
    if (numbers.length === 0) return bytes;
    const { 0: number, index } = random.of(numbers);
    const other = String(parseInt(number, 16) + random.of([-1, 1, 16, 1000]));
    return bytes.slice(0, index) + other + bytes.slice(index + number.length);
  },
  function changeCase(bytes, random) {
    const at = random.below(bytes.length);
    const upper = bytes.slice(at, at + 20).replace(/[a-z]+/g, (text) => text.toUpperCase());
    return bytes.slice(0, at) + upper + bytes.slice(at + 20);
  },
];

/** What one connection sends: one to three requests, most of them not as they ought to be. */
export function makeBlob(id: number, random: Random): Latin1 {
  let blob = "";
  for (let requests = 1 + random.below(3); requests > 0; requests--) {
    let request = random.of(REQUESTS)(id);
    for (let times = random.below(4); times > 0 && request !== ""; times--) {
      request = random.of(MUTATIONS)(request, random);
    }
    blob += request;
  }
  return blob;
}
