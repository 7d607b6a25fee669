/**
 * A program that starts its server itself runs as it is, under `deno run` as under denicorn, which
 * serves the handler on its own binds.
 *
 *     deno run -A examples/own_server.ts
 *     deno run -A mod.ts examples/own_server.ts
 */

const server = Deno.serve({
  port: 3000,
  onListen: ({ hostname, port }) => console.log(`listening at ${hostname}:${port}`),
  onError: (error) => {
    console.error(error);
    return new Response("Something is wrong\n", { status: 500 });
  },
}, (request, info) => {
  const { hostname } = info.remoteAddr;
  return new Response(`Hello, ${hostname}, from ${new URL(request.url).pathname}\n`);
});

await server.finished;
