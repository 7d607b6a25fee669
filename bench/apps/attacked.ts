/** What attacks aim at: a hello, a response without end (`/endless`), and uploads that are counted. */
const CHUNK = new Uint8Array(65_536);

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.body !== null) {
      let bytes = 0;
      for await (const chunk of request.body) bytes += chunk.length;
      return new Response(`${bytes}\n`);
    }
    if (!request.url.endsWith("/endless")) return new Response("Hello, world!\n");
    return new Response(new ReadableStream({ pull: (to) => to.enqueue(CHUNK) }));
  },
};
