/** The least an app can do. */
export default {
  fetch(_request: Request): Response {
    return new Response("Hello, world!\n");
  },
};
