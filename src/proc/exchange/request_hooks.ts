/** preRequest and postRequest: what the hooks are told of each request. */

import type { HookThread } from "../../hooks/hook_thread.ts";
import type { ProcInfo, RequestInfo } from "../../hooks/hooks.ts";
import type { AccessRecord, ExchangeObserver } from "./access_record.ts";

export class RequestHooks implements ExchangeObserver {
  readonly #hooks: HookThread;
  readonly #proc: ProcInfo;
  /** Requests that are not over, which postRequest is told of once more. */
  readonly #open = new Map<AccessRecord, RequestInfo>();
  #lastId = 0;

  private constructor(hooks: HookThread, proc: ProcInfo) {
    this.#hooks = hooks;
    this.#proc = proc;
  }

  /** Null where no hook wants to know: then a request costs nothing more. */
  static of(hooks: HookThread | null, proc: ProcInfo): RequestHooks | null {
    const wanted = hooks?.has("preRequest") || hooks?.has("postRequest");
    return hooks !== null && wanted ? new RequestHooks(hooks, proc) : null;
  }

  begin(record: AccessRecord): void {
    const { method, url, remoteHost } = record;
    const headers = [...record.requestFields];
    const request = { id: ++this.#lastId, method, url, remoteHost, headers };
    this.#open.set(record, request);
    this.#hooks.notify("preRequest", this.#proc, request);
  }

  record(record: AccessRecord): void {
    const request = this.#open.get(record);
    if (request === undefined) return;
    this.#open.delete(record);
    const { status, bytes, durationMs } = record;
    const response = { status, bytes, durationMs, headers: [...record.responseFields] };
    this.#hooks.notify("postRequest", this.#proc, request, response);
  }
}
