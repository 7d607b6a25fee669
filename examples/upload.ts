/**
 * Uploads: a form with files, and a body of any size that goes through memory in pieces.
 *
 *     deno run -A mod.ts --limit-request-body 1073741824 examples/upload.ts
 *     curl -F note=hi -F file=@README.md http://127.0.0.1:8000/form
 *     curl -T some.iso http://127.0.0.1:8000/raw
 */

/** A form is read whole: its limit is `limit_request_body`. */
async function form(request: Request): Promise<Response> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of await request.formData()) {
    fields[name] = value instanceof File ? { name: value.name, bytes: value.size } : value;
  }
  return Response.json(fields);
}

/** A stream is read as it comes; who reads it slowly slows its client down. */
async function raw(request: Request): Promise<Response> {
  let bytes = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  const sha256 = await digest(request.body?.pipeThrough(counted) ?? null);
  return Response.json({ bytes, sha256 });
}

async function digest(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  if (stream !== null) { for await (const chunk of stream) hash.update(chunk); }
  return hash.digest("hex");
}

export default {
  fetch(request: Request): Response | Promise<Response> {
    switch (`${request.method} ${new URL(request.url).pathname}`) {
      case "POST /form":
        return form(request);
      case "PUT /raw":
        return raw(request);
      default:
        return new Response("POST to /form, or PUT to /raw\n", { status: 404 });
    }
  },
} satisfies Deno.ServeDefaultExport;
