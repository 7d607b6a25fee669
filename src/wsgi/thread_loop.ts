/**
 * A WSGI thread at work: takes exchanges, and what WebSockets have to be told, from the common queue,
 * calls the app for one after another and sends what it returns. It blocks wherever there is something
 * to wait for, and never returns to its event loop before the proc leaves.
 *
 * Hot: the numbers and handles of an exchange are kept in variables, and no object is made for one.
 */

import { createLog, type Level, LEVELS, type Log } from "../log/record.ts";
import { RingReader } from "../protocol/wsgi/byte_ring.ts";
import { STREAMED_BODY, Task } from "../protocol/wsgi/common_queue.ts";
import { CommonQueueReader } from "../protocol/wsgi/common_queue_reader.ts";
import { STREAM_WINDOW_BYTES } from "../protocol/queue/queue.ts";
import {
  MAX_PIECE_BYTES,
  PLAIN_WORDS,
  WsgiBody,
  type WsgiBoot,
  WsgiIn,
  WsgiWord,
} from "../protocol/wsgi/wsgi.ts";
import { Gil } from "../python/gil.ts";
import { addressOf } from "../python/memory.ts";
import { takeError } from "../python/objects.ts";
import { type Api, type Handle, NULL, openPython } from "../python/symbols.ts";
import { ASCII, createGateway, FINISH, type Gateway, HEAD_SENT, MORE, UPGRADE } from "./gateway.ts";
import { Pace } from "./pace.ts";
import { type PythonBytes, WsgiQueueOut } from "./queue_out.ts";

const WORD = 4;

export class WsgiThreadLoop {
  readonly #api: Api;
  readonly #gil: Gil;
  readonly #queue: CommonQueueReader;
  readonly #memory: bigint;
  readonly #out: WsgiQueueOut;
  readonly #in: RingReader;
  readonly #inMemory: bigint;
  readonly #words: Int32Array;
  readonly #gateway: Gateway;
  readonly #log: Log;
  /** null where there is no other thread to wake. */
  readonly #pace: Pace | null;
  /** The exchange that runs. */
  #id = 0;
  readonly #size = new BigInt64Array(1);

  /** Loads the app. Throws AppLoadError. */
  constructor(boot: WsgiBoot) {
    const { config } = boot;
    const api = this.#api = openPython(boot.library);
    this.#gil = new Gil(api);
    this.#queue = new CommonQueueReader(boot.queue, boot.id - 1);
    this.#memory = addressOf(this.#queue.bytes);
    this.#out = new WsgiQueueOut(boot.ringOut, boot.words, this.#queue, boot.port, this.#gil);
    this.#in = new RingReader(boot.ringIn);
    this.#inMemory = addressOf(this.#in.bytes);
    this.#words = boot.words;
    this.#pace = config.threads > 1 ? new Pace() : null;
    this.#log = createLog(
      config.log_level,
      "",
      ({ level, message }) => this.#out.log(LEVELS.indexOf(level), message),
    );
    this.#gateway = this.#gil.with(() =>
      createGateway(api, boot, {
        send: (message) => this.#emit(message) >= 0 && this.#mayGoOn(),
        receive: () => this.#receive(),
        log: (level, message) => this.#log[level as Level](message),
        wake: () => boot.port.postMessage(0),
      })
    );
  }

  /** Returns when the proc leaves and nothing is left to take. */
  run(): void {
    const queue = this.#queue;
    const pace = this.#pace;
    while (queue.wait()) {
      this.#gil.acquire();
      queue.arrive();
      pace?.begin();
      while (queue.take()) {
        queue.callCompany();
        if (queue.kind === Task.socket) this.#callbacks();
        else this.#exchange();
        if (pace?.call()) queue.slow();
      }
      if (queue.isWished()) this.#out.wake();
      if (pace?.end()) queue.slow();
      this.#gil.release();
    }
  }

  #exchange(): void {
    const api = this.#api;
    const queue = this.#queue;
    const id = this.#id = queue.id;
    Atomics.store(this.#words, WsgiWord.current, id);

    const message = queue.kind === Task.exchange
      ? this.#call(this.#gateway.begin, 2n)
      : this.#call(this.#gateway.upgrade, 3n);

    if (message === this.#gateway.none) this.#out.crashed(id);
    else if (message === this.#gateway.false) this.#out.fail(id);
    else if (message === NULL) this.#broken();
    else {
      const follows = this.#emit(message);
      if (follows === MORE) this.#stream();
      if (follows === MORE || follows === FINISH) this.#finish();
    }
    if (message !== NULL) api.Py_DecRef(message);
    Atomics.store(this.#words, WsgiWord.current, 0);
  }

  /** Runs callbacks of a WebSocket. */
  #callbacks(): void {
    Atomics.store(this.#words, WsgiWord.current, this.#id = this.#queue.id);
    // Unlike an exchange, a socket may have several tasks with a body.
    this.#words[WsgiWord.receiving] = 0;
    const result = this.#call(this.#gateway.run, 3n);
    if (result === NULL) this.#log.error(`The gateway failed: ${takeError(this.#api).trace}`);
    else this.#api.Py_DecRef(result);
    Atomics.store(this.#words, WsgiWord.current, 0);
  }

  /** Calls `callable` with the head and the body of what was taken, and its id as the third one. */
  #call(callable: Handle, count: bigint): Handle {
    const api = this.#api;
    const queue = this.#queue;
    const args = api.PyTuple_New(count);
    const head = this.#memory + BigInt(queue.at);
    const headBytes = BigInt(queue.headBytes);
    api.PyTuple_SetItem(args, 0n, api.PyUnicode_DecodeUTF8_at(head, headBytes, NULL));
    api.PyTuple_SetItem(args, 1n, this.#bodyOf(queue.body, head + headBytes));
    if (count === 3n) api.PyTuple_SetItem(args, 2n, api.PyLong_FromLong(BigInt(queue.id)));
    queue.release();
    if (queue.isWished()) this.#out.wake();
    const result = api.PyObject_Call(callable, args, NULL);
    api.Py_DecRef(args);
    return result;
  }

  #bodyOf(body: number, address: bigint): Handle {
    if (body >= 0) return this.#api.PyBytes_FromStringAndSize(address, BigInt(body));
    const { none, true: streamed } = this.#gateway;
    const constant = body === STREAMED_BODY ? streamed : none;
    this.#api.Py_IncRef(constant);
    return constant;
  }

  /** Sends a message of the app's (see context.py). Returns what follows, or -1 where it failed. */
  #emit(message: Handle): number {
    const api = this.#api;
    const number = api.PyLong_AsLong(api.PyTuple_GetItem(message, 0n));
    const data = api.PyTuple_GetItem(message, 2n);
    const follows = api.PyLong_AsLong(api.PyTuple_GetItem(message, 3n));
    const address = api.PyBytes_AsString(data);
    const length = Number(api.PyBytes_Size(data));
    if (number === HEAD_SENT) {
      if (length > 0) this.#chunks(address, length);
      return follows;
    }
    const text = api.PyTuple_GetItem(message, 1n);
    const head = text === this.#gateway.none ? null : this.#utf8(text);
    if (number === UPGRADE) {
      this.#out.upgrade(this.#id, head!);
      return follows;
    }
    if (follows !== MORE) {
      const kind = follows & ASCII ? WsgiBody.ascii : WsgiBody.bytes;
      this.#out.respond(this.#id, number, head, address, length, kind);
    } else {
      this.#out.respond(this.#id, number, head, NULL, 0, WsgiBody.streamed);
      if (length > 0) this.#chunks(address, length);
    }
    return follows & ~ASCII;
  }

  #utf8(text: Handle): PythonBytes {
    const address = this.#api.PyUnicode_AsUTF8AndSize(text, this.#size);
    return { address, length: Number(this.#size[0]) };
  }

  /** Sends the rest of a streamed response. */
  #stream(): void {
    const api = this.#api;
    const { more, none, false: broken } = this.#gateway;
    while (this.#mayGoOn()) {
      const data = api.PyObject_CallNoArgs(more);
      if (data === NULL) return this.#broken();
      try {
        if (data === none) return this.#out.end(this.#id);
        if (data === broken) return this.#out.fail(this.#id);
        this.#chunks(api.PyBytes_AsString(data), Number(api.PyBytes_Size(data)));
      } finally {
        api.Py_DecRef(data);
      }
    }
  }

  /** Sends bytes of a streamed response, piece by piece under credit. */
  #chunks(address: bigint, length: number): void {
    for (let from = 0; from < length; from += MAX_PIECE_BYTES) {
      if (from > 0 && !this.#mayGoOn()) return;
      const bytes = Math.min(MAX_PIECE_BYTES, length - from);
      this.#out.chunk(this.#id, address + BigInt(from), bytes);
      this.#words[WsgiWord.sent]! += bytes;
    }
  }

  /** Waits until the client has taken enough of the response. False when nobody takes it any more. */
  #mayGoOn(): boolean {
    const words = this.#words;
    for (;;) {
      const bell = Atomics.load(words, WsgiWord.bell);
      if (Atomics.load(words, WsgiWord.aborted) === this.#id) return false;
      const open = (words[WsgiWord.sent]! - Atomics.load(words, WsgiWord.taken)) | 0;
      if (open < STREAM_WINDOW_BYTES) return true;
      this.#gil.without(() => Atomics.wait(words, WsgiWord.bell, bell));
    }
  }

  #finish(): void {
    const result = this.#api.PyObject_CallNoArgs(this.#gateway.finish);
    if (result === NULL) this.#log.error(takeError(this.#api).trace);
    else this.#api.Py_DecRef(result);
  }

  /** The Python side itself failed, which it is not to do: memory is short, or it has a bug. */
  #broken(): void {
    this.#log.error(`The gateway failed: ${takeError(this.#api).trace}`);
    this.#out.crashed(this.#id);
    this.#out.fail(this.#id);
  }

  /** Waits for more of the streamed request body. b"" is its end, None says that it broke off. Owned. */
  #receive(): Handle {
    const api = this.#api;
    const words = this.#words;
    const id = this.#id;
    if (words[WsgiWord.receiving] !== id) {
      words[WsgiWord.receiving] = id;
      this.#out.receive(id);
    }
    for (;;) {
      const bell = Atomics.load(words, WsgiWord.bell);
      this.#out.seeGuestsOff();
      this.#in.resume();
      let passed = false;
      while (this.#in.next()) {
        const { at, length } = this.#in;
        const operation = this.#in.words[at >> 2];
        // What an earlier exchange left unread is passed over.
        const own = this.#in.words[(at >> 2) + 1] === id;
        const bytes = length - PLAIN_WORDS * WORD;
        const data = own && operation !== WsgiIn.fail
          ? api.PyBytes_FromStringAndSize(
            this.#inMemory + BigInt(at + PLAIN_WORDS * WORD),
            BigInt(bytes),
          )
          : NULL;
        this.#in.done();
        if (!own) {
          passed = true;
          continue;
        }
        if (operation === WsgiIn.fail) return this.#gateway.newNone();
        if (bytes > 0) this.#out.received(id, bytes);
        return data;
      }
      if (Atomics.load(words, WsgiWord.aborted) === id) return this.#gateway.newNone();
      // It has made room, for which what is to come may wait.
      if (passed) this.#out.received(id, 0);
      this.#gil.without(() => Atomics.wait(words, WsgiWord.bell, bell));
    }
  }

  /** Runs what the app wants to have run at the end of the process, which gives it so long. */
  end(patienceMs: number): void {
    this.#gil.with(() => this.#gateway.tearDown(patienceMs));
  }
}
