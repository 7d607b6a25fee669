/** Hello on plain Deno.serve, answered at the end of the turn, all of it at once. */

import { setImmediate } from "node:timers";

let waiting: ((response: Response) => void)[] = [];

function answer(): void {
  const due = waiting;
  waiting = [];
  for (const resolve of due) resolve(new Response("Hello, world!\n"));
}

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  if (waiting.push(resolve) === 1) setImmediate(answer);
  return promise;
});
