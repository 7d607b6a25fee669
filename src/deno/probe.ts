/** Whether this Deno is built as this room knows it. */

import { learnContexts } from "./context.ts";
import { internals } from "./hidden.ts";
import { isHttp2, serveConnection } from "./http.ts";
import type { HttpConnection } from "./http_connection.ts";
import { headerList, requestBody, requestMethod, requestUrl } from "./request.ts";
import { createResponse } from "./response.ts";

/**
 * Whether this Deno behaves as the server needs: one request and response over a real connection.
 * Returns null, or what failed.
 */
export async function probe(): Promise<string | null> {
  if (typeof internals.serveHttpOnConnection !== "function") {
    return "serveHttpOnConnection is gone";
  }
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connection: HttpConnection | undefined;
  try {
    const { port } = listener.addr as Deno.NetAddr;
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    const seen: string[] = [];
    let http2 = true;
    connection = serveConnection(
      await listener.accept(),
      async (request) => {
        const body = requestBody(request);
        const fields = headerList(request).map((field) => field.join("\n"));
        seen.push([requestMethod(request), requestUrl(request), ...fields].join("\n"));
        http2 = isHttp2("POST", headerList(request));
        seen.push(await new Response(body as BodyInit).text());
        return createResponse(201, [["x-probe", "a"], ["x-probe", "b"]], "probed");
      },
      () => new Response(null, { status: 500 }),
    );
    connection.finished.catch(() => {});
    await client.write(PROBE_REQUEST);
    const answer = await readAll(client);
    if (!seen[0]?.startsWith("POST\nhttp://probe/p?q\n")) return "request lines differ";
    if (!seen[0].includes("\nX-A\n1")) return "request headers differ";
    if (http2) return "HTTP/1 cannot be told from HTTP/2";
    if (seen[1] !== "hi") return "request bodies differ";
    if (!answer.startsWith("HTTP/1.1 201 ") || !answer.endsWith("probed")) {
      return "responses differ";
    }
    if (answer.match(/x-probe: [ab]\r\n/g)?.length !== 2) return "response headers differ";
    const learnt = await learnContexts(() => askForUpgrade(listener));
    return learnt ? null : "the contexts of connections are hidden";
  } catch (error) {
    return String(error);
  } finally {
    connection?.abort();
    listener.close();
  }
}

/** One request that asks for a WebSocket, and is refused. */
async function askForUpgrade(listener: Deno.TcpListener): Promise<void> {
  const { port } = listener.addr;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  const failed = () => new Response(null, { status: 500 });
  const refuse = () => createResponse(400, [["connection", "close"]], null);
  const connection = serveConnection(await listener.accept(), refuse, failed);
  connection.finished.catch(() => {});
  try {
    await client.write(PROBE_UPGRADE);
    await client.read(new Uint8Array(1));
  } finally {
    connection.abort();
  }
}

const PROBE_UPGRADE = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
);

const PROBE_REQUEST = new TextEncoder().encode(
  "POST /p?q HTTP/1.1\r\nHost: probe\r\nX-A: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
);

async function readAll(reader: { read(p: Uint8Array): Promise<number | null> }): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let n; (n = await reader.read(buffer)) !== null;) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
  }
  return text;
}
