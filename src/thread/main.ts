/** Entry of a thread: a Web Worker that loads the app and runs its exchanges. */

import { loadFetchApp } from "../app/fetch_app.ts";
import { servedAddr } from "../app/own_server.ts";
import { outliveErrors } from "../app/uncaught.ts";
import { AppLoadError, DenicornError, ExitCode, messageOf } from "../errors.ts";
import { createLog } from "../log/record.ts";
import type { Batch, ThreadBoot } from "../protocol/queue/queue.ts";
import { allowChdir } from "./directory.ts";
import { FetchExchanges } from "./fetch_exchanges.ts";
import { hideParentChannel } from "./parent_channel.ts";
import { ThreadQueueIn } from "./queue_in.ts";
import { ThreadQueueOut } from "./queue_out.ts";
import { Upgrades } from "./upgrade.ts";

/** Speaks for all threads where each would say the same. */
const FIRST_THREAD = /^proc [01] thread 1$/;

// The first message says who this thread is; everything after it goes through the queues.
addEventListener("message", (event) => void start((event as MessageEvent<ThreadBoot>).data), {
  once: true,
});

// By it libraries tell a browser from a server; `deno run` has none either.
Reflect.deleteProperty(globalThis, "location");

async function start(boot: ThreadBoot): Promise<void> {
  const { config, port, role } = boot;
  const queue = new ThreadQueueOut(port);
  const log = createLog(config.log_level, role, ({ level, message }) => queue.log(level, message));
  // The app's end is the server's to arrange: alone, it would take the thread away silently.
  let loading = true;
  Deno.exit = (code = Deno.exitCode) => {
    const error = new Error(`Deno.exit(${code}) was called`);
    // It ends the loading even where the app catches what is thrown here.
    if (loading) reportError(error);
    else queue.exit(Number(code));
    throw error;
  };
  allowChdir(config.chdir);
  hideParentChannel();
  const upgrades = new Upgrades(queue, log, config.websocket_idle_timeout);
  Deno.upgradeWebSocket = upgrades.upgrade;
  try {
    const handler = await loadFetchApp(config.app, log, {
      addr: servedAddr(config.bind),
      announce: FIRST_THREAD.test(role),
    });
    const exchanges = new FetchExchanges({ handler, queue, upgrades, log });
    const { claims } = boot;
    const queueIn = new ThreadQueueIn({ exchanges, upgrades, queue, claims, log });
    loading = false;
    outliveErrors(log);
    port.onmessage = (event) => queueIn.receive(event.data as Batch);
    queue.ready();
  } catch (error) {
    // What else the app throws says no more, and must not end the thread before this is told.
    for (const type of ["error", "unhandledrejection"]) {
      addEventListener(type, (event) => event.preventDefault());
    }
    const exitCode = error instanceof DenicornError ? error.exitCode : ExitCode.boot;
    const message = messageOf(error);
    queue.bootFailed(exitCode, message, error instanceof AppLoadError ? error.trace : "");
  }
}
