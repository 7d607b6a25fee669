/** The second argument of an app's `fetch`. */

/** What it tells, when it is asked. */
export interface InfoSource {
  readonly remoteAddr: Deno.Addr;
  readonly completed: Promise<void>;
}

/** By the name and the looks of Deno.serve's own: printed or copied, it shows nothing of its source. */
export class ServeHandlerInfo implements Deno.ServeHandlerInfo<Deno.Addr> {
  readonly #source: InfoSource;

  constructor(source: InfoSource) {
    this.#source = source;
  }

  get remoteAddr(): Deno.Addr {
    return this.#source.remoteAddr;
  }

  get completed(): Promise<void> {
    return this.#source.completed;
  }
}
