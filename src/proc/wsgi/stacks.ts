/** Asks Python where its threads are; see src/wsgi/python/stacks.py. */

import { libc } from "../../os/libc.ts";
import { linesOf, openPipe } from "../../wsgi/pipe.ts";

/** An answer. */
export interface Stack {
  /** The thread's number. */
  readonly thread: number;
  /** Id of the exchange that was asked for. */
  readonly exchange: number;
  /** As a traceback shows it; empty where the thread runs no Python. */
  readonly stack: string;
}

export class Stacks {
  readonly #ask: number;
  readonly #answers: Deno.FsFile;
  readonly #onStack: (stack: Stack) => void;
  #listening = false;

  constructor(fds: { ask: number; answers: number }, onStack: (stack: Stack) => void) {
    this.#ask = fds.ask;
    this.#answers = openPipe(fds.answers);
    this.#onStack = onStack;
  }

  /** Never waits. Where Python is held up for thousands of questions, this one is lost. */
  ask(thread: number, exchange: number): void {
    const question = Int32Array.of(thread, exchange);
    libc().write(this.#ask, question, BigInt(question.byteLength));
    if (!this.#listening) void this.#listen();
  }

  /** A thread of Deno's pool waits for answers from the first question on. */
  async #listen(): Promise<void> {
    this.#listening = true;
    for await (const line of linesOf(this.#answers)) this.#onStack(JSON.parse(line) as Stack);
  }
}
