/**
 * Prints what src/deno and who builds on it make of requests and responses. With `hide` as its
 * argument nothing is found of what Deno hides.
 */

if (Deno.args[0] === "hide") Object.getOwnPropertySymbols = () => [];

const { readResponse } = await import("../../../src/app/response.ts");
const { createRequest } = await import("../../../src/deno/app_request.ts");
const { missingSymbols } = await import("../../../src/deno/hidden.ts");
const { fieldsOf, hasBody, takeBodyHere } = await import("../../../src/deno/request.ts");
const { bareResponse } = await import("../../../src/deno/response.ts");

const bytes = (text: string) => new TextEncoder().encode(text);
const facts: Record<string, unknown> = {};

/** A request around a head, with one callback that says that nobody waits any more. */
function request(head: string, body: Uint8Array | null | (() => ReadableStream<Uint8Array>)) {
  const aborts: (() => void)[] = [];
  const made = createRequest({ head, body, onAbort: (callback) => aborts.push(callback) });
  return { made, abort: () => aborts.forEach((callback) => callback()) };
}

const POST = "POST\nhttp://localhost/a?b\nx-a\n1\nx-a\n2\ncontent-type\ntext/plain";

async function requestFacts(body: Uint8Array | null | (() => ReadableStream<Uint8Array>)) {
  const { made, abort } = request(body === null ? "GET\nhttp://localhost/" : POST, body);
  const before = made.signal.aborted;
  abort();
  return {
    is: made instanceof Request,
    line: [made.method, made.url],
    field: made.headers.get("x-a"),
    has: hasBody(made),
    aborted: [before, made.signal.aborted],
    clone: await made.clone().text(),
    text: await made.text(),
    used: made.bodyUsed,
  };
}

facts.none = await requestFacts(null);
facts.whole = await requestFacts(bytes("hello"));
facts.stream = await requestFacts(() => ReadableStream.from([bytes("hel"), bytes("lo")]));
const { made } = request("GET\nhttp://localhost/\nx-a\n1", null);
facts.fields = [...fieldsOf(made)].filter(([name]) => name === "x-a");
facts.taken = takeBodyHere(made);

async function responseFacts(response: Response) {
  try {
    const { status, fields, body } = readResponse(response);
    // Repeated ones as one, which says the same.
    const headers = [...new Headers(fields)];
    return [status, headers, await new Response(body as BodyInit).text()];
  } catch (error) {
    return String(error);
  }
}

const used = new Response("text");
await used.text();
const looked = new Response("text");
looked.headers.set("x-a", "1");
facts.responses = [
  await responseFacts(new Response("text")),
  await responseFacts(new Response("text", { status: 404, headers: { "content-type": "a/b" } })),
  await responseFacts(new Response(bytes("bytes"), { headers: [["x-a", "1"], ["x-a", "2"]] })),
  await responseFacts(new Response(ReadableStream.from([bytes("str"), bytes("eam")]))),
  await responseFacts(new Response(null, { status: 204 })),
  await responseFacts(Response.json({ a: 1 })),
  await responseFacts(looked),
  await responseFacts(used),
  await responseFacts(Response.error()),
];

async function bareFacts(body: string | Uint8Array | ReadableStream<Uint8Array> | null) {
  const response = bareResponse(201, [["x-a", "1"], ["x-b", "2"]], body);
  return [response.status, [...response.headers], await response.text()];
}

facts.bare = [
  await bareFacts("text"),
  await bareFacts(bytes("bytes")),
  await bareFacts(ReadableStream.from([bytes("stream")])),
  await bareFacts(null),
];

console.log(JSON.stringify({ missing: missingSymbols().size, facts }));
