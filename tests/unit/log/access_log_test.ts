import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/errors.ts";
import { type AccessEntry, compileAccessFormat } from "../../../src/log/access_format.ts";
import { AccessLog, openAccessLog } from "../../../src/log/access_log.ts";
import { createLog, type LogRecord } from "../../../src/log/record.ts";

/** An entry that is told from others by its path. */
function entry(path: string): AccessEntry {
  return {
    method: "GET",
    url: path,
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 1,
    startedAt: 0,
    durationMs: 1,
    remoteHost: "127.0.0.1",
    requestFields: [],
    responseFields: [],
  };
}

interface Bench {
  readonly path: string;
  readonly records: LogRecord[];
  open(format?: string): AccessLog;
}

async function withLog(test: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/access.log`;
  const records: LogRecord[] = [];
  const log = createLog("debug", "proc 1", (record) => records.push(record));
  const open = (format = "%(U)s") => new AccessLog(path, compileAccessFormat(format), log);
  try {
    await test({ path, records, open });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const lines = (path: string) => Deno.readTextFileSync(path).split("\n").slice(0, -1);
const numbers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `/${from + i}`);

/** Waits for something that a timer or a write of the log brings about. */
async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("nothing is opened where no access log is wanted", () => {
  const log = createLog("debug", "x", () => {});
  assertEquals(openAccessLog({ access_log: null, access_log_format: "json" }, log), null);
});

Deno.test("a file that cannot be opened is an error that names it", () => {
  const log = createLog("debug", "x", () => {});
  const config = { access_log: "/nonexistent/a.log", access_log_format: "json" };
  assertThrows(
    () => openAccessLog(config, log),
    SystemError,
    "Cannot open access_log /nonexistent/a.log",
  );
});

Deno.test("lines come out in order, each once, without waiting for close()", () =>
  withLog(async ({ path, open }) => {
    const log = open();
    for (const one of numbers(3)) log.record(entry(one));
    await until(() => lines(path).length === 3);
    assertEquals(lines(path), numbers(3));
    // The timer begins anew.
    log.record(entry("/last"));
    await until(() => lines(path).length === 4);
    await log.close();
    assertEquals(lines(path), [...numbers(3), "/last"]);
  }));

Deno.test("close() writes what waits; it may be called twice, and later lines are dropped", () =>
  withLog(async ({ path, open }) => {
    const log = open();
    for (const one of numbers(20_000)) log.record(entry(one));
    await Promise.all([log.close(), log.close()]);
    log.record(entry("/late"));
    log.reopen();
    await log.close();
    assertEquals(lines(path), numbers(20_000));
  }));

Deno.test("what is in the file already stays", () =>
  withLog(async ({ path, open }) => {
    Deno.writeTextFileSync(path, "old\n");
    const log = open();
    log.record(entry("/new"));
    await log.close();
    assertEquals(lines(path), ["old", "/new"]);
  }));

Deno.test("no line is lost, doubled or cut over 100 rotations while lines come", () =>
  withLog(async ({ path, open }) => {
    const log = open();
    const rotated: string[] = [];
    let count = 0;
    for (let rotation = 0; rotation < 100; rotation++) {
      for (let i = 0; i < 500; i++) log.record(entry(`/${count++}`));
      // Now and then a write is under way.
      if (rotation % 3 === 0) await new Promise((resolve) => setTimeout(resolve));
      const old = `${path}.${rotation}`;
      Deno.renameSync(path, old);
      log.reopen();
      rotated.push(old);
    }
    await log.close();
    assertEquals([...rotated, path].flatMap(lines), numbers(count));
  }));

Deno.test("the lines of several processes' logs do not mix", () =>
  withLog(async ({ path, open }) => {
    const logs = [open(), open(), open(), open()];
    const long = "x".repeat(200);
    for (let i = 0; i < 5_000; i++) {
      for (const [writer, log] of logs.entries()) log.record(entry(`/${writer}/${i}/${long}`));
      if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    await Promise.all(logs.map((log) => log.close()));
    const all = lines(path);
    assertEquals(all.length, 20_000);
    for (const line of all) assert(/^\/[0-3]\/\d+\/x{200}$/.test(line), line);
  }));

Deno.test({
  name: "a full disk harms nobody: it is said once, and how many lines it cost when it is over",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withLog(async ({ path, records, open }) => {
      Deno.symlinkSync("/dev/full", path);
      const log = open();
      for (let round = 1; round <= 3; round++) {
        for (const one of numbers(10)) log.record(entry(one));
        await until(() => log.lost === 10 * round);
      }
      assertEquals(records.map(({ level }) => level), ["error"]);
      assertStringIncludes(records[0]?.message ?? "", "lines are being lost");
      Deno.removeSync(path);
      log.reopen();
      log.record(entry("/room"));
      await log.close();
      assertEquals(lines(path), ["/room"]);
      assertEquals(records[1]?.message, `access_log ${path}: 30 lines were lost`);
      assertEquals(records.length, 2);
    }),
});

Deno.test("lines that a slow disk leaves waiting are bounded, and those beyond are counted", () =>
  withLog(async ({ path, records, open }) => {
    const log = open();
    const long = entry(`/${"x".repeat(10_000)}`);
    // Nothing is awaited, so nothing is written meanwhile: a disk could not be slower.
    for (let i = 0; i < 2_000; i++) log.record(long);
    const { lost } = log;
    assert(lost > 1_000 && lost < 2_000, String(lost));
    assertStringIncludes(records[0]?.message ?? "", "too slow");
    await log.close();
    assertEquals(lines(path).length, 2_000 - lost);
    assertEquals(records[1]?.message, `access_log ${path}: ${lost} lines were lost`);
  }));

Deno.test("a file that cannot be opened anew is said, and the old one is kept", () =>
  withLog(async ({ path, records, open }) => {
    const log = open();
    const gone = `${path}.gone`;
    Deno.renameSync(path, gone);
    Deno.mkdirSync(path);
    log.reopen();
    log.record(entry("/kept"));
    await log.close();
    assertEquals(lines(gone), ["/kept"]);
    assertStringIncludes(records[0]?.message ?? "", `Cannot reopen access_log ${path}`);
    Deno.removeSync(path);
  }));

Deno.test("an entry that cannot be formatted costs its line and nothing else", () =>
  withLog(async ({ path, open }) => {
    const log = open("%(a)s");
    const broken = Object.defineProperty({ ...entry("/") }, "requestFields", {
      get: () => {
        throw new Error("gone");
      },
    });
    log.record(broken as AccessEntry);
    log.record(entry("/"));
    await log.close();
    assertEquals(lines(path), ["-"]);
  }));

Deno.test("a log that has nothing to say keeps no timer", () =>
  // The sanitizer of this test would find one.
  withLog(async ({ open }) => {
    const log = open();
    await log.close();
  }));

Deno.test({
  name: "to a pipe, whole lines are written in pieces that no other writer can get into",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = `
      import { AccessLog } from "${new URL("../../../src/log/access_log.ts", import.meta.url)}";
      const ignore = () => {};
      const log = { level: "info", debug: ignore, info: ignore, warning: ignore, error: ignore };
      const access = new AccessLog("-", ({ url }) => url + "\\n", log);
      for (let i = 0; i < 20_000; i++) access.record({ url: Deno.args[0] + "/" + i + "x".repeat(i % 70) });
      await access.close();`;
    const shell =
      `for n in 1 2 3; do printf %s "$CODE" | "$DENO" run -A --no-lock - $n & done; wait`;
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", shell],
      env: { CODE: script, DENO: Deno.execPath() },
      stdout: "piped",
    }).output();
    const all = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
    assertEquals(all.length, 60_000);
    const next = new Map([["1", 0], ["2", 0], ["3", 0]]);
    for (const line of all) {
      const [, writer = "", number, tail = ""] = /^([123])\/(\d+)(x*)$/.exec(line) ?? [];
      assertEquals([Number(number), tail.length], [next.get(writer), Number(number) % 70], line);
      next.set(writer, Number(number) + 1);
    }
  },
});
