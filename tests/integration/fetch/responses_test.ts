import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import app from "../../apps/fetch.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startApp, stateOf } from "./app.ts";

interface Expected {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const TEXT = "text/plain;charset=UTF-8";

/** What each path of the app has to be answered with. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  "/text": { headers: { "content-type": TEXT, "content-length": "4" }, body: "text" },
  "/location": { body: "true" },
  "/json": { headers: { "content-type": "application/json" }, body: '{"a":[1,"é"]}' },
  "/redirect": { status: 303, headers: { location: "http://localhost/elsewhere" }, body: "" },
  "/empty": { headers: { "content-length": "0" }, body: "" },
  "/204": { status: 204, body: "" },
  "/304": { status: 304, headers: { etag: '"x"' }, body: "" },
  "/status": { status: 418, headers: { "x-a": "1" }, body: "teapot" },
  "/binary-header": { headers: { "x-binary": "caf\u00e9 \u00ff" }, body: "ok" },
  "/bytes": { headers: { "content-length": "4" }, body: "\u0000\u00ff\n\r" },
  "/view": { headers: { "content-length": "10" }, body: "\x07".repeat(10) },
  "/looked-at": { headers: { "content-type": TEXT, "content-length": "9" }, body: "looked at" },
  "/blob": { headers: { "content-type": "text/x-blob" }, body: "blob" },
  "/form": { body: "v" },
  "/params": {
    headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
    body: "a=b+c",
  },
  "/stream": { body: "abc" },
  "/mutated": { headers: { "x-later": "yes" }, body: "mutated" },
  "/foreign": { status: 202, headers: { "x-foreign": "1" }, body: "foreign" },
  "/missing": { status: 404, body: "not found" },
};

/** Paths on which the app fails before it has answered; the client sees the same for all. */
const FAILING: Readonly<Record<string, RegExp>> = {
  "/throw": /GET \S*\/throw failed: Error: secret of the app\n\s+at .*fetch\.ts/,
  "/reject": /GET \S*\/reject failed: TypeError: secret of the app\n\s+at .*fetch\.ts/,
  "/thenable": /GET \S*\/thenable failed: TypeError: secret of the app\n\s+at .*fetch\.ts/,
  "/nothing": /GET \S*\/nothing failed: .*it returned undefined/,
  "/number": /GET \S*\/number failed: .*it returned a number/,
  "/error-response": /GET \S*\/error-response failed: .*Response\.error\(\)/,
  "/relative": /GET \S*\/relative failed: TypeError: Invalid URL: '\/elsewhere'/,
  "/relative-fetch": /GET \S*\/relative-fetch failed: TypeError: Invalid URL: '\/etc\/hostname'/,
  "/hostile": /GET \S*\/hostile failed: thrown: something that throws when it is looked at/,
  "/locked": /GET \S*\/locked failed: TypeError: .*locked/,
  // Deno's process would end.
  "/control":
    /GET \S*\/control failed: TypeError: The header field x-name .* control character: "a\\u0001b"/,
  "/control-type":
    /GET \S*\/control-type failed: TypeError: The header field content-type .* control/,
  "/used": /GET \S*\/used failed: .*used up/,
};

/** A server that answers one request with this text. */
function answering(text: string): { readonly url: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(1024));
    await connection.write(new TextEncoder().encode(text));
    connection.close();
  }, () => {});
  const { port } = listener.addr as Deno.NetAddr;
  return { url: `http://127.0.0.1:${port}/`, [Symbol.dispose]: () => listener.close() };
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(
    `every kind of response reaches the client as the app made it, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      for (const [path, expected] of Object.entries(EXPECTED)) {
        const response = await server.fetch(path, { redirect: "manual" });
        assertEquals(response.status, expected.status ?? 200, path);
        for (const [name, value] of Object.entries(expected.headers ?? {})) {
          assertEquals(response.headers.get(name), value, `${path} ${name}`);
        }
        const bytes = await response.arrayBuffer();
        const encoding = path === "/bytes" ? "latin1" : "utf-8";
        assertEquals(new TextDecoder(encoding).decode(bytes), expected.body ?? "", path);
      }
      for (const status of [599, 600, 999]) {
        using upstream = answering(`HTTP/1.1 ${status} X\r\nContent-Length: 3\r\n\r\nabc`);
        const relayed = await server.fetch(`/relayed?from=${upstream.url}`);
        assertEquals([relayed.status, await relayed.text()], [status, "abc"]);
      }
      const cookies = await server.fetch("/cookies");
      assertEquals(cookies.headers.getSetCookie(), ["a=1", "b=2, c"]);
      await cookies.body?.cancel();
      const mutated = await server.fetch("/mutated");
      assertEquals(mutated.headers.getSetCookie(), ["a=1", "b=2"]);
      await mutated.body?.cancel();
    },
  );

  for (const length of [0, 5, 300_000]) {
    sceneTest(
      `205 leaves no client waiting, behind ${length} bytes that nobody reads, ${where}`,
      async (scene) => {
        const server = await startApp(scene, threads);
        using wire = await Wire.connect(server.port);
        const head = `POST /205 HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
        await wire.send(head + "x".repeat(length));
        assertMatch(await wire.rest(), /^HTTP\/1\.1 205 [^]*connection: close\r\n[^]*\r\n\r\n$/);
      },
    );
  }

  sceneTest(`a HEAD gets the head alone, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const response = await server.fetch("/text", { method: "HEAD" });
    assertEquals(response.headers.get("content-length"), "4");
    assertEquals(await response.text(), "");
  });

  sceneTest(
    `an app that fails is a 500 without details, and a trace in the log, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      for (const [path, logged] of Object.entries(FAILING)) {
        const response = await server.fetch(path);
        assertEquals(
          [response.status, await response.text()],
          [500, "Internal Server Error\n"],
          path,
        );
        await server.says(logged);
      }
      assert(!/src\/(?:thread|proc|app)\//.test(server.output), "frames of denicorn in a trace");
    },
  );

  sceneTest(`info.completed settles when the app has failed, too, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const response = await server.fetch("/completed-throw");
    assertEquals(response.status, 500);
    await response.body?.cancel();
    await until("completed resolves", async () => (await stateOf(server)).completed === "sent");
  });

  sceneTest(
    `info.completed settles that is looked at while the response streams, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      assertEquals(await server.get("/completed-late"), "");
      await until("completed resolves", async () => (await stateOf(server)).completed === "sent");
    },
  );

  sceneTest(
    `a HEAD that is answered with a stream is complete, and not given up, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      const response = await server.fetch("/completed-stream", { method: "HEAD" });
      assertEquals([response.status, await response.text()], [200, ""]);
      await until("completed resolves", async () => (await stateOf(server)).completed !== "");
      await until("the stream is cancelled", async () => (await stateOf(server)).cancelled === 1);
      const { completed, aborted } = await stateOf(server);
      assertEquals([completed, aborted], ["sent", 0]);
    },
  );

  sceneTest(
    `a response that is returned twice is an error, as in Deno.serve, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      assertEquals(await server.get("/same"), "same");
      const again = await server.fetch("/same");
      assertEquals([again.status, await again.text()], [500, "Internal Server Error\n"]);
      await server.says(/GET \S*\/same failed: .*used up/);
    },
  );

  sceneTest(
    `errors outside of a request are logged, and the proc lives on, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      const pid = server.procs()[0]?.pid;
      assertEquals(await server.get("/late-error"), "ok");
      await server.says(/Uncaught error outside of a request: Error: thrown outside/);
      await server.says(/Unhandled rejection outside of a request: Error: rejected outside/);
      assertEquals(await server.get("/text"), "text");
      assertEquals(server.procs()[0]?.pid, pid);
      assertEquals(server.output.match(/Error: thrown outside$/gm)?.length, 1, "it is told once");
    },
  );

  sceneTest(`a stream that breaks off does not look complete, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const response = await server.fetch("/broken-stream");
    assertEquals(response.status, 200);
    await assertRejects(() => response.text());
    await server.says(/secret of the stream/);
  });

  sceneTest(`a stream of anything but bytes is an error of the app's, ${where}`, async (scene) => {
    const format = "%(r)s %(s)s %(b)s";
    const server = await startApp(
      scene,
      threads,
      ...["--access-log", "-", "--access-log-format", format],
    );
    const response = await server.fetch("/no-bytes");
    await assertRejects(() => response.text());
    await server.says(/GET \/no-bytes failed: TypeError: A response stream must yield Uint8Array/);
    await server.says(/GET \/no-bytes HTTP\/1.1 200 -\n/);
    await until("its source is told", async () => (await stateOf(server)).cancelled === 1);
  });

  sceneTest(`what a stream has given before it breaks off is sent, ${where}`, async (scene) => {
    const server = await startApp(scene, threads, "--access-log", "-");
    // One piece; the window of a queue, which a client takes at once; what one takes in its time.
    for (const pieces of [1, 3, 200]) {
      using wire = await Wire.connect(server.port);
      await wire.send(`GET /broken-at-once?pieces=${pieces} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const text = await wire.rest();
      assertEquals(text.match(/[a-z]{50,}/g)?.join("").length, pieces * 50_000);
      // Not the chunk that would make it complete (RFC 9112, 8).
      assert(!text.endsWith("\r\n0\r\n\r\n"), text.slice(-20));
      await server.says(new RegExp(`pieces=${pieces} HTTP/1.1" 200 ${pieces * 50_000} `));
    }
  });

  sceneTest(
    `a stream reaches a client whose upload nobody reads to its end, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      const bytes = 3_000_000;
      for (let i = 0; i < 8; i++) {
        using wire = await Wire.connect(server.port);
        const head = `POST /download?bytes=${bytes} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
        await wire.send(`${head}Content-Length: 1000000\r\n\r\n` + "q".repeat(1_000_000));
        const text = await wire.rest();
        assert(text.length > bytes && text.endsWith("\r\n0\r\n\r\n"), `${text.length} bytes`);
      }
    },
  );

  sceneTest(`a piece of a stream is sent when it is yielded, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const response = await server.fetch("/tick");
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    assertEquals(new TextDecoder().decode(value), "tick\n");
    await reader.cancel();
  });

  sceneTest(`the app's info shows of itself what Deno.serve's does, ${where}`, async (scene) => {
    const plain = Promise.withResolvers<Response>();
    await using reference = Deno.serve({ port: 0, onListen() {} }, (request, info) => {
      plain.resolve(app.fetch(request, info) as Response);
      return new Response();
    });
    await (await fetch(`http://127.0.0.1:${reference.addr.port}/shown`)).body?.cancel();
    const expected = await (await plain.promise).json();
    const server = await startApp(scene, threads, "--forwarded-allow-ips", "127.0.0.1");
    assertEquals(JSON.parse(await server.get("/shown")), expected);
    // Behind a proxy that is trusted it is another client's.
    const headers = { "x-forwarded-for": "192.0.2.7" };
    const forwarded = await server.fetch("/shown", { headers });
    assertEquals(await forwarded.json(), expected);
    const address = await server.fetch("/info", { headers });
    assertEquals((await address.json()).hostname, "192.0.2.7");
  });

  sceneTest(
    `the app learns of the client's address and of the last byte, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      const { transport, hostname, port } = JSON.parse(await server.get("/info"));
      assertEquals([transport, hostname], ["tcp", "127.0.0.1"]);
      assert(port > 0);
      await server.get("/completed");
      await until("completed resolves", async () => (await stateOf(server)).completed === "sent");
    },
  );
}

sceneTest(
  "Deno.exit in an app replaces its proc instead of taking a thread away",
  async (scene) => {
    const server = await startApp(scene, 1);
    const response = await server.fetch("/exit");
    assertEquals(response.status, 500);
    await response.body?.cancel();
    await server.says(/called Deno\.exit\(3\)/);
    await server.ready(2);
    assertEquals(await server.get("/text"), "text");
    assertStringIncludes(server.output, "to be replaced");
  },
);
