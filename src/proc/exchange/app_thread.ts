/** What an exchange needs of the thread that runs the app, whatever kind it is. */

import type { ServerSocket } from "../websocket/websocket.ts";

/** A thread, or whoever stands for it as long as it is not known which one it will be. */
export interface AppThread {
  /** From 1. */
  readonly id: number;
  /** WebSockets whose app it runs, by the id of the exchange that they came from. */
  readonly sockets: Map<number, ServerSocket>;
  /** Whether it has been heard since it was last asked. */
  readonly responsive: boolean;
  /** For how long it has said nothing, while it was asked, milliseconds; Infinity if unknown. */
  readonly silentMs: number;
  /** Asks for a sign of life; see {@linkcode responsive}. */
  ping(): void;
  /** Puts an operation into its queue in (protocol/queue/queue.ts). */
  post(...operation: unknown[]): void;
  /** The same with bytes, which are gone afterwards. */
  postBytes(operation: number, id: number, bytes: Uint8Array): void;
  /** As {@linkcode postBytes}, for a whole buffer. */
  postBuffer(operation: number, id: number, buffer: ArrayBuffer): void;
}
