import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLog, type LogRecord } from "../../../src/log/record.ts";

function logged(message: string): string {
  const records: LogRecord[] = [];
  createLog("info", "proc 1", (record) => void records.push(record)).error(message);
  assertEquals(records.length, 1);
  return records[0]!.message;
}

Deno.test("of a long message the log keeps the beginning and the end, and says what is missing", () => {
  const message = `Error: ${"\x01".repeat(5_000_000)}\n    at fetch (file:///srv/app.ts:1:1)`;
  const kept = logged(message);
  assertMatch(kept, /^Error: .+\n… \d+ characters more …\n.+\n {4}at fetch \(.*\)$/);
  const missing = Number(/… (\d+) characters more …/.exec(kept)?.[1]);
  assertEquals(kept.length - `\n… ${missing} characters more …\n`.length + missing, message.length);
  assert(kept.length <= 64 * 1024);
  // As the control channel carries it, six characters for one.
  assert(JSON.stringify(kept).length < 400_000);
});

Deno.test("a message that is not that long stays whole", () => {
  const message = "x".repeat(64 * 1024);
  assertEquals(logged(message), message);
});
