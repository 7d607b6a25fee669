/**
 * The WebSocket that an app gets from `Deno.upgradeWebSocket`: its client is at the other end of the
 * queue.
 *
 * It is a WebSocket by instanceof and has the class's own event attributes (onmessage, …); its
 * constructor is EventTarget's, since Deno's opens a connection.
 */

import {
  SOCKET_MESSAGE_COST,
  SOCKET_TRANSFER_BYTES,
  SOCKET_WINDOW_BYTES,
} from "../protocol/queue/queue.ts";
import type { ThreadQueueOut } from "./queue_out.ts";

/** Bytes are copies: the app may go on using its buffer. */
type Message = string | Uint8Array<ArrayBuffer> | Blob;

interface Closing {
  readonly code: number;
  readonly reason: string;
}

const MAX_REASON_BYTES = 123;

/** The server is told of taken messages in steps of this. */
const TAKEN_STEP = SOCKET_WINDOW_BYTES / 4;

export class ThreadSocket extends EventTarget {
  readonly url = "";
  readonly extensions = "";
  readonly protocol: string;
  readonly #id: number;
  readonly #queue: ThreadQueueOut;
  #state: number = WebSocket.CONNECTING;
  #binaryType: BinaryType = "arraybuffer";
  /** Bytes posted that the client has not taken. */
  #unsent = 0;
  /** What waits for the window to open, for a Blob to be read, or for the socket to open. */
  #held: (Message | Closing)[] = [];
  #heldBytes = 0;
  #readingBlob = false;
  #taken = 0;

  constructor(id: number, protocol: string, queue: ThreadQueueOut) {
    super();
    this.#id = id;
    this.protocol = protocol;
    this.#queue = queue;
  }

  get readyState(): number {
    return this.#state;
  }

  get bufferedAmount(): number {
    return this.#unsent + this.#heldBytes;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  send(data: unknown): void {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'send' on 'WebSocket': 1 argument required, but only 0 present",
      );
    }
    if (this.#state === WebSocket.CONNECTING) {
      throw new DOMException("'readyState' not OPEN", "InvalidStateError");
    }
    const message = messageOf(data);
    if (this.#state !== WebSocket.OPEN) return;
    const waits = this.#held.length > 0 || this.#unsent >= SOCKET_WINDOW_BYTES;
    if (waits || message instanceof Blob) {
      this.#held.push(message);
      this.#heldBytes += sizeOf(message);
      if (!waits) this.#flush();
    } else {
      this.#post(message);
    }
  }

  close(code?: number, reason?: string): void {
    const text = reason === undefined ? "" : String(reason).toWellFormed();
    if (new TextEncoder().encode(text).length > MAX_REASON_BYTES) {
      throw new DOMException(
        `The close reason may not be longer than ${MAX_REASON_BYTES} bytes`,
        "SyntaxError",
      );
    }
    if (this.#state >= WebSocket.CLOSING) return;
    const opening = this.#state === WebSocket.CONNECTING;
    this.#state = WebSocket.CLOSING;
    // Behind what was sent before, and not before there is a socket.
    this.#held.push({ code: code === undefined ? 0 : unsignedShort(code), reason: text });
    if (!opening) this.#flush();
  }

  // From the server.

  opened(): void {
    if (this.#state === WebSocket.CONNECTING) {
      this.#state = WebSocket.OPEN;
      this.dispatchEvent(new Event("open"));
    }
    this.#flush();
  }

  message(data: string | ArrayBuffer): void {
    const length = typeof data === "string" ? data.length : data.byteLength;
    // Deno reads no further once the app has closed; what is under way is dropped as well.
    if (this.#state === WebSocket.OPEN) {
      const shown = typeof data !== "string" && this.#binaryType === "blob"
        ? new Blob([data])
        : data;
      this.dispatchEvent(new MessageEvent("message", { data: shown, origin: this.url }));
    }
    this.#taken += length + SOCKET_MESSAGE_COST;
    if (this.#taken < TAKEN_STEP) return;
    this.#queue.socketTaken(this.#id, this.#taken);
    this.#taken = 0;
  }

  /** The client took `bytes`. */
  sent(bytes: number): void {
    this.#unsent -= bytes;
    this.#flush();
  }

  closed(code: number, reason: string, clean: boolean, error: string): void {
    if (this.#state === WebSocket.CLOSED) return;
    this.#state = WebSocket.CLOSED;
    this.#held = [];
    this.#heldBytes = this.#unsent = 0;
    if (error !== "") {
      this.dispatchEvent(new ErrorEvent("error", { error: new Error(error), message: error }));
    }
    this.dispatchEvent(new CloseEvent("close", { wasClean: clean, code, reason }));
  }

  /** Posts what is held, as far as the window goes and in its order. */
  #flush(): void {
    if (this.#readingBlob || this.#state === WebSocket.CONNECTING) return;
    while (this.#held.length > 0 && this.#unsent < SOCKET_WINDOW_BYTES) {
      const first = this.#held[0]!;
      if (first instanceof Blob) return void this.#readBlob(first);
      this.#held.shift();
      if (isClosing(first)) {
        this.#queue.socketClose(this.#id, first.code, first.reason);
      } else {
        this.#heldBytes -= sizeOf(first);
        this.#post(first);
      }
    }
  }

  async #readBlob(blob: Blob): Promise<void> {
    this.#readingBlob = true;
    const bytes = await blob.bytes().catch(() => null);
    this.#readingBlob = false;
    if (this.#held[0] !== blob) return; // closed meanwhile
    if (bytes === null) {
      // A file behind it that is gone: nothing can be sent in its place.
      this.#held.shift();
      this.#heldBytes -= blob.size;
    } else {
      this.#held[0] = bytes;
    }
    this.#flush();
  }

  #post(message: string | Uint8Array<ArrayBuffer>): void {
    this.#unsent += sizeOf(message);
    if (typeof message === "string") this.#queue.socketText(this.#id, message);
    else this.#queue.socketBinary(this.#id, message, message.length >= SOCKET_TRANSFER_BYTES);
  }
}

// A WebSocket to `instanceof`, and heir of onopen, onmessage, onerror and onclose.
Object.setPrototypeOf(ThreadSocket.prototype, WebSocket.prototype);
// The class's own look for Deno's brand.
for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const) {
  Object.defineProperty(ThreadSocket.prototype, name, { value: WebSocket[name], enumerable: true });
}

/** What send() takes: a Blob, a buffer, a view of one, or anything else as a string. */
function messageOf(data: unknown): Message {
  if (data instanceof Blob) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  }
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) {
    return new Uint8Array(data).slice();
  }
  return String(data).toWellFormed();
}

/** The same measure as the server's: for text its length, which is close enough to a bound. */
function sizeOf(message: Message): number {
  if (typeof message === "string") return message.length;
  return message instanceof Blob ? message.size : message.byteLength;
}

function isClosing(held: Message | Closing): held is Closing {
  return typeof held === "object" && "code" in held;
}

/** WebIDL's `[Clamp] unsigned short`. */
function unsignedShort(value: unknown): number {
  return Math.min(Math.max(Math.round(Number(value)) || 0, 0), 65_535);
}
