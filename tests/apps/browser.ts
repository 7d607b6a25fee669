/** What the page browser.html asks for. Needs one thread: it keeps what the page has found. */

const PAGE = Deno.readTextFileSync(new URL("browser.html", import.meta.url));
const HTML = { headers: { "content-type": "text/html" } };

let found = "";

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "GET /":
        return new Response(PAGE, HTML);
      case "GET /text":
        return new Response("text");
      case "GET /number":
        return new Response(search.slice(1));
      case "POST /length":
        return new Response(String((await request.arrayBuffer()).byteLength));
      case "GET /large":
        return new Response(new Uint8Array(5_000_000));
      case "GET /events":
        return new Response(events(), { headers: { "content-type": "text/event-stream" } });
      case "GET /echo": {
        const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "chat" });
        socket.onmessage = ({ data }) => socket.send(data);
        return response;
      }
      case "POST /found":
        found = await request.text();
        return new Response(null, { status: 204 });
      case "GET /found":
        return new Response(found);
    }
    return new Response("not found", { status: 404 });
  },
};

function events(): ReadableStream<Uint8Array> {
  let number = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.enqueue(new TextEncoder().encode(`data: ${number++}\n\n`));
    },
  });
}
