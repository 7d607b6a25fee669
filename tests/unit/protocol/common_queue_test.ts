/** The common queue (protocol/wsgi/common_queue.ts), its threads played by the test. */

import { assert, assertEquals } from "@std/assert";
import { createCommonQueue, NO_BODY, Task } from "../../../src/protocol/wsgi/common_queue.ts";
import { CommonQueueReader } from "../../../src/protocol/wsgi/common_queue_reader.ts";
import { CommonQueueWriter } from "../../../src/protocol/wsgi/common_queue_writer.ts";

function open(threads: number) {
  const memory = createCommonQueue(threads);
  const readers = Array.from({ length: threads }, (_, i) => new CommonQueueReader(memory, i));
  return { memory, writer: new CommonQueueWriter(memory), readers };
}

const put = (writer: CommonQueueWriter, id: number, head: string, body: Uint8Array | null = null) =>
  writer.put(id, head, body, Task.exchange);

function take(reader: CommonQueueReader): { id: number; head: string; body: number } | null {
  if (!reader.take()) return null;
  const { id, at, headBytes, body } = reader;
  const head = new TextDecoder().decode(reader.bytes.slice(at, at + headBytes));
  reader.release();
  return { id, head, body };
}

Deno.test("the first thread that sleeps is woken, and no second one before it has arrived", () => {
  const { memory, writer, readers } = open(4);
  const { sleepers } = memory;
  sleepers.set([0, 1, 1, 1]);
  put(writer, 1, "one");
  writer.wake();
  assertEquals([...sleepers], [0, 0, 1, 1]);
  put(writer, 2, "two");
  writer.wake();
  assertEquals([...sleepers], [0, 0, 1, 1]);
  // The second thread is there and takes one: now the next one is sent for.
  assert(readers[1]!.wait());
  readers[1]!.arrive();
  assertEquals(take(readers[1]!)?.id, 1);
  readers[1]!.callCompany();
  assertEquals([...sleepers], [0, 0, 0, 1]);
});

Deno.test("a thread that would sleep finds that it was sent for while none slept", () => {
  const { memory, writer, readers } = open(2);
  put(writer, 1, "one");
  writer.wake();
  assert(readers[1]!.wait(), "it would sleep for ever");
  assertEquals([...memory.sleepers], [0, 0]);
  readers[1]!.arrive();
  assertEquals(take(readers[1]!), { id: 1, head: "one", body: NO_BODY });
});

/** Has so many exchanges taken that calls are held for quick; then all sleep. */
function openQuick(threads: number) {
  const opened = open(threads);
  const { memory, writer, readers: [first] } = opened;
  for (let id = 1; id <= 4096; id++) {
    put(writer, id, "quick");
    writer.wake();
    first!.wait();
    first!.arrive();
    assert(take(first!) !== null && take(first!) === null);
  }
  memory.sleepers.fill(1);
  return opened;
}

Deno.test("where calls are quick the thread at work stays the only one until it finds nothing", () => {
  const { memory: { sleepers }, writer, readers: [first] } = openQuick(3);
  for (let id = 1; id <= 3; id++) put(writer, id, "quick");
  assert(writer.wake(), "two wait behind the first one");
  first!.wait();
  first!.arrive();
  for (let id = 1; id <= 3; id++) {
    assertEquals(take(first!)?.id, id);
    first!.callCompany();
    put(writer, id + 3, "quick");
    assert(writer.wake(), "it waits behind a call that may block");
    assertEquals([...sleepers], [0, 1, 1]);
  }
  while (take(first!) !== null) first!.callCompany();
  sleepers[0] = 1;
  put(writer, 9, "alone");
  assert(!writer.wake(), "it has got a thread of its own");
  assertEquals([...sleepers], [0, 1, 1]);
});

Deno.test("what waits behind a call that blocks gets a thread when a look finds that none was taken", () => {
  const { memory: { sleepers }, writer, readers: [first, second] } = openQuick(3);
  put(writer, 1, "blocks");
  put(writer, 2, "waits");
  put(writer, 3, "waits");
  assert(writer.wake());
  first!.wait();
  first!.arrive();
  assertEquals(take(first!)?.id, 1);
  first!.callCompany();
  assert(writer.look(), "one was taken since the turn");
  assertEquals([...sleepers], [0, 1, 1]);
  assert(!writer.look(), "from here on the threads see to each other");
  assertEquals([...sleepers], [0, 0, 1]);
  assert(second!.wait());
  second!.arrive();
  assertEquals(take(second!)?.id, 2);
  // Calls are quick no longer.
  second!.callCompany();
  assertEquals([...sleepers], [0, 0, 0]);
});

Deno.test("a thread that finds calls slow while it is the standby gets company again", () => {
  const { memory: { sleepers }, writer, readers: [first] } = openQuick(2);
  for (let id = 1; id <= 3; id++) put(writer, id, "one");
  writer.wake();
  first!.wait();
  first!.arrive();
  take(first!);
  first!.callCompany();
  assertEquals([...sleepers], [0, 1]);
  first!.slow();
  take(first!);
  first!.callCompany();
  assertEquals([...sleepers], [0, 0]);
});

Deno.test("an empty queue needs no further look", () => {
  const { writer, readers: [first] } = openQuick(2);
  for (let id = 1; id <= 2; id++) put(writer, id, "one");
  assert(writer.wake());
  while (take(first!) !== null);
  assert(!writer.look());
});

Deno.test("all threads are woken to leave", () => {
  const { memory, writer, readers } = open(3);
  memory.sleepers.fill(1);
  writer.leave();
  assertEquals([...memory.sleepers], [0, 0, 0]);
  for (const reader of readers) assert(!reader.wait());
});

Deno.test("a queue that is empty begins anew, and one that is not goes on", () => {
  const { writer, readers: [reader] } = open(1);
  put(writer, 1, "first");
  assert(reader!.take());
  const first = reader!.at;
  put(writer, 2, "second", new Uint8Array(100_000));
  reader!.release();
  assertEquals(take(reader!), { id: 2, head: "second", body: 100_000 });
  put(writer, 3, "third");
  assert(reader!.take());
  assertEquals(reader!.at, first);
  reader!.release();
});

Deno.test("bodies of all sizes come out whole, round after round", () => {
  const { writer, readers: [reader] } = open(1);
  const waiting: [number, number][] = [];
  for (let id = 1; id < 500; id++) {
    const length = (id * 7919) % 100_000;
    const body = new Uint8Array(length).fill(id);
    while (put(writer, id, `head ${id}`, body) < 0) check();
    waiting.push([id, length]);
  }
  while (waiting.length > 0) check();

  function check() {
    const [id, length] = waiting.shift()!;
    assert(reader!.take());
    assertEquals([reader!.id, reader!.body], [id, length]);
    const from = reader!.at + reader!.headBytes;
    const body = reader!.bytes.subarray(from, from + length);
    assert(body.every((byte) => byte === id % 256), `the body of ${id}`);
    reader!.release();
  }
});

Deno.test("what was taken back is passed over", () => {
  const { writer, readers: [reader] } = open(1);
  const slot = put(writer, 1, "one");
  put(writer, 2, "two");
  assertEquals(writer.wanted, 2);
  assert(writer.revoke(slot, 1));
  assertEquals([writer.waiting, writer.wanted], [2, 1], "nobody waits for the one given up");
  assertEquals(take(reader!)?.id, 2);
  assert(!writer.revoke(slot, 1), "it is over");
  assertEquals(take(reader!), null);
});

/** Fills all slots. Returns how many there are. */
function fill(writer: CommonQueueWriter): number {
  let count = 0;
  while (put(writer, count + 1, "head") >= 0) count++;
  return count;
}

Deno.test("what found no room is reported when the last one of a full queue is taken, once", () => {
  const { writer, readers: [reader, other] } = open(2);
  const count = fill(writer);
  for (let i = 1; i < count; i++) {
    assert(take(reader!) !== null);
    assert(!reader!.isWished(), "others are to come");
  }
  assert(take(reader!) !== null);
  assert(reader!.isWished());
  assert(!other!.isWished(), "it is known");
  assert(put(writer, 1000, "head") >= 0);
});

Deno.test("where a thread finds nothing but what was taken back, room is reported", () => {
  const { writer, readers: [reader] } = open(1);
  const count = fill(writer);
  for (let slot = 0; slot < count; slot++) assert(writer.revoke(slot, slot + 1));
  assertEquals(put(writer, 1000, "head"), -1);
  assertEquals(take(reader!), null);
  assert(reader!.isWished());
});

Deno.test("room is not reported while its last part is still read, but then", () => {
  const { writer, readers: [reader, other] } = open(2);
  const body = new Uint8Array(600_000);
  put(writer, 1, "one", body);
  assertEquals(put(writer, 2, "two", body), -1);
  assert(reader!.take());
  assert(other!.isWished(), "the queue is empty");
  // The server looks, and finds the memory in use.
  assertEquals(put(writer, 2, "two", body), -1);
  reader!.release();
  assert(reader!.isWished());
  assert(put(writer, 2, "two", body) >= 0);
});

Deno.test("a queue with room for all has nothing to report", () => {
  const { writer, readers: [reader] } = open(1);
  put(writer, 1, "one");
  assert(take(reader!) !== null);
  assert(!reader!.isWished());
});
