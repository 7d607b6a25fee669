/** What a WSGI app does wrong: the client sees a 500 and no details, the error log sees all of it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi } from "./app.ts";

/** Paths on which the app fails before its response begins, and what the log says. */
const FAILING: Readonly<Record<string, RegExp>> = {
  "/fail":
    /GET \/fail failed: Traceback \(most recent call last\):\n\s*File ".*conformance\/__init__\.py"/,
  "/fail-started": /GET \/fail-started failed: Traceback[^]*?ValueError: secret of the app/,
  "/fail-first": /GET \/fail-first failed: Traceback[^]*?ValueError: secret of the app/,
  "/no-start": /AssertionError: the app did not call start_response before its body began/,
  "/start-twice": /AssertionError: start_response was called a second time, without exc_info/,
  "/return-none": /TypeError: the app must return an iterable of bytes, not None/,
  "/return-str": /TypeError: the app's iterable must yield bytes, not str/,
  "/yield-str": /TypeError: the app's iterable must yield bytes, not str/,
  "/write-str": /TypeError: write\(\) takes bytes, not str/,
  "/exit": /GET \/exit failed: Traceback[^]*?SystemExit: secret of the app/,
  "/interrupt": /GET \/interrupt failed: Traceback[^]*?KeyboardInterrupt/,
};

sceneTest("an app that fails: 500 without details, its traceback in the log", async (scene) => {
  const server = await startWsgi(scene);
  for (const [path, pattern] of Object.entries(FAILING)) {
    const response = await server.fetch(`${path}?token=of-the-client`);
    assertEquals(response.status, 500, path);
    assertEquals(await response.text(), "Internal Server Error\n", path);
    await server.says(pattern);
  }
  assert(!server.output.includes("<denicorn/"), "frames of ours are of no use to the app's author");
  assert(!server.output.includes("of-the-client"), "a query may hold secrets");
  assertEquals(await server.get("/hello"), "hello");
});

/** Heads that must not go out, by their name in conformance/forbidden.py, and what the app is told. */
const HEADS: Readonly<Record<string, RegExp>> = {
  lf: /ValueError: the value of header X-A holds a control character: '1\\nX-Injected: 1'/,
  crlf: /control character: '1\\r\\nX-Injected: 1'/,
  cr: /control character: '1\\rX-Injected: 1'/,
  nul: /control character: '1\\x00'/,
  name: /ValueError: a header's name must be a token \(RFC 9110, 5\.6\.2\), not 'X-A: 1/,
  space: /must be a token .* not 'X A'/,
  "no-name": /must be a token .* not ''/,
  snowman: /holds a character that is no latin-1/,
  "snowman-status": /the status holds a character that is no latin-1/,
  "status-crlf": /the status holds a control character/,
  "status-int": /TypeError: the status must be a str, not 200/,
  "status-word": /the status must begin with a code from 200 to 999 and a space, not 'OK'/,
  "status-long": /not '2000 OK'/,
  continue: /not '100 Continue'/,
  switching: /not '101 Switching Protocols'/,
  connection: /header 'Connection' belongs to the connection, which is the server's \(PEP 3333\)/,
  te: /header 'Transfer-Encoding' belongs to the connection/,
  "keep-alive": /header 'keep-alive' belongs to the connection/,
  bytes: /TypeError: a header's name and value must be of type str, not \('X-A', b'1'\)/,
  int: /must be of type str, not \('X-A', 1\)/,
  "not-a-pair": /TypeError: a header must be a pair \(name, value\)/,
  length: /ValueError: Content-Length must be a number of bytes, not '-1'/,
  "huge-length": /ValueError: Content-Length must be a number of bytes, not '18446744073709551616'/,
  lengths: /ValueError: two different Content-Length: 1 and 2/,
};

sceneTest("no head goes out that is malformed, or would inject another one", async (scene) => {
  const server = await startWsgi(scene);
  for (const [name, pattern] of Object.entries(HEADS)) {
    using wire = await Wire.connect(server.port);
    await wire.send(`GET /head?of=${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const text = await wire.rest();
    assertMatch(text, /^HTTP\/1\.1 500 /, name);
    assert(!/injected/i.test(text), `${name}: ${text}`);
    await server.says(pattern);
  }
});

for (const path of ["/fail-midway", "/fail-written", "/too-late"]) {
  sceneTest(`a failure after the head is out cuts the connection: ${path}`, async (scene) => {
    const server = await startWsgi(scene);
    using wire = await Wire.connect(server.port);
    await wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const text = await wire.rest();
    assertMatch(text, /^HTTP\/1\.1 200 [^]*\r\nbegun\r\n/);
    assert(!text.includes("\r\n0\r\n\r\n"), "the body ends as if it were complete");
    assert(!/secret|Too Late|never/.test(text), text);
    await server.says(/GET \/\S+ failed while its response was sent: Traceback[^]*?ValueError/);
  });
}

sceneTest("a failing close() does not spoil the response", async (scene) => {
  const server = await startWsgi(scene);
  assertEquals(await server.get("/fail-closing"), "whole");
  await server.says(/GET \/fail-closing failed after its response was sent: Traceback/);
});

sceneTest(
  "wsgi.errors goes to the error log, lines that come together as one record",
  async (scene) => {
    const server = await startWsgi(scene);
    assertEquals(await server.get("/errors"), "written");
    for (
      const line of ["first line", "second line", "third line", "Trace:\n {6}one\n {4}\n {6}two"]
    ) {
      await server.says(new RegExp(`\\[ERROR\\] \\[proc 1\\] ${line}\\n`));
    }
  },
);
