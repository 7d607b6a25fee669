/**
 * Server-sent events: a page that shows what the server says.
 *
 *     deno run -A mod.ts examples/events.ts
 *     curl -N http://127.0.0.1:8000/events
 *
 * `timeout` (30 s) is for the time until the response begins; a stream may last.
 */

const PAGE = `<!doctype html>
<title>Events</title>
<ol id="list"></ol>
<script>
  const list = document.getElementById("list");
  new EventSource("/events").onmessage = ({ data }) => {
    list.append(Object.assign(document.createElement("li"), { textContent: data }));
  };
</script>
`;

function events(): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let count = 0;
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      const send = () => controller.enqueue(encoder.encode(`id: ${++count}\ndata: ${count}\n\n`));
      send();
      timer = setInterval(send, 1000);
    },
    // Called when the client goes away, and when the server stops.
    cancel() {
      clearInterval(timer);
    },
  });
}

export default {
  fetch(request: Request): Response {
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(PAGE, { headers: { "content-type": "text/html;charset=UTF-8" } });
      case "/events":
        return new Response(events(), {
          headers: {
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
            "x-accel-buffering": "no", // nginx must not gather them
          },
        });
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
} satisfies Deno.ServeDefaultExport;
