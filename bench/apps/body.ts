/** A page of 10 KiB, kept as bytes. */
const PAGE = new TextEncoder().encode("0123456789abcde\n".repeat(640));

export default {
  fetch(_request: Request): Response {
    return new Response(PAGE, { headers: { "content-type": "text/plain" } });
  },
};
