import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatJson, formatPretty, formatText } from "../../../src/log/format.ts";
import { LEVELS, type LogRecord } from "../../../src/log/record.ts";

const record = (message: string, more: Partial<LogRecord> = {}): LogRecord => ({
  time: Date.UTC(2026, 10, 21, 6, 23, 7, 45),
  level: "info",
  pid: 123,
  role: "manager",
  message,
  ...more,
});

/** A record of the log, as whoever reads it tells one from what belongs to the one before. */
const RECORD = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[[A-Z]+\] \[[^\]\n]+\] /;

Deno.test("a record is one line as gunicorn writes it", () => {
  const line = formatText(record("ready"));
  assertMatch(line, RECORD);
  assert(line.endsWith("] [123] [INFO] [manager] ready\n"), line);
});

Deno.test("the time of a line is the record's own, second by second", () => {
  const start = Date.UTC(2026, 10, 21, 6, 23, 0);
  const zone = -new Date(start).getTimezoneOffset();
  for (const seconds of [0, 0.999, 1, 59, 60, 3_600, 0]) {
    const line = formatText(record("x", { time: start + seconds * 1_000 }));
    const [, day, clock] = /^\[(\S+) (\S+) /.exec(line) ?? [];
    const shown = Date.parse(`${day}T${clock}Z`) - zone * 60_000;
    assertEquals(shown, start + Math.floor(seconds) * 1_000);
  }
});

Deno.test("no line of a message can pass for a record of its own", () => {
  const forged = "[2026-11-21 06:23:07 +0000] [1] [CRITICAL] [manager] all is lost";
  for (const ending of ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b", "\x0c"]) {
    const text = formatText(record(`GET /${ending}${forged}`, { role: "proc 1\n[x] " }));
    const starts = text.split("\n").filter((line) => RECORD.test(line));
    assertEquals(starts.length, 1, JSON.stringify(text));
    // What splits lines in some readers is gone, and what is left is indented.
    for (const other of "\r\u2028\u2029\x0b\x0c\x85") {
      assert(!text.includes(other), JSON.stringify(text));
    }
  }
});

Deno.test("a trace stays readable: its lines are indented, trailing ones dropped", () => {
  const text = formatText(record("TypeError: no\n    at a.ts:1\n    at b.ts:2\n\n"));
  assertEquals(text.split("\n").slice(1), ["        at a.ts:1", "        at b.ts:2", ""]);
});

Deno.test("escapes that would move a terminal's cursor are shown, not sent", () => {
  const text = formatText(record("a\x1b[2J\x00\x7f\x9b\tb é 漢"));
  assert(text.endsWith("a\\x1b[2J\\x00\\x7f\\x9b\tb é 漢\n"), text);
});

Deno.test("JSON is one object a line, whatever the message", () => {
  const message = 'a "b"\n\u2028\x9b\x00 é';
  const text = formatJson(record(message));
  assertEquals(text.split(/[\n\u2028\x85]/).length, 2);
  assertEquals(JSON.parse(text), {
    time: "2026-11-21T06:23:07.045Z",
    level: "info",
    pid: 123,
    role: "manager",
    message,
  });
});

Deno.test("the terminal's form has the same words, and colours the level alone", () => {
  for (const level of LEVELS) {
    const text = formatPretty(record("line one\nline \x1b[31mtwo", { level }));
    // deno-lint-ignore no-control-regex -- colours are looked for
    const plain = text.replace(/\x1b\[[\d;]*m/g, "");
    assertMatch(
      plain,
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d ${level} +manager +line one\n    line \\\\x1b\\[31mtwo\n$`),
    );
  }
});
