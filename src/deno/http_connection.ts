/** What a session has of Deno: the connection that it serves, and who answers its requests. */

/** A connection handed to Deno's HTTP. */
export interface HttpConnection {
  /** Settles when the connection is over. */
  readonly finished: Promise<void>;
  /** Closes at once when idle, else after the response in flight. */
  shutdown(): Promise<void>;
  /** Closes now, whatever is in flight. */
  abort(): void;
}

export type ConnectionHandler = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;
