import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { BadValue } from "../../../src/config/values/bad_value.ts";
import { type AccessEntry, compileAccessFormat } from "../../../src/log/access_format.ts";

const GUNICORN = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"';

function entry(more: Partial<AccessEntry> = {}): AccessEntry {
  return {
    method: "GET",
    url: "http://localhost:8000/a/b?x=1&y=2",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 1234,
    startedAt: Date.UTC(2026, 10, 21, 6, 23, 7, 45),
    durationMs: 1234.5678,
    remoteHost: "192.0.2.1",
    requestFields: [
      ["Host", "localhost"],
      ["Referer", "http://localhost/"],
      ["user-agent", "wrk/4"],
      ["Authorization", `Basic ${btoa("ann:se:cret")}`],
      ["X-Id", "7"],
      ["X-Id", "8"],
    ],
    responseFields: [["Content-Type", "text/plain"]],
    ...more,
  };
}

const format = (text: string, more?: Partial<AccessEntry>) =>
  compileAccessFormat(text)(entry(more)).slice(0, -1);

Deno.test("every atom of gunicorn's says what it says there", () => {
  const cases: Readonly<Record<string, string>> = {
    "%(h)s": "192.0.2.1",
    "%(l)s": "-",
    "%(u)s": "ann",
    "%(r)s": "GET /a/b?x=1&y=2 HTTP/1.1",
    "%(m)s": "GET",
    "%(U)s": "/a/b",
    "%(q)s": "x=1&y=2",
    "%(H)s": "HTTP/1.1",
    "%(s)s": "200",
    "%(B)s": "1234",
    "%(b)s": "1234",
    "%(f)s": "http://localhost/",
    "%(a)s": "wrk/4",
    "%(T)s": "1",
    "%(D)s": "1234568",
    "%(M)s": "1234",
    "%(L)s": "1.234568",
    "%(p)s": `<${Deno.pid}>`,
    "%({x-id}i)s": "7",
    "%({HOST}i)s": "localhost",
    "%({content-type}o)s": "text/plain",
    "%({REQUEST_METHOD}e)s": "GET",
    "%({PATH_INFO}e)s": "/a/b",
    "%({HTTP_X_ID}e)s": "7",
    "%({REMOTE_ADDR}e)s": "192.0.2.1",
    "%({NO_SUCH_VARIABLE}e)s": "-",
    "%({no-such}i)s": "-",
    "100%% %(s)d|": "100% 200|",
  };
  for (const [text, expected] of Object.entries(cases)) assertEquals(format(text), expected, text);
  assertMatch(format("%(t)s"), /^\[2\d\/Nov\/2026:\d\d:\d\d:07 [+-]\d{4}\]$/);
});

Deno.test("what is not there is a dash", () => {
  const empty = { requestFields: [], responseFields: [], bytes: 0, remoteHost: "", url: "/" };
  assertEquals(
    format('%(h)s %(u)s %(b)s %(B)s "%(f)s" "%(a)s" "%(q)s"', empty),
    '- - - 0 "-" "-" "-"',
  );
});

Deno.test("the target is taken from absolute URLs and from bare ones", () => {
  const target = (url: string) => format("%(r)s %(U)s", { url });
  assertEquals(target("http://a"), "GET http://a HTTP/1.1 http://a");
  assertEquals(target("http://a/"), "GET / HTTP/1.1 /");
  assertEquals(target("https://a:1/x//y"), "GET /x//y HTTP/1.1 /x//y");
  assertEquals(target("/x?u=http://b/c"), "GET /x?u=http://b/c HTTP/1.1 /x");
  assertEquals(target("*"), "GET * HTTP/1.1 *");
});

Deno.test("credentials that are none give no user", () => {
  const user = (value: string) => format("%(u)s", { requestFields: [["Authorization", value]] });
  assertEquals(user("Basic %%%"), "-");
  assertEquals(user("Basic YQ"), "a");
  assertEquals(user("Basic A"), "-");
  assertEquals(user(`basic ${btoa("a b:c")}`), "a\\x20b");
  assertEquals(user("Bearer YTpi"), "-");
});

Deno.test("an unknown atom is refused by name, and a lone percent too", () => {
  const cases = [
    ["%(z)s", "has no atom %(z)s"],
    ["%(hh)s", "has no atom %(hh)s"],
    ["%({x}q)s", "has a % that begins nothing"],
    ["%h", "has a % that begins nothing"],
    ["50%", "has a % that begins nothing"],
    ["%()s", "has no atom %()s"],
    ["%(constructor)s", "has no atom %(constructor)s"],
  ] as const;
  for (const [text, message] of cases) {
    assertThrows(() => compileAccessFormat(text), BadValue, message, text);
  }
});

/** Whatever bytes a client can send, and some that it cannot. */
function* hostile(): Generator<string> {
  for (let code = 0; code < 256; code++) yield `a${String.fromCharCode(code)}b`;
  yield* [
    '"',
    "\\",
    '\\"',
    "\\x22",
    '" 200 0 "-" "',
    "\r\n1.2.3.4 - -",
    "\x1b]0;x\x07",
    "é漢😀",
    "\ud800",
    "\u2028",
  ];
  // Reproducible noise: mulberry32 (public domain).
  let state = 42;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 2_000; i++) {
    const length = Math.floor(random() * 20);
    yield String.fromCharCode(...Array.from({ length }, () => Math.floor(random() * 300)));
  }
}

const everywhere = (text: string): Partial<AccessEntry> => ({
  method: text,
  url: `http://a/${text}`,
  remoteHost: text,
  protocol: text,
  requestFields: [["referer", text], ["user-agent", text], ["authorization", text], ["x", text]],
  responseFields: [["x", text]],
});

Deno.test("no value ends its quotes or its line, or is anything but printable ASCII", () => {
  const inQuotes = '"%(r)s" "%(f)s" "%(a)s" "%({x}i)s" "%({x}o)s" "%(U)s" "%(q)s" "%(m)s" "%(h)s"';
  const line = compileAccessFormat(inQuotes);
  for (const text of hostile()) {
    const logged = line(entry(everywhere(text)));
    assertMatch(logged, /^[\x20-\x7e]*\n$/, JSON.stringify(text));
    // Nine values, and no quote or backslash in them but as the start of \xHH.
    assertMatch(logged, /^(?:"(?:[^"\\]|\\x[0-9A-F]{2})*"[ \n]){9}$/, JSON.stringify(text));
  }
});

Deno.test("gunicorn's own format has nine columns whatever is sent in its quotes", () => {
  const line = compileAccessFormat(GUNICORN);
  for (const text of hostile()) {
    const logged = line(entry({ ...everywhere(text), remoteHost: "192.0.2.1" }));
    assertMatch(
      logged,
      /^192\.0\.2\.1 - \S+ \[[^\]]+\] "[^"]*" 200 1234 "[^"]*" "[^"]*"\n$/,
      JSON.stringify(text),
    );
  }
});

Deno.test("an escaped value can be read back byte by byte", () => {
  for (const text of hostile()) {
    if (!/^[\0-\xff]+$/.test(text)) continue;
    const logged = format("%({x}i)s", { requestFields: [["x", text]] });
    const back = logged.replace(
      /\\x([0-9A-F]{2})/g,
      (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)),
    );
    assertEquals(back, text);
  }
});

Deno.test("JSON is one ASCII line that reads back as what was sent", () => {
  const line = compileAccessFormat("json");
  for (const text of hostile()) {
    const logged = line(entry(everywhere(text)));
    assertMatch(logged, /^[\x20-\x7e]*\n$/, JSON.stringify(text));
    const fields = JSON.parse(logged);
    assertEquals(fields.agent, text === "" ? null : text);
    assertEquals(fields.method, text === "" ? null : text);
  }
});

Deno.test("JSON has the numbers as numbers and the time with its fraction", () => {
  const fields = JSON.parse(compileAccessFormat("json")(entry()));
  assertEquals(fields, {
    time: "2026-11-21T06:23:07.045Z",
    remote: "192.0.2.1",
    user: "ann",
    method: "GET",
    path: "/a/b",
    query: "x=1&y=2",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 1234,
    duration_ms: 1234.568,
    referer: "http://localhost/",
    agent: "wrk/4",
    pid: Deno.pid,
  });
});

Deno.test("the cached time follows the clock in both directions", () => {
  const line = compileAccessFormat("json");
  for (const ms of [0, 1, 999, 1_000, 999, 86_400_000, 59_999, 0]) {
    const startedAt = Date.UTC(2026, 10, 21) + ms;
    assertEquals(JSON.parse(line(entry({ startedAt }))).time, new Date(startedAt).toISOString());
  }
});
