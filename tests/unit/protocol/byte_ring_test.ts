/** The ring of records (protocol/wsgi/byte_ring.ts), both ends in one thread. */

import { assert, assertEquals } from "@std/assert";
import { createRing, RingReader, RingWriter } from "../../../src/protocol/wsgi/byte_ring.ts";

const SIZE = 256 * 1024;

function open() {
  const ring = createRing(SIZE);
  return { writer: new RingWriter(ring), reader: new RingReader(ring) };
}

/** Writes a record whose bytes are all `value`. Returns where it is, or -1. */
function write(writer: RingWriter, length: number, value: number): number {
  const at = writer.reserve(length);
  if (at < 0) return at;
  writer.bytes.fill(value, at, at + length);
  writer.commit();
  return at;
}

function assertNext(reader: RingReader, length: number, value: number): void {
  assert(reader.next());
  assertEquals(reader.length, length);
  const bytes = reader.bytes.subarray(reader.at, reader.at + length);
  assert(bytes.every((byte) => byte === value), `a record of ${value} holds other bytes`);
  reader.done();
}

Deno.test("records of all lengths come out as they went in, round after round", () => {
  const { writer, reader } = open();
  const waiting: [number, number][] = [];
  let value = 0;
  for (let length = 0, total = 0; total < 20 * SIZE; length = (length * 7 + 1) % 50_021) {
    value = (value + 1) % 256;
    // Emptied now and then only, so that it wraps with records in it as well.
    while (write(writer, length, value) < 0) {
      assertNext(reader, ...waiting.shift()!);
    }
    waiting.push([length, value]);
    total += length;
  }
  for (const record of waiting) assertNext(reader, ...record);
  assert(!reader.next());
});

Deno.test("a ring that is empty begins anew, and one that is not goes on", () => {
  const { writer, reader } = open();
  const first = write(writer, 70_000, 1);
  assertNext(reader, 70_000, 1);
  assertEquals(write(writer, 100, 2), first);
  const next = write(writer, 100, 3);
  assert(next > first);
  assertNext(reader, 100, 2);
  assertNext(reader, 100, 3);
  assert(!reader.next());
});

Deno.test("a ring that begins anew still takes what would not fit before its end", () => {
  const { writer, reader } = open();
  for (let round = 0; round < 10; round++) {
    write(writer, SIZE / 2 - 4, round);
    assertNext(reader, SIZE / 2 - 4, round);
    write(writer, 100 * round, 255);
    assertNext(reader, 100 * round, 255);
  }
});

Deno.test("a full ring takes nothing before something was read", () => {
  const { writer, reader } = open();
  while (write(writer, 10_000, 7) >= 0);
  assertEquals(write(writer, 10_000, 8), -1);
  assertNext(reader, 10_000, 7);
  assert(write(writer, 10_000, 8) >= 0);
});
