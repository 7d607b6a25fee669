/** The socket that procs report to. Any process of the machine may knock; only procs get in. */

import type { HeardOfProc, ManagerToProc } from "../../protocol/control/control.ts";
import { controlAddress } from "../../protocol/control/control.ts";
import { ControlChannel } from "../../protocol/control/channel.ts";
import { parseProcToManager } from "../../protocol/control/parse.ts";

/** The manager's end of a proc's control channel. */
export type ProcChannel = ControlChannel<HeardOfProc, ManagerToProc>;

/** A connection that has not shown its token after this long is closed, milliseconds. */
const HELLO_TIMEOUT_MS = 10_000;
/** Connections that may be without a token at a time; further ones are closed unread. */
const MAX_STRANGERS = 256;

/** Pause after accept() failed, for lack of descriptors or at a signal: it passes. Milliseconds. */
const ACCEPT_RETRY_MS = 100;

/** What is done with the channel of a proc that has shown the token it was given. */
type OnProc = (channel: ProcChannel, messages: AsyncIterator<HeardOfProc>) => void;

export class ControlListener {
  /** As `ControlEnv.path` has it. */
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #directory: string | null;
  readonly #expected = new Map<string, OnProc>();
  #strangers = 0;
  #closed = false;

  constructor() {
    // An abstract name leaves no file behind, even after kill -9. The token guards it, since an
    // abstract socket has no permissions.
    this.#directory = Deno.build.os === "linux"
      ? null
      : Deno.makeTempDirSync({ prefix: "denicorn" });
    this.path = this.#directory === null
      ? `@denicorn-${Deno.pid}-${crypto.randomUUID()}`
      : `${this.#directory}/control`;
    this.#listener = Deno.listen(controlAddress(this.path));
    this.#accept();
  }

  /** Returns the token of a proc that is about to be started; `onProc` runs when it shows it. */
  expect(onProc: OnProc): string {
    const token = crypto.randomUUID();
    this.#expected.set(token, onProc);
    return token;
  }

  /** A proc that died will not come any more. */
  forget(token: string): void {
    this.#expected.delete(token);
  }

  close(): void {
    this.#closed = true;
    this.#listener.close();
    if (this.#directory !== null) Deno.removeSync(this.#directory, { recursive: true });
  }

  async #accept(): Promise<void> {
    // Not `for await`: it would end at the first error, and with it every proc to come would wait in
    // vain. Whatever the error is, only close() ends it.
    while (!this.#closed) {
      let conn: Deno.Conn;
      try {
        conn = await this.#listener.accept();
      } catch {
        if (this.#closed) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
        continue;
      }
      if (this.#strangers >= MAX_STRANGERS) conn.close();
      else this.#greet(new ControlChannel(conn, parseProcToManager));
    }
  }

  async #greet(channel: ProcChannel): Promise<void> {
    this.#strangers++;
    const timer = setTimeout(() => channel.close(), HELLO_TIMEOUT_MS);
    const messages = channel[Symbol.asyncIterator]();
    try {
      const { value: hello } = await messages.next();
      const onProc = hello?.type === "hello" ? this.#expected.get(hello.token) : undefined;
      if (hello?.type !== "hello" || onProc === undefined) return channel.close();
      this.#expected.delete(hello.token); // a token opens once
      onProc(channel, messages);
    } catch {
      channel.close(); // a stranger who says what no proc would say
    } finally {
      clearTimeout(timer);
      this.#strangers--;
    }
  }
}
