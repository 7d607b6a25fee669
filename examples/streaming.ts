/**
 * Streams: a response that is made as the client takes it, and one that ends with its client.
 *
 *     deno run -A mod.ts examples/streaming.ts
 *     curl 'http://127.0.0.1:8000/numbers?count=1000000' | tail -1
 *     curl -N http://127.0.0.1:8000/clock
 */

/** Lines are made by pull(), which is called when there is room: a slow client costs no memory. */
function numbers(count: number): ReadableStream<string> {
  let next = 1;
  return new ReadableStream({
    pull(controller) {
      let lines = "";
      for (let i = 0; i < 1000 && next <= count; i++) lines += `${next++}\n`;
      if (lines === "") controller.close();
      else controller.enqueue(lines);
    },
  });
}

/** One line a second, until the client goes away. */
function clock(signal: AbortSignal): ReadableStream<string> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(`${new Date().toISOString()}\n`), 1000);
      signal.addEventListener("abort", () => console.log("the client is gone"));
    },
    cancel() {
      clearInterval(timer);
    },
  });
}

export default {
  fetch(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    const text = (stream: ReadableStream<string>) =>
      new Response(stream.pipeThrough(new TextEncoderStream()), {
        headers: { "content-type": "text/plain;charset=UTF-8" },
      });
    switch (pathname) {
      case "/numbers":
        return text(numbers(Number(searchParams.get("count") ?? 1000)));
      case "/clock":
        return text(clock(request.signal));
      default:
        return new Response("Ask for /numbers or /clock\n", { status: 404 });
    }
  },
} satisfies Deno.ServeDefaultExport;
