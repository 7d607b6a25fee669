/** preRequest and postRequest: what the hooks are told of each request. */

import type { HookThread } from "../../hooks/hook_thread.ts";
import type { ProcInfo, RequestInfo } from "../../hooks/hooks.ts";
import type { AccessRecord, ExchangeObserver } from "./access_record.ts";

export class RequestHooks implements ExchangeObserver {
  readonly #hooks: HookThread;
  readonly #proc: ProcInfo;

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
    this.#hooks.notify("preRequest", this.#proc, requestOf(record));
  }

  record(record: AccessRecord): void {
    const { status, bytes, durationMs } = record;
    const response = { status, bytes, durationMs, headers: [...record.responseFields] };
    this.#hooks.notify("postRequest", this.#proc, requestOf(record), response);
  }
}

function requestOf({ id, method, url, remoteHost, requestFields }: AccessRecord): RequestInfo {
  return { id, method, url, remoteHost, headers: [...requestFields] };
}
