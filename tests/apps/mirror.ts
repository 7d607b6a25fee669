/** An app that answers with what it was asked. */

import type { Mirrored } from "../support/mirrored.ts";

let seen = 0;

export default {
  async fetch(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/seen") return new Response(String(seen));
    seen++;
    if (pathname === "/hello") return new Response("hello");
    if (pathname === "/medium") return new Response("x".repeat(60_000));
    if (pathname === "/block") return new Response(block(2_000));
    if (pathname === "/never") return new Promise(() => {});
    if (pathname === "/large") return new Response(large());
    if (pathname === "/resources") return Response.json(resources());
    if (pathname === "/socket") return echo(request);
    if (pathname === "/unread") return new Response("not read");
    if (pathname === "/ponder") return new Response(await ponder(request));
    const mirrored: Mirrored = {
      method: request.method,
      url: request.url,
      fields: [...request.headers],
      remote: info.remoteAddr,
      body: await request.text(),
    };
    return Response.json(mirrored);
  },
};

/** Answers how much came, when the server has looked after its connections again. */
async function ponder(request: Request): Promise<string> {
  const { byteLength } = await request.arrayBuffer();
  await new Promise((resolve) => setTimeout(resolve, 600));
  return String(byteLength);
}

/** 64 MiB: more than the buffers of both sides hold. */
function large(): ReadableStream<Uint8Array> {
  let chunks = 1024;
  return new ReadableStream({
    pull(controller) {
      if (chunks-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(65536));
    },
  });
}

/** What Deno holds in this thread. */
function resources(): string[] {
  // deno-lint-ignore no-explicit-any
  return Object.values((Deno as any)[(Deno as any).internal].core.resources());
}

function echo(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(`${data} from ${request.url}`);
  return response;
}

/** Holds up the thread that runs it. */
function block(ms: number): string {
  console.log("blocks");
  for (const end = performance.now() + ms; performance.now() < end;);
  return "blocked";
}
