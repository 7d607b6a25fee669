/** An app with one path for each thing that the fetch interface can do; see fetch_test.ts. */

/** A Response is used up when it is returned: a mistake to return it again, as in Deno.serve. */
const SAME = new Response("same");

const state = { aborted: 0, begun: 0, cancelled: 0, completed: "", pulled: 0, received: 0 };

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

const PATHS: Record<string, Handler> = {
  "/text": () => new Response("text"),
  "/first-piece": async (request) => {
    const { value } = await request.body!.getReader().read();
    return new Response(String(value !== undefined && value.length > 0));
  },
  "/state": () => Response.json(state),
  "/location": () => Response.json(globalThis.location === undefined),
  "/json": () => Response.json({ a: [1, "é"] }),
  "/redirect": () => Response.redirect("http://localhost/elsewhere", 303),
  "/empty": () => new Response(),
  "/204": () => new Response(null, { status: 204 }),
  "/205": () => new Response(null, { status: 205 }),
  "/304": () => new Response(null, { status: 304, headers: { etag: '"x"' } }),
  "/status": () => new Response("teapot", { status: 418, headers: { "x-a": "1" } }),
  "/cookies": () =>
    new Response("ok", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2, c"]] }),
  "/binary-header": () => new Response("ok", { headers: { "x-binary": "caf\u00e9 \u00ff" } }),
  "/bytes": () => new Response(new Uint8Array([0, 255, 10, 13])),
  "/looked-at": () => {
    const response = new Response("looked at");
    if (response.body === null) throw new Error("it has a body");
    return response;
  },
  "/control": () => new Response("control", { headers: { "x-name": "a\x01b" } }),
  "/control-type": () => new Response("control", { headers: { "content-type": "a/b\x7f" } }),
  "/view": () => new Response(new Uint8Array(100).fill(7).subarray(10, 20)),
  "/blob": () => new Response(new Blob(["blob"], { type: "text/x-blob" })),
  "/form": async () => {
    const form = new FormData();
    form.set("k", "v");
    form.set("f", new File(["file"], "f.txt"));
    return new Response(await new Response(form).formData().then((it) => String(it.get("k"))));
  },
  "/params": () => new Response(new URLSearchParams({ a: "b c" })),
  "/stream": () => new Response(ReadableStream.from(pieces("a", "b", "c"))),
  "/mutated": () => {
    const response = new Response("mutated");
    response.headers.set("x-later", "yes");
    response.headers.append("set-cookie", "a=1");
    response.headers.append("set-cookie", "b=2");
    return response;
  },
  "/relayed": (request) => fetch(new URL(request.url).searchParams.get("from")!),
  "/echo": async (request) => new Response(await request.text()),
  "/echo-json": async (request) => Response.json(await request.json()),
  "/echo-stream": (request) => new Response(request.body),
  "/echo-form": async (request) => {
    const form = await request.formData();
    const file = form.get("file") as File;
    return Response.json({ k: form.get("k"), name: file.name, size: file.size });
  },
  "/count": async (request) => {
    let bytes = 0;
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      state.received += chunk.byteLength;
    }
    return new Response(String(bytes));
  },
  "/words": async (request) => {
    const reader = request.body!.getReader({ mode: "byob" });
    let words = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint16Array(4096));
      if (done) return new Response(String(words));
      words += value.length;
      state.received += value.byteLength;
    }
  },
  "/least": async (request) => {
    const reader = request.body!.getReader({ mode: "byob" });
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(100_000), { min: 70_000 });
      bytes += value?.byteLength ?? 0;
      if (done) return new Response(String(bytes));
    }
  },
  "/head": async (request) => {
    await request.body?.pipeTo(new WritableStream());
    const headers = [...request.headers];
    return Response.json({ method: request.method, url: request.url, headers });
  },
  "/request": async (request) => {
    const copy = request.clone();
    const derived = new Request(request, { headers: { "x-derived": "1" } });
    return Response.json({
      instance: request instanceof Request,
      clone: await copy.text(),
      derived: await derived.text(),
      url: derived.url,
      header: derived.headers.get("x-derived"),
      method: derived.method,
      used: request.bodyUsed,
    });
  },
  "/info": (_request, info) => Response.json(info.remoteAddr),
  "/shown": (_request, info) =>
    Response.json([Deno.inspect(info), JSON.stringify(info), Object.keys(info), { ...info }]),
  "/completed": (_request, info) => {
    info.completed.then(() => state.completed = "sent", () => state.completed = "not sent");
    return new Response("completed");
  },
  "/completed-late": (_request, info) => {
    const late = () => {
      info.completed.then(() => state.completed = "sent", () => state.completed = "not sent");
    };
    return new Response(
      new ReadableStream({
        pull(controller) {
          late();
          controller.close();
        },
      }, { highWaterMark: 0 }),
    );
  },
  "/completed-throw": (_request, info) => {
    info.completed.then(() => state.completed = "sent", () => state.completed = "not sent");
    throw new Error("secret of the app");
  },
  "/completed-stream": (request, info) => {
    info.completed.then(() => state.completed = "sent", () => state.completed = "not sent");
    request.signal.addEventListener("abort", () => state.aborted++);
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65536)),
        cancel: () => void state.cancelled++,
      }),
    );
  },
  "/throw": () => {
    throw new Error("secret of the app");
  },
  "/reject": () => Promise.reject(new TypeError("secret of the app")),
  "/thenable": () => ({
    then() {
      throw new TypeError("secret of the app");
    },
  } as unknown as Promise<Response>),
  "/nothing": () => undefined as unknown as Response,
  "/number": () => 42 as unknown as Response,
  "/error-response": () => Response.error(),
  "/relative": () => Response.redirect("/elsewhere"),
  "/relative-fetch": () => fetch("/etc/hostname"),
  "/hostile": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  "/locked": () => {
    const response = new Response(new Blob(["locked"]).stream());
    response.body!.getReader();
    return response;
  },
  "/used": async () => {
    const response = new Response("used");
    await response.text();
    return response;
  },
  "/same": () => SAME,
  "/broken-stream": () => new Response(ReadableStream.from(breaking())),
  "/broken-at-once": (request) => {
    const count = Number(new URL(request.url).searchParams.get("pieces"));
    return new Response(ReadableStream.from(breakingAfter(count)));
  },
  "/never": (request) => {
    request.signal.addEventListener("abort", () => state.aborted++);
    return new Promise(() => {});
  },
  "/never-mind": async (request) => {
    console.log("never mind");
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    const late = new Response(new Blob(["late"]).stream());
    late.body!.getReader();
    setTimeout(() => state.aborted++);
    return late;
  },
  "/slow": async (request) => {
    const ms = Number(new URL(request.url).searchParams.get("ms") ?? 100);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return new Response("slow");
  },
  "/endless": (request) => {
    request.signal.addEventListener("abort", () => state.aborted++);
    return new Response(
      new ReadableStream({
        pull(controller) {
          state.pulled += 65536;
          controller.enqueue(new Uint8Array(65536));
        },
        cancel() {
          state.cancelled++;
        },
      }),
    );
  },
  /** Begins its response before it takes the request's body, and has nothing more to say. */
  "/silent": (request) => {
    request.arrayBuffer().then(({ byteLength }) => state.received = byteLength, () => {});
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("begun"));
        },
        cancel() {
          state.cancelled++;
        },
      }),
    );
  },
  "/no-bytes": () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue("text" as unknown as Uint8Array);
        },
        cancel() {
          state.cancelled++;
        },
      }),
    ),
  /** As long as it says, and its stream does not end by itself. */
  "/announced": (request, info) => {
    request.signal.addEventListener("abort", () => state.aborted++);
    info.completed.then(() => state.completed = "sent", () => state.completed = "not sent");
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("whole")),
        cancel: () => void state.cancelled++,
      }),
      { headers: { "content-length": "5" } },
    );
  },
  /** Events that begin a moment later, and never end. */
  "/late-events": async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    state.begun++;
    let timer: ReturnType<typeof setInterval>;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(
            () => controller.enqueue(new TextEncoder().encode("data: now\n\n")),
            20,
          );
        },
        cancel() {
          clearInterval(timer);
          state.cancelled++;
        },
      }),
    );
  },
  "/events": () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new TextEncoder().encode("data: tick\n\n"));
        },
        cancel() {
          state.cancelled++;
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    ),
  "/download": (request) => {
    let left = Number(new URL(request.url).searchParams.get("bytes"));
    return new Response(
      new ReadableStream({
        pull(controller) {
          const size = Math.min(left, 65536);
          left -= size;
          if (size > 0) controller.enqueue(new Uint8Array(size));
          if (left === 0) controller.close();
        },
      }),
    );
  },
  "/tick": () => new Response(ReadableStream.from(ticks())),
  "/foreign": () => new ForeignResponse("foreign") as unknown as Response,
  "/late-error": () => {
    setTimeout(() => {
      throw new Error("thrown outside");
    }, 1);
    Promise.reject(new Error("rejected outside"));
    return new Response("ok");
  },
  "/spin": () => {
    for (;;);
  },
  "/exit": () => Deno.exit(3),
};

/** A Response as another realm's: no instance of this one's. */
class ForeignResponse {
  readonly status = 202;
  readonly headers = new Map([["x-foreign", "1"]]);
  readonly body: AsyncIterable<Uint8Array>;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.body = pieces(text);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return new Response(this.#text).arrayBuffer();
  }
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await Promise.resolve();
    yield new TextEncoder().encode(text);
  }
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield* pieces("begun");
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw new Error("secret of the stream");
}

/** Pieces that nothing is awaited between, nor before it fails. */
async function* breakingAfter(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(50_000).fill(0x61 + i % 26);
  throw new Error("secret of the stream");
}

/** One piece at once, the next only when somebody asks /state: shows that nothing is held back. */
async function* ticks(): AsyncGenerator<Uint8Array> {
  yield* pieces("tick\n");
  await new Promise(() => {});
}

export default {
  fetch(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    const handler = PATHS[pathname] ?? (() => new Response("not found", { status: 404 }));
    return handler(request, info);
  },
};
