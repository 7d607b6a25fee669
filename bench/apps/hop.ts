/** Hello on plain Deno.serve by way of a Web Worker: the least that a queue of messages can cost. */

import { setImmediate } from "node:timers";

const { port1, port2 } = new MessageChannel();
const worker = new Worker(new URL("hop_worker.ts", import.meta.url), { type: "module" });
worker.postMessage(port2, [port2]);

const waiting = new Map<number, (response: Response) => void>();
let last = 0;
/** Number and request, one after the other. */
let batch: (number | string)[] = [];

function send(): void {
  port1.postMessage(batch);
  batch = [];
}

port1.onmessage = ({ data }: MessageEvent<(number | string)[]>) => {
  for (let i = 0; i < data.length; i += 3) {
    const [id, status, body] = [data[i] as number, data[i + 1] as number, data[i + 2] as string];
    waiting.get(id)!(new Response(body, { status }));
    waiting.delete(id);
  }
};

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, (request) => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  waiting.set(++last, resolve);
  if (batch.push(last, `${request.method}\n${request.url}`) === 2) setImmediate(send);
  return promise;
});
