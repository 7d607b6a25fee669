import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { soon } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startApp } from "./app.ts";

/** Beyond what crosses a queue whole, and no multiple of any chunk's size. */
const LARGE_BYTES = 3_000_001;

/** Bytes that tell when one is lost, doubled or moved. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function* pieces(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += 50_000) {
    await Promise.resolve();
    yield bytes.slice(at, at + 50_000);
  }
}

/** Goes on with the request's body when all of its response is out. */
const LATE_READER = `export default {
  async fetch(request) {
    const reader = request.body.getReader();
    await reader.read();
    setTimeout(async () => {
      try {
        while (!(await reader.read()).done);
        console.log("got to the end");
      } catch (error) {
        console.log("got an error");
      }
    }, 0);
    return new Response("ok");
  },
};
`;

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`the app sees method, URL and fields as they were sent, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const headers: [string, string][] = [["x-a", "1"], ["X-A", "2"], ["x-caf", "caf\u00e9"]];
    const response = await server.fetch("/head?q=%20&r", { method: "PATCH", headers, body: "" });
    const head = await response.json();
    assertEquals(head.method, "PATCH");
    assertEquals(head.url, `${server.url}/head?q=%20&r`);
    const seen = new Headers(head.headers);
    assertEquals([seen.get("x-a"), seen.get("x-caf")], ["1, 2", "caf\u00e9"]);
  });

  sceneTest(`a URL comes as it was sent, whatever is sent with it, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const target = "//x/../../head?q=\"'";
    for (const [length, body] of [[0, ""], [1, "x"], [LARGE_BYTES, "x".repeat(LARGE_BYTES)]]) {
      using wire = await Wire.connect(server.port);
      await wire.send(`POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
      await wire.send(String(body));
      const { url } = JSON.parse((await wire.response())!.body);
      assertEquals(url, `http://a${target}`, `${length} bytes`);
    }
  });

  sceneTest(`a body can be read into buffers of the app's own, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    // Deno.serve, and so we inline, has no stream of bytes for what comes together with the head.
    const small = threads === 0 ? [] : [2, 20_000];
    for (const length of [...small, 200_000, LARGE_BYTES - 1]) {
      for (const body of [pattern(length), ReadableStream.from(pieces(pattern(length)))]) {
        const read = await server.fetch("/words", { method: "POST", body });
        assertEquals(await read.text(), String(length / 2));
        // The last piece is less than the least that is asked for.
        const least = await server.fetch("/least", { method: "POST", body: pattern(length + 1) });
        assertEquals(await least.text(), String(length + 1));
      }
    }
    // Half of an element is left, and the reader is told so.
    const odd = await server.fetch("/words", { method: "POST", body: pattern(LARGE_BYTES) });
    assertEquals(odd.status, 500);
    await odd.body?.cancel();
    await server.says(/POST \/words failed: TypeError: Insufficient bytes/);
  });

  sceneTest(
    `an app that reads on after its response is told that the rest is gone, ${where}`,
    async (scene) => {
      const args = ["-t", String(threads)];
      const server = await scene.start({ app: LATE_READER, workers: 1, args });
      using wire = await Wire.connect(server.port);
      await wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
      await wire.send("x".repeat(100_000));
      assertEquals((await wire.response())?.body, "ok");
      await server.says(/got an error/);
    },
  );

  sceneTest(
    `bodies of every size arrive whole, with a length or in chunks, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      for (const length of [0, 1, 1024, 65_536, 65_537, LARGE_BYTES]) {
        const body = pattern(length);
        for (const sent of [body, ReadableStream.from(pieces(body))]) {
          const how = `${length} bytes, ${sent === body ? "with a length" : "in chunks"}`;
          const echoed = await server.fetch("/echo-stream", { method: "POST", body: sent });
          assertEquals(new Uint8Array(await echoed.arrayBuffer()), body, how);
        }
        const counted = await server.fetch("/count", { method: "POST", body });
        assertEquals(await counted.text(), String(length));
      }
    },
  );

  sceneTest(`a body in chunks is not held up behind one with a length, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
    const count = async (body: BodyInit) => {
      const answer = await fetch(`${server.url}/count`, { method: "POST", body, client });
      return Number(await answer.text());
    };
    // Made before, since it takes longer on a busy machine than an idle connection stays open.
    const body = pattern(64 * 1024 * 1024);
    // The client has seen a window by then that bodies in chunks do not get.
    assertEquals(await count(pattern(LARGE_BYTES)), LARGE_BYTES);
    const counted = count(ReadableStream.from(pieces(body)));
    assertEquals(await soon("the body arrives", counted), body.length);
  });

  sceneTest(
    `a body that is not read, or not all of it, does not hold up the next request, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      for (const [path, answer] of [["/text", "text"], ["/first-piece", "true"]] as const) {
        for (const length of [100, LARGE_BYTES]) {
          using wire = await Wire.connect(server.port);
          const half = "x".repeat(length / 2);
          await wire.send(
            `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 * half.length}\r\n\r\n`,
          );
          await wire.send(half);
          const sent = wire.send(`${half}GET /json HTTP/1.1\r\nHost: a\r\n\r\n`);
          assertEquals((await wire.response())?.body, answer);
          await sent;
          assertEquals((await wire.response())?.status, 200, `after ${length} bytes to ${path}`);
        }
      }
    },
  );

  sceneTest(
    `a request can be read as text, JSON or a form, cloned and derived from, ${where}`,
    async (scene) => {
      const server = await startApp(scene, threads);
      const post = async (path: string, body: BodyInit) =>
        await (await server.fetch(path, { method: "POST", body })).text();
      assertEquals(await post("/echo", "text é"), "text é");
      assertEquals(await post("/echo-json", '{"a": [1]}'), '{"a":[1]}');
      const form = new FormData();
      form.set("k", "v");
      form.set("file", new File([pattern(100_000)], "f.bin"));
      assertEquals(JSON.parse(await post("/echo-form", form)), {
        k: "v",
        name: "f.bin",
        size: 100_000,
      });
      for (const body of ["small", "large".repeat(40_000)]) {
        assertEquals(JSON.parse(await post("/request", body)), {
          instance: true,
          clone: body,
          derived: body,
          url: `${server.url}/request`,
          header: "1",
          method: "POST",
          used: true,
        });
      }
    },
  );
}
