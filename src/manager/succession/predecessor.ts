/** The old manager as the new one sees it: by its process id alone. */
export class Predecessor {
  readonly #pid: number;

  /** @param pid 0 where there is none. */
  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Whether it still runs: an orphan has another parent. */
  get lives(): boolean {
    return this.#pid !== 0 && Deno.ppid === this.#pid;
  }
}
