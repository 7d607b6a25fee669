/** Entry of a WSGI thread: a Web Worker that loads the app and blocks on the common queue. */

import { AppLoadError, DenicornError, ExitCode, messageOf } from "../errors.ts";
import type { WsgiBoot, WsgiNews } from "../protocol/wsgi/wsgi.ts";
import { WsgiThreadLoop } from "../wsgi/thread_loop.ts";

// The first message says who this thread is.
addEventListener("message", (event) => start((event as MessageEvent<WsgiBoot>).data), {
  once: true,
});

function start(boot: WsgiBoot): void {
  const { port } = boot;
  const say = (news: WsgiNews) => port.postMessage(news);
  let loop: WsgiThreadLoop;
  try {
    loop = new WsgiThreadLoop(boot);
  } catch (error) {
    return say({
      type: "boot_failed",
      exitCode: error instanceof DenicornError ? error.exitCode : ExitCode.boot,
      message: messageOf(error),
      trace: error instanceof AppLoadError ? error.trace : "",
    });
  }
  // Heard only when the thread has left the queue: until then it never returns to its event loop.
  port.onmessage = ({ data: patienceMs }) => {
    loop.end(patienceMs);
    say({ type: "ended" });
  };
  say({ type: "ready" });
  loop.run();
  say({ type: "left" });
}
