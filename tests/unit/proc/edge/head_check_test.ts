import { assert, assertEquals } from "@std/assert";
import { type HeadLimits, type Peer, RequestHead } from "../../../../src/proc/edge/head_check.ts";
import { type Rule, Rules } from "../../../../src/proc/edge/rules.ts";

const LIMITS: HeadLimits = {
  limit_request_line: 4094,
  limit_request_fields: 100,
  limit_request_field_size: 8190,
  limit_request_body: 0,
  header_map: "drop",
  forwarded_allow_ips: ["127.0.0.1", "10.0.0.0/8"],
  secure_scheme_headers: { "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on" },
};

const CLIENT: Peer = {
  remoteHost: "192.0.2.7",
  remotePort: 4711,
  scheme: "http",
  origin: "http://",
  trusted: false,
  isHttp2: () => false,
};

type Fields = [string, string][];
const HOST: [string, string] = ["Host", "example.org"];

function read(
  request: { method?: string; url?: string; fields?: Fields; peer?: Partial<Peer> },
  limits: Partial<HeadLimits> = {},
): RequestHead & { rule: Rule | null } {
  const head = new RequestHead({ ...LIMITS, ...limits });
  const rule = head.read(
    request.method ?? "GET",
    request.url ?? "http://example.org/a",
    request.fields ?? [HOST],
    { ...CLIENT, ...request.peer },
  );
  return Object.assign(head, { rule });
}

function assertRule(
  rule: Rule | null,
  request: Parameters<typeof read>[0],
  limits: Partial<HeadLimits> = {},
): void {
  assertEquals(read(request, limits).rule, rule, JSON.stringify(request));
}

Deno.test("a head crosses with names in lower case, the Host first and the rest in wire order", () => {
  const head = read({
    url: "http://example.org/a?b=%20",
    fields: [["Accept", "*/*"], HOST, ["X-A", "1"], ["x-a", "2"], ["cookie", "a=1; b=2"]],
  });
  assertEquals(head.rule, null);
  assertEquals(
    head.head,
    "GET\nhttp://example.org/a?b=%20\nhost\nexample.org\naccept\n*/*\nx-a\n1\nx-a\n2\ncookie\na=1; b=2",
  );
  assertEquals([head.remoteHost, head.remotePort, head.contentLength], ["192.0.2.7", 4711, -1]);
});

Deno.test("one reader reads many heads, and nothing of one shows in the next", () => {
  const head = new RequestHead(LIMITS);
  const first = [HOST, ["Content-Length", "5"], ["Upgrade", "WebSocket"]] as Fields;
  assertEquals(head.read("POST", "http://example.org/", first, CLIENT), null);
  assertEquals([head.contentLength, head.asksSocket], [5, true]);
  const second = [["Accept", "text/html"], HOST] as Fields;
  assertEquals(head.read("GET", "http://example.org/b", second, CLIENT), null);
  assertEquals([head.contentLength, head.asksSocket], [-1, false]);
  assertEquals(head.head, "GET\nhttp://example.org/b\nhost\nexample.org\naccept\ntext/html");
});

Deno.test("a WebSocket is asked for wherever it stands among the upgrades, in whichever line", () => {
  const asks = (...values: string[]) =>
    read({ fields: [HOST, ...values.map((it): [string, string] => ["Upgrade", it])] }).asksSocket;
  for (
    const list of ["websocket", "foo, WebSocket", "websocket,foo", "websocket,", ",\twebsocket "]
  ) {
    assertEquals(asks(list), true, list);
  }
  assertEquals(asks("websocket", "foo"), true);
  assertEquals(asks("foo", "websocket"), true);
  for (const list of ["", "h2c", "websocket/13", "websockets", "web, socket"]) {
    assertEquals(asks(list), false, list);
  }
});

Deno.test("a request without a Host is refused in HTTP/1 and takes :authority in HTTP/2", () => {
  assertRule(Rules.hostMissing, { fields: [] });
  assertRule(Rules.hostMissing, { url: "http://localhost:8000/", fields: [["Accept", "*/*"]] });
  const head = read({ url: "http://example.org/a", fields: [], peer: { isHttp2: () => true } });
  assertEquals(head.rule, null);
  assertEquals(head.head, "GET\nhttp://example.org/a\nhost\nexample.org");
});

Deno.test("a Host that is no host with a port is refused", () => {
  const bad = [
    "",
    " ",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "u@a",
    "a b",
    "a,b:x",
    "a:99999",
    "a:-1",
    "a:80:80",
    "é",
    "%61",
    "[::1",
    "[::g]",
    "::1",
    "1.2.3.256",
    "a\tb",
    "<a>",
  ];
  for (const host of bad) {
    assertRule(Rules.hostInvalid, { url: `http://${host}/`, fields: [["Host", host]] });
  }
  const good = [
    "a",
    "a.b-c_d",
    "A.Example:8080",
    "127.0.0.1:80",
    "[::1]",
    "[2001:db8::1]:443",
    "a:",
  ];
  for (const host of good) {
    assertRule(null, { url: `http://${host}/`, fields: [["HOST", host]] });
  }
});

Deno.test("a second field where one is allowed is refused, whatever the case of its name", () => {
  const doubled: [string, string, Rule][] = [
    ["Host", "example.org", Rules.hostDoubled],
    ["Content-Length", "1", Rules.contentLengthDoubled],
    ["Content-Type", "text/plain", Rules.contentTypeDoubled],
    ["Authorization", "Basic eDp5", Rules.authorizationDoubled],
  ];
  for (const [name, value, rule] of doubled) {
    const rest = name === "Host" ? [] : [HOST];
    assertRule(rule, { fields: [...rest, [name, value], [name.toUpperCase(), value]] });
    assertRule(null, { fields: [...rest, [name, value], ["Accept", "a"], ["Accept", "b"]] });
  }
});

Deno.test("an absolute-form target must name the Host and the connection's scheme", () => {
  assertRule(null, { url: "http://example.org/x" });
  assertRule(null, { url: "http://EXAMPLE.org/x" });
  assertEquals(read({ url: "HTTP://example.org/x" }).url, "http://example.org/x");
  assertEquals(read({ url: "http://example.org?x" }).url, "http://example.org/?x");
  assertRule(Rules.targetAgainstHost, { url: "http://evil.example/x" });
  assertRule(Rules.targetAgainstHost, { url: "http://example.org.evil/x" });
  assertRule(Rules.targetAgainstHost, { url: "http://example.org@evil/x" });
  assertRule(Rules.targetAgainstHost, { url: "http://example.org:81/x" });
  assertRule(Rules.targetScheme, { url: "ftp://example.org/x" });
  assertRule(Rules.misdirected, { url: "https://example.org/x" });
  const tls = { scheme: "https", origin: "https://" } as const;
  assertRule(null, { url: "https://example.org/x", peer: tls });
  assertRule(Rules.misdirected, { url: "http://example.org/x", peer: tls });
});

Deno.test("in HTTP/2 the connection's scheme holds, not the client's word, and Host must agree", () => {
  const peer = { isHttp2: () => true, scheme: "https", origin: "https://" } as const;
  assertEquals(
    read({ url: "http://example.org/x", fields: [], peer }).url,
    "https://example.org/x",
  );
  assertRule(Rules.targetAgainstHost, { url: "https://other/x", peer });
});

Deno.test("a target with a fragment, or a backslash in its path, is refused", () => {
  assertRule(Rules.targetInvalid, { url: "http://example.org/a#b" });
  assertRule(Rules.targetInvalid, { url: "http://example.org/a?b#c" });
  assertRule(Rules.targetInvalid, { url: "http://example.org/a\\..\\b" });
  assertRule(null, { url: "http://example.org/a?b=\\c" });
  assertRule(null, { url: "http://example.org//evil/x" });
});

Deno.test("methods that no app can serve are refused, others pass as they are", () => {
  for (const method of ["CONNECT", "TRACE", "TRACK"]) {
    assertRule(Rules.methodUnsupported, { method });
  }
  for (const method of ["PATCH", "PROPFIND", "M-SEARCH", "get"]) {
    assert(read({ method }).head.startsWith(`${method}\n`));
  }
});

Deno.test("only 100-continue may be expected, and only chunked be a coding", () => {
  assertRule(null, { fields: [HOST, ["Expect", "100-Continue"]] });
  assertRule(Rules.expectation, { fields: [HOST, ["Expect", "200-ok"]] });
  assertRule(null, { fields: [HOST, ["Transfer-Encoding", "Chunked"]] });
  assertRule(Rules.transferCoding, { fields: [HOST, ["Transfer-Encoding", "gzip, chunked"]] });
});

Deno.test("names with an underscore are dropped, refused or kept, as header_map says", () => {
  const fields: Fields = [HOST, ["X_Forwarded-For", "1.2.3.4"], ["Content_Length", "7"]];
  assertEquals(read({ fields }).head, "GET\nhttp://example.org/a\nhost\nexample.org");
  assertRule(Rules.nameWithUnderscore, { fields }, { header_map: "refuse" });
  const kept = read({ fields }, { header_map: "keep" });
  assertEquals(kept.contentLength, -1);
  assert(kept.head.endsWith("\nx_forwarded-for\n1.2.3.4\ncontent_length\n7"));
});

Deno.test("SCRIPT_NAME of a trusted proxy is no field of the app's, whatever header_map says", () => {
  const fields: Fields = [HOST, ["SCRIPT_NAME", "/mounted/"]];
  for (const header_map of ["drop", "refuse", "keep"] as const) {
    const head = read({ fields, peer: { trusted: true } }, { header_map });
    assertEquals(head.scriptName, "/mounted");
    assert(!head.head.includes("script_name"));
  }
  assertEquals(read({ fields }).scriptName, "");
  assertRule(Rules.nameWithUnderscore, { fields }, { header_map: "refuse" });
  assertEquals(
    read({ fields: [HOST, ["SCRIPT_NAME", "no path"]], peer: { trusted: true } }).scriptName,
    "",
  );
});

Deno.test("the request line's limit counts method, target and version", () => {
  const url = "http://example.org/" + "a".repeat(99);
  // GET, a space, 100 bytes, a space, HTTP/1.1
  assertRule(null, { url }, { limit_request_line: 113 });
  assertRule(Rules.requestLineTooLong, { url }, { limit_request_line: 112 });
  assertRule(null, { url }, { limit_request_line: 0 });
});

Deno.test("the bytes that a head took are counted as it is commonly written, dropped fields too", () => {
  const fields: Fields = [HOST, ["Accept", "*/*"], ["X_Dropped", "1"]];
  const wire = "PUT /a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nX_Dropped: 1\r\n\r\n";
  const { rule, wireBytes } = read({ method: "PUT", url: "http://example.org/a?b", fields });
  assertEquals([rule, wireBytes], [null, wire.length]);
});

Deno.test("fields are limited in number and size", () => {
  const fields: Fields = [HOST, ["A", "1"], ["B", "2"]];
  assertRule(null, { fields }, { limit_request_fields: 3 });
  assertRule(Rules.tooManyFields, { fields }, { limit_request_fields: 2 });
  const large: Fields = [HOST, ["X-Large", "1234567890"]];
  assertRule(null, { fields: large }, { limit_request_field_size: 19 });
  assertRule(Rules.fieldTooLarge, { fields: large }, { limit_request_field_size: 18 });
});

Deno.test("a body is limited by what its Content-Length says", () => {
  const fields = (length: string): Fields => [HOST, ["Content-Length", length]];
  assertRule(null, { fields: fields("10") }, { limit_request_body: 10 });
  assertRule(Rules.bodyTooLarge, { fields: fields("11") }, { limit_request_body: 10 });
  assertRule(null, { fields: fields("9007199254740991") });
  assertRule(Rules.bodyTooLarge, { fields: fields("9999999999999999999") });
});

Deno.test("on a unix socket the URL's scheme is http all the same", () => {
  const peer = { remoteHost: "", remotePort: 0, origin: "http+unix://" };
  assertEquals(read({ url: "http+unix://example.org/a?b", peer }).url, "http://example.org/a?b");
  assertRule(Rules.targetAgainstHost, { url: "http://evil/a", peer });
  assertEquals(read({ url: "http://example.org/a", peer }).url, "http://example.org/a");
});

Deno.test("a trusted peer's fields decide address, scheme and host; another's are only passed on", () => {
  const fields: Fields = [
    HOST,
    ["X-Forwarded-For", "203.0.113.9, 10.1.2.3"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "shop.example"],
  ];
  const trusted = read({ fields, peer: { trusted: true } });
  assertEquals(trusted.rule, null);
  assertEquals([trusted.remoteHost, trusted.remotePort], ["203.0.113.9", 0]);
  assertEquals(trusted.url, "https://shop.example/a");
  assert(
    trusted.head.startsWith("GET\nhttps://shop.example/a\nhost\nshop.example\nx-forwarded-for\n"),
  );
  const other = read({ fields });
  assertEquals([other.remoteHost, other.url], ["192.0.2.7", "http://example.org/a"]);
  assert(other.head.includes("\nx-forwarded-for\n203.0.113.9, 10.1.2.3"));
});

Deno.test("a trusted peer's fields that contradict one another are refused", () => {
  const fields: Fields = [HOST, ["X-Forwarded-Proto", "https"], ["X-Forwarded-Ssl", "off"]];
  assertRule(Rules.forwardedConflict, { fields, peer: { trusted: true } });
  assertRule(null, { fields });
});
