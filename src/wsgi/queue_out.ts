/** The ring out, as the thread fills it: one method for each operation. Runs under the GIL. */

import { libc } from "../os/libc.ts";
import { type Ring, RingWriter } from "../protocol/wsgi/byte_ring.ts";
import type { CommonQueueReader } from "../protocol/wsgi/common_queue_reader.ts";
import {
  PLAIN_WORDS,
  RESPOND_WORDS,
  VALUE_WORDS,
  WsgiBody,
  WsgiGuest,
  WsgiOut,
  WsgiWord,
} from "../protocol/wsgi/wsgi.ts";
import type { Gil } from "../python/gil.ts";
import { addressOf } from "../python/memory.ts";

const WORD = 4;
const encoder = new TextEncoder();

/** Bytes that Python holds: an address, and how many. */
export interface PythonBytes {
  readonly address: bigint;
  readonly length: number;
}

export class WsgiQueueOut {
  readonly #ring: RingWriter;
  readonly #memory: bigint;
  readonly #queue: CommonQueueReader;
  readonly #port: MessagePort;
  readonly #gil: Gil;
  readonly #words: Int32Array;
  readonly #memcpy = libc().memcpy;

  constructor(
    ring: Ring,
    words: Int32Array,
    queue: CommonQueueReader,
    port: MessagePort,
    gil: Gil,
  ) {
    this.#ring = new RingWriter(ring);
    this.#words = words;
    this.#memory = addressOf(this.#ring.bytes);
    this.#queue = queue;
    this.#port = port;
    this.#gil = gil;
  }

  respond(
    id: number,
    number: number,
    head: PythonBytes | null,
    address: bigint,
    length: number,
    kind: number,
  ): void {
    const headBytes = head === null ? 0 : head.length;
    // Python keeps a NUL behind the bytes of every object.
    if (kind === WsgiBody.ascii) length++;
    let at = this.#reserve(RESPOND_WORDS * WORD + headBytes + length);
    const { words } = this.#ring;
    const word = at >> 2;
    words[word] = WsgiOut.respond;
    words[word + 1] = id;
    words[word + 2] = number;
    words[word + 3] = headBytes;
    words[word + 4] = kind;
    at += RESPOND_WORDS * WORD;
    if (head !== null) this.#copy(at, head.address, headBytes);
    if (length > 0) this.#copy(at + headBytes, address, length);
    this.#send();
  }

  chunk(id: number, address: bigint, length: number): void {
    const at = this.#reserve(PLAIN_WORDS * WORD + length);
    this.#begin(at, WsgiOut.chunk, id);
    this.#copy(at + PLAIN_WORDS * WORD, address, length);
    this.#send();
  }

  end(id: number): void {
    this.#plain(WsgiOut.end, id);
  }

  fail(id: number): void {
    this.#plain(WsgiOut.fail, id);
  }

  crashed(id: number): void {
    this.#plain(WsgiOut.crashed, id);
  }

  upgrade(id: number, protocol: PythonBytes): void {
    const at = this.#reserve(PLAIN_WORDS * WORD + protocol.length);
    this.#begin(at, WsgiOut.upgrade, id);
    this.#copy(at + PLAIN_WORDS * WORD, protocol.address, protocol.length);
    this.#send();
  }

  receive(id: number): void {
    this.#plain(WsgiOut.receive, id);
  }

  received(id: number, bytes: number): void {
    const at = this.#reserve(VALUE_WORDS * WORD);
    this.#begin(at, WsgiOut.received, id);
    this.#ring.words[(at >> 2) + 2] = bytes;
    this.#send();
  }

  /** A message of a record, which is short enough for the ring (log/record.ts). */
  log(level: number, message: string): void {
    const bytes = encoder.encode(message);
    const at = this.#reserve(VALUE_WORDS * WORD + bytes.length);
    this.#begin(at, WsgiOut.log, 0);
    this.#ring.words[(at >> 2) + 2] = level;
    this.#ring.bytes.set(bytes, at + VALUE_WORDS * WORD);
    this.#send();
  }

  #plain(operation: number, id: number): void {
    this.#begin(this.#reserve(PLAIN_WORDS * WORD), operation, id);
    this.#send();
  }

  #begin(at: number, operation: number, id: number): void {
    this.#ring.words[at >> 2] = operation;
    this.#ring.words[(at >> 2) + 1] = id;
  }

  /** Waits until no guest is in the midst of something; what it wrote comes before what follows. */
  seeGuestsOff(): void {
    const words = this.#words;
    while (Atomics.load(words, WsgiWord.guest) === WsgiGuest.atWork) {
      // It needs the GIL and nothing else. It cannot wake this thread.
      this.#gil.without(() => Atomics.wait(words, WsgiWord.guest, WsgiGuest.atWork, 1));
    }
    words[WsgiWord.guest] = WsgiGuest.none;
    this.#ring.resume();
  }

  #reserve(length: number): number {
    for (;;) {
      if (this.#words[WsgiWord.guest] !== WsgiGuest.none) this.seeGuestsOff();
      const at = this.#ring.reserve(length);
      if (at >= 0) return at;
      this.#gil.without(() => this.#ring.waitForRoom());
    }
  }

  #copy(at: number, address: bigint, length: number): void {
    this.#memcpy(this.#memory + BigInt(at), address, BigInt(length));
  }

  #send(): void {
    this.#ring.commit();
    this.wake();
  }

  /** The server looks by itself as long as it is at work: only one that sleeps needs a message. */
  wake(): void {
    if (this.#queue.serverSleeps()) this.#port.postMessage(0);
  }
}
