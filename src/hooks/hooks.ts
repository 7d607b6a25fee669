/**
 * Hooks: functions of the user's that run at named moments of the server's life.
 *
 * The module that `hooks:` names exports any of them, by name or as properties of its default export.
 * They run in a thread of their own, one in the manager and one in each proc, so that one that throws,
 * hangs or burns the CPU costs nobody else anything. Hence they get plain data, and share no variable
 * with the app or with hooks in other processes.
 */

/** The manager, or the one process with `workers: 0`. */
export interface ManagerInfo {
  readonly pid: number;
  /** The configuration in force: every setting by its name in docs/settings.md. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A proc. */
export interface ProcInfo {
  /** Its number: 1, 2, …; no number is used again. 0 for the one process with `workers: 0`. */
  readonly id: number;
  /** 0 where it does not run yet. */
  readonly pid: number;
}

/** How a proc ended. */
export interface ExitInfo {
  readonly code: number;
  /** The signal that killed it, or null. */
  readonly signal: string | null;
  /** Whether it had been asked to leave; otherwise it crashed. */
  readonly expected: boolean;
}

/** A request, as the access log sees it. */
export interface RequestInfo {
  /** Tells the requests of one proc apart. */
  readonly id: number;
  readonly method: string;
  readonly url: string;
  /** The client's address, as trusted proxies tell it; "" for a unix socket. */
  readonly remoteHost: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The response to a request, when its last byte is out. */
export interface ResponseInfo {
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
  /** From the request's head to the response's last byte, milliseconds. */
  readonly durationMs: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** May be a promise; where the server waits for it, it does so for a bounded time. */
export type HookResult = void | Promise<void>;

/** What a hooks module may export. */
export interface Hooks {
  /** Manager: before the first proc is started; waited for. */
  onStarting?(manager: ManagerInfo): HookResult;
  /** Manager: a reload (HUP) begins, with this configuration. */
  onReload?(manager: ManagerInfo): HookResult;
  /** Manager: all procs of the first start are ready. */
  whenReady?(manager: ManagerInfo): HookResult;
  /** Manager: before a proc is started; waited for. */
  preSpawn?(manager: ManagerInfo, proc: ProcInfo): HookResult;
  /** Proc: it has its user and directory, and is about to load the app; waited for. */
  postSpawn?(proc: ProcInfo): HookResult;
  /** Proc: the app is loaded in all threads, and requests are about to come; waited for. */
  postWorkerInit?(proc: ProcInfo): HookResult;
  /** Proc: a request goes to the app. Costs time for each request. */
  preRequest?(proc: ProcInfo, request: RequestInfo): HookResult;
  /** Proc: a request is over. Costs time for each request. */
  postRequest?(proc: ProcInfo, request: RequestInfo, response: ResponseInfo): HookResult;
  /** Proc: INT or QUIT came; it ends. */
  workerInterrupted?(proc: ProcInfo): HookResult;
  /** Proc: a thread of it hangs, for which it is replaced. */
  workerAborted?(proc: ProcInfo): HookResult;
  /** Manager: a proc has ended. */
  childExit?(manager: ManagerInfo, proc: ProcInfo, exit: ExitInfo): HookResult;
  /** Proc: the last thing before it ends by itself; waited for. */
  workerExit?(proc: ProcInfo): HookResult;
  /** Manager: another number of procs is wanted (TTIN, TTOU, WINCH, HUP). */
  workersChanged?(manager: ManagerInfo, workers: number, before: number): HookResult;
  /** Manager: before a new manager is started beside it (USR2); waited for. */
  preExec?(manager: ManagerInfo): HookResult;
  /** Manager: the last thing before it ends; waited for. */
  onExit?(manager: ManagerInfo): HookResult;
}

export type HookName = keyof Hooks;

/** Every name; the compiler checks that none is missing. */
export const HOOK_NAMES = Object.keys(
  {
    onStarting: true,
    onReload: true,
    whenReady: true,
    preSpawn: true,
    postSpawn: true,
    postWorkerInit: true,
    preRequest: true,
    postRequest: true,
    workerInterrupted: true,
    workerAborted: true,
    childExit: true,
    workerExit: true,
    workersChanged: true,
    preExec: true,
    onExit: true,
  } satisfies Record<HookName, true>,
) as readonly HookName[];

/** gunicorn's names that differ in more than their form. */
export const GUNICORN_HOOKS: Readonly<Record<string, HookName>> = {
  pre_fork: "preSpawn",
  post_fork: "postSpawn",
  worker_int: "workerInterrupted",
  worker_abort: "workerAborted",
  nworkers_changed: "workersChanged",
};

export type HookArguments<Name extends HookName> = Parameters<Required<Hooks>[Name]>;
