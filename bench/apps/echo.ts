/** Parses the JSON that is posted and sends it back. */
export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await request.json());
  },
};
