/** An app with WebSockets, one path for each thing that a WebSocket can do. */

export const log: string[] = [];

/** Tells the threads apart. */
const THREAD = crypto.randomUUID();

export default {
  fetch(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/log") return Response.json(log.splice(0));
    const handler = paths[pathname];
    if (handler === undefined) return new Response("Not found", { status: 404 });
    return handler(request, searchParams, info);
  },
};

/** Keeps the thread from everything as long as the file is there. */
function standStillWhile(file: string): void {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      Deno.statSync(file);
    } catch {
      return;
    }
    Atomics.wait(nothing, 0, 0, 10);
  }
}

type Handler = (
  request: Request,
  query: URLSearchParams,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

const paths: Record<string, Handler> = {
  "/thread"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send(THREAD);
    return response;
  },
  "/echo"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code, reason, wasClean }) => log.push(`${code} ${reason} ${wasClean}`);
    return response;
  },
  "/completed"(request, _query, info) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const opened = new Promise((resolve) => socket.onopen = resolve);
    Promise.all([info.completed, opened]).then(() => socket.send("completed"));
    return response;
  },
  "/copied"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send("open");
    const copy = new Response(null, response);
    copy.headers.set("x-added", "1");
    return copy;
  },
  "/regretted"(request, query) {
    Deno.upgradeWebSocket(request);
    if (query.has("throw")) throw new Error("regretted");
    return new Response("regretted", { status: 401 });
  },
  async "/hesitant"(request) {
    log.push("asked");
    await new Promise((resolve) => setTimeout(resolve, 60));
    let upgraded: Deno.WebSocketUpgrade;
    try {
      upgraded = Deno.upgradeWebSocket(request);
    } catch (error) {
      log.push(String(error));
      throw error;
    }
    const { socket, response } = upgraded;
    socket.onclose = ({ code, reason, wasClean }) => log.push(`${code} ${reason} ${wasClean}`);
    return response;
  },
  /** Makes the file "at" when it has answered, and stands still before that is told. */
  async "/crossing"(request, query) {
    // By then it is looked for whether the client leaves.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onclose = ({ code, reason, wasClean }) => log.push(`${code} ${reason} ${wasClean}`);
    const at = query.get("at")!;
    void (async () => {
      for (let turns = 0; turns < 20; turns++) await null;
      Deno.writeTextFileSync(at, "");
      standStillWhile(at);
    })();
    return response;
  },
  async "/unhurried"(request) {
    log.push("asked");
    const port = Number(new URL(request.url).port);
    while (await listens(port)) await new Promise((resolve) => setTimeout(resolve, 10));
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send("at last");
    return response;
  },
  "/describe"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "b" });
    const before = [socket instanceof WebSocket, socket.readyState, response.status];
    socket.addEventListener("open", () => {
      const { readyState, protocol, url, extensions, binaryType, bufferedAmount, OPEN } = socket;
      const now = [readyState, protocol, url, extensions, binaryType, bufferedAmount, OPEN];
      socket.send(JSON.stringify([before, now]));
    });
    return response;
  },
  "/headers"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    response.headers.append("set-cookie", "a=1");
    response.headers.append("set-cookie", "b=2");
    socket.onopen = () => socket.close();
    return response;
  },
  "/kinds"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      const view = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
      socket.send("text é");
      socket.send(new Blob(["a", "blob"]));
      socket.send(view);
      view.fill(0); // what was sent is what it was
      socket.send(view.buffer.slice(1, 3));
      socket.send("\ud800"); // a lone surrogate
      socket.close(4000, "kinds");
    };
    return response;
  },
  "/blob"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "blob";
    socket.onmessage = async ({ data }) =>
      socket.send(`${data instanceof Blob} ${await data.text()}`);
    return response;
  },
  "/close"(request, query) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const code = query.get("code");
    socket.onopen = () =>
      code === null ? socket.close() : socket.close(+code, query.get("reason")!);
    socket.onclose = ({ code, reason, wasClean }) => log.push(`${code} ${reason} ${wasClean}`);
    return response;
  },
  "/parting"(request, query) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const bytes = new Uint8Array(Number(query.get("bytes")));
    socket.onopen = () => {
      for (let i = Number(query.get("count")); i > 0; i--) socket.send(bytes);
      socket.close(4000, "parting");
    };
    return response;
  },
  "/errors"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const thrown: string[] = [];
    const attempt = (act: () => void) => {
      try {
        act();
      } catch (error) {
        thrown.push((error as Error).name);
      }
    };
    attempt(() => socket.send("too early"));
    attempt(() => Deno.upgradeWebSocket(request)); // twice
    attempt(() => Deno.upgradeWebSocket(request.clone())); // not the request itself
    socket.onopen = () => {
      attempt(() => socket.close(1000, "x".repeat(124)));
      // deno-lint-ignore no-explicit-any -- what an app in JavaScript may do
      attempt(() => (socket.send as any)());
      socket.send(thrown.join(" "));
    };
    return response;
  },
  "/not-returned"(request) {
    const { socket } = Deno.upgradeWebSocket(request);
    socket.onerror = (event) => log.push(`error ${(event as ErrorEvent).message}`);
    socket.onclose = ({ code }) => log.push(`close ${code}`);
    return new Response("no socket");
  },
  "/throws"(request) {
    const { socket } = Deno.upgradeWebSocket(request);
    socket.onclose = ({ code }) => log.push(`close ${code}`);
    throw new Error("after the upgrade");
  },
  "/handler-throws"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = () => {
      socket.send("before");
      throw new Error("in onmessage");
    };
    return response;
  },
  "/protocol"(request, query) {
    try {
      return Deno.upgradeWebSocket(request, { protocol: query.get("p")! }).response;
    } catch (error) {
      return new Response(String(error), { status: 400 });
    }
  },
  "/flood"(request, query) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const block = new Uint8Array(64 * 1024);
    let left = Number(query.get("blocks"));
    let most = 0;
    // Sends while little is buffered, as an app with manners does.
    const send = () => {
      while (left > 0 && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < 2 ** 20) {
        socket.send(block);
        left--;
        most = Math.max(most, socket.bufferedAmount);
      }
      if (left > 0) return setTimeout(send, 1);
      if (socket.bufferedAmount > 0) return setTimeout(send, 1);
      socket.send(`most ${most}`);
      socket.close();
    };
    socket.onopen = () => send();
    return response;
  },
  "/sink"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    let bytes = 0;
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") bytes += data.byteLength;
      else if (data === "how much?") socket.send(`${bytes}`);
      else standStillWhile(data);
    };
    return response;
  },
  "/idle"(request, query) {
    const idleTimeout = Number(query.get("seconds"));
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout });
    socket.onerror = (event) => log.push(`error ${(event as ErrorEvent).message}`);
    socket.onclose = ({ code, reason }) => log.push(`close ${code} ${reason}`);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  },
};

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
