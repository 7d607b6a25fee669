/** The GIL, as one thread of ours takes and releases it. */

import type { Api, Handle } from "./symbols.ts";

/**
 * A thread's place in Python. The thread state is made once and kept for the thread's life, instead
 * of a PyGILState_Ensure/Release pair around each use: that would throw away what threading.local
 * holds (Django's database connections live there) and cost a new thread state every time.
 */
export class Gil {
  readonly #api: Api;
  #state: Handle;

  /** Enters the calling thread into Python. Called once a thread; the GIL is not held afterwards. */
  constructor(api: Api) {
    this.#api = api;
    api.PyGILState_Ensure();
    this.#state = api.PyEval_SaveThread();
  }

  /** Waits for the GIL. Other Python threads may have it for as long as they like. */
  acquire(): void {
    this.#api.PyEval_RestoreThread(this.#state);
  }

  release(): void {
    this.#state = this.#api.PyEval_SaveThread();
  }

  /** Runs `task` under the GIL. */
  with<T>(task: () => T): T {
    this.acquire();
    try {
      return task();
    } finally {
      this.release();
    }
  }

  /** Runs `task`, which waits for something, while others have the GIL. */
  without<T>(task: () => T): T {
    this.release();
    try {
      return task();
    } finally {
      this.acquire();
    }
  }
}
