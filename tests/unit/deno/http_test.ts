import { assert, assertEquals } from "@std/assert";
import { connectionFd, isHttp2 } from "../../../src/deno/http.ts";
import {
  announcedBody,
  bodyBytesHere,
  hasBody,
  headerList,
  isBodyHere,
  requestBody,
  requestMethod,
  requestUrl,
  streamedBody,
} from "../../../src/deno/request.ts";
import { abortRequest, watchClient } from "../../../src/deno/request_abort.ts";
import { createResponse } from "../../../src/deno/response.ts";
import { Served } from "./served.ts";

const done = () => createResponse(200, [["connection", "close"]], "done");

/** Serves one request, and returns what `look` saw of it. */
async function seen<T>(bytes: string | Uint8Array, look: (request: Request) => T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  await using served = await Served.start((request) => {
    try {
      resolve(look(request));
    } catch (error) {
      reject(error);
    }
    return done();
  });
  served.connection.finished.then(() => reject(new Error("no request was seen")), reject);
  await served.send(bytes);
  return await promise;
}

const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

Deno.test("a head is as it came: its fields in order, case and number, its URL not parsed", async () => {
  const head = "GET /a/../b?c HTTP/1.1\r\nHost: h\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\n\r\n";
  const look = (request: Request) => [
    requestMethod(request),
    requestUrl(request),
    headerList(request),
    hasBody(request),
    requestBody(request),
  ];
  assertEquals(await seen(head, look), [
    "GET",
    "http://h/a/../b?c",
    [["Host", "h"], ["X-B", "1"], ["x-a", "2"], ["X-B", "3"]],
    false,
    null,
  ]);
});

Deno.test("a GET's body is found where it is announced, and its method is GET's again", async () => {
  const look = async (request: Request) => [
    await new Response(announcedBody(request) as BodyInit).text(),
    requestMethod(request),
    request.method,
  ];
  for (const method of ["GET", "HEAD"]) {
    const head = `${method} / HTTP/1.1\r\nHost: a\r\n`;
    for (
      const body of [
        "Content-Length: 2\r\n\r\nhi",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      ]
    ) {
      assertEquals(await seen(head + body, look), ["hi", method, method]);
    }
  }
});

Deno.test("a body that came with its head is taken as it is, and one that follows is a stream", async () => {
  const kind = (request: Request) => [
    hasBody(request),
    bodyBytesHere(request),
    streamedBody(request) instanceof ReadableStream,
    requestBody(request)?.constructor.name,
  ];
  assertEquals(await seen(`${POST}body`, kind), [true, 4, false, "Uint8Array"]);
  assertEquals(await seen(`${POST}bo`, kind), [true, -1, true, "ReadableStream"]);
});

Deno.test("a body is thrown away only where all of it is here", async () => {
  assertEquals(await seen(`${POST}body`, isBodyHere), true);
  assertEquals(await seen(`${POST}bo`, isBodyHere), false);
  assertEquals(await seen("GET / HTTP/1.1\r\nHost: a\r\n\r\n", isBodyHere), false);
});

/** Prior knowledge (RFC 9113, 3.3): preface, SETTINGS, and GET http://probe/ as stream 1. */
const HTTP2 = new Uint8Array([
  ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ...[0, 0, 0, 4, 0, 0, 0, 0, 0],
  ...[0, 0, 10, 1, 5, 0, 0, 0, 1],
  ...[0x82, 0x86, 0x84, 0x41, 5],
  ...new TextEncoder().encode("probe"),
]);

Deno.test("HTTP/2 is told from HTTP/1", async () => {
  const look = (request: Request) => isHttp2(requestMethod(request), headerList(request));
  assertEquals(await seen(HTTP2, look), true);
  assertEquals(await seen("GET / HTTP/1.1\r\nHost: a\r\n\r\n", look), false);
});

for (
  const [what, own] of [
    ["formats stacks by itself", { prepareStackTrace: { value: () => [], configurable: true } }],
    ["has frozen Error", { stackTraceLimit: { value: 0, writable: false, configurable: true } }],
  ] as const
) {
  Deno.test(`a client of HTTP/1 is none of HTTP/2 to an app that ${what}`, async () => {
    const look = (request: Request) => isHttp2(requestMethod(request), headerList(request));
    const before = Object.getOwnPropertyDescriptors(Error);
    Object.defineProperties(Error, own);
    try {
      assertEquals(await seen("GET / HTTP/1.1\r\nhost: a\r\n\r\n", look), false);
      assertEquals(await seen(HTTP2, look), true);
    } finally {
      Reflect.deleteProperty(Error, "prepareStackTrace");
      Object.defineProperty(Error, "stackTraceLimit", before.stackTraceLimit!);
    }
  });
}

Deno.test("the signal of a request that is given up aborts", async () => {
  const look = (request: Request) => {
    const { signal } = request;
    const before = signal.aborted;
    abortRequest(request);
    return [before, signal.aborted, signal.reason.name];
  };
  assertEquals(await seen("GET / HTTP/1.1\r\nHost: a\r\n\r\n", look), [false, true, "AbortError"]);
});

Deno.test("a client's going away is told", async () => {
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using served = await Served.start((request) => {
    watchClient(request, gone.resolve);
    begun.resolve();
    return gone.promise.then(done);
  });
  await served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await begun.promise;
  served.client.closeWrite();
  await gone.promise;
});

Deno.test("a connection tells its descriptor", async () => {
  await using served = await Served.start(done);
  assert(connectionFd(served.accepted)! > 2);
});

Deno.test("a connection closes behind the response in flight, and at once when it idles", async () => {
  for (const inFlight of [true, false]) {
    const begun = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    await using served = await Served.start(() => {
      begun.resolve();
      return answer.promise;
    });
    if (inFlight) {
      await served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await begun.promise;
    }
    void served.connection.shutdown();
    answer.resolve(createResponse(200, [["x-a", "1"]], "whole"));
    assertEquals((await served.readAll()).endsWith("\r\n\r\nwhole"), inFlight);
  }
});
