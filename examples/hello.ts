/** The smallest app: `deno run -A mod.ts examples/hello.ts` */
export default {
  fetch(_request: Request): Response {
    return new Response("Hello, world!\n");
  },
};
