import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { configureSync } from "@logtape/logtape";
import { SystemError } from "../../../src/errors.ts";
import { type LogConfig, openErrorLog } from "../../../src/log/error_log.ts";
import type { LogRecord } from "../../../src/log/record.ts";

const FULL_DISK = "/dev/full";

function inDirectory(test: (directory: string) => void): () => void {
  return () => {
    const directory = Deno.makeTempDirSync();
    try {
      test(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

function config(error_log: string, more: Partial<LogConfig> = {}): LogConfig {
  return { error_log, log_level: "info", log_format: "text", umask: null, ...more };
}

const fromProc = (message: string, level: LogRecord["level"] = "info"): LogRecord => ({
  time: 0,
  level,
  message,
  pid: 77,
  role: "proc 1",
});

/** What was logged, without the time. */
function messages(path: string): string[] {
  return Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) =>
    line.replace(/^\[.*?\] \[\d+\] /, "")
  );
}

Deno.test(
  "records of the manager and of procs go into one file, from the level up",
  inDirectory((directory) => {
    const path = `${directory}/error.log`;
    const log = openErrorLog(config(path), "manager");
    log.debug("not this");
    log.info("one");
    log.write(fromProc("not this", "debug"));
    log.write(fromProc("two", "warning"));
    log.critical("three {braces} stay");
    log.close();
    assertEquals(messages(path), [
      "[INFO] [manager] one",
      "[WARNING] [proc 1] two",
      "[CRITICAL] [manager] three {braces} stay",
    ]);
  }),
);

Deno.test(
  "a new configuration changes file, level and form; the old file gets no more",
  inDirectory((directory) => {
    const [one, two] = [`${directory}/1`, `${directory}/2`];
    const log = openErrorLog(config(one), "manager");
    log.info("a");
    log.reconfigure(config(two, { log_level: "error", log_format: "json" }));
    assertEquals(log.level, "error");
    log.info("b");
    log.error("c");
    log.close();
    assertEquals(messages(one), ["[INFO] [manager] a"]);
    assertEquals(JSON.parse(Deno.readTextFileSync(two)).message, "c");
  }),
);

Deno.test(
  "after reopen() the file of that name is written, as logrotate expects",
  inDirectory((directory) => {
    const path = `${directory}/error.log`;
    const log = openErrorLog(config(path), "manager");
    log.info("before");
    Deno.renameSync(path, `${path}.1`);
    log.info("between");
    log.reopen();
    log.info("after");
    log.close();
    assertEquals(messages(`${path}.1`), ["[INFO] [manager] before", "[INFO] [manager] between"]);
    assertEquals(messages(path), ["[INFO] [manager] after"]);
  }),
);

Deno.test(
  "when the file cannot be opened anew, the old one is kept",
  inDirectory((directory) => {
    const path = `${directory}/sub/error.log`;
    Deno.mkdirSync(`${directory}/sub`);
    const log = openErrorLog(config(path), "manager");
    Deno.renameSync(`${directory}/sub`, `${directory}/gone`);
    log.reopen();
    log.info("still here");
    log.close();
    const [failure, message] = messages(`${directory}/gone/error.log`);
    assertStringIncludes(
      failure ?? "",
      "[ERROR] [manager] Cannot reopen error_log, the old file is kept",
    );
    assertEquals(message, "[INFO] [manager] still here");
  }),
);

Deno.test("a log that cannot be opened at start is an error that names it", () => {
  const path = "/nonexistent/error.log";
  assertThrows(
    () => openErrorLog(config(path), "manager"),
    SystemError,
    `Cannot open error_log ${path}`,
  );
});

for (const ffi of [true, false]) {
  Deno.test({
    name: `who may write the log and not read it writes it, ${ffi ? "with" : "without"} FFI`,
    permissions: { write: true, ffi, read: false, sys: true },
    fn() {
      const path = Deno.makeTempFileSync();
      const log = openErrorLog(config(path), "manager");
      log.info("one");
      log.reopen();
      log.info("two");
      log.close();
      // Two lines, none of them a warning: [time] [pid] [INFO] [manager] one.
      using file = Deno.openSync(path, { write: true });
      const size = file.seekSync(0, Deno.SeekMode.End);
      Deno.removeSync(path);
      const line = `[2026-01-01 00:00:00 +0000] [${Deno.pid}] [INFO] [manager] one\n`;
      assertEquals(size, 2 * line.length);
    },
  });
}

Deno.test({
  name: "a full disk throws nothing, and what was lost is counted",
  ignore: Deno.build.os !== "linux",
  fn: inDirectory((directory) => {
    const path = `${directory}/error.log`;
    Deno.symlinkSync(FULL_DISK, path);
    const log = openErrorLog(config(path), "manager");
    log.error("lost");
    log.error("lost too");
    Deno.removeSync(path);
    log.reopen();
    log.info("there is room again");
    log.close();
    assertEquals(messages(path), [
      "[INFO] [manager] there is room again",
      "[WARNING] [manager] 2 records before this line could not be written and are lost",
    ]);
  }),
});

Deno.test(
  "an app in this process that configures logtape for itself does not silence the log",
  inDirectory((directory) => {
    const path = `${directory}/error.log`;
    const log = openErrorLog(config(path), "solo");
    const loggers = [{ category: ["logtape", "meta"], sinks: [] }];
    configureSync({ reset: true, sinks: {}, loggers });
    log.info("heard");
    log.close();
    assertEquals(messages(path), ["[INFO] [solo] heard"]);
  }),
);

/** Runs a script with a log on standard error, by way of a shell that arranges that. */
async function withStderr(redirection: string, script: string): Promise<string> {
  const module = new URL("../../../src/log/error_log.ts", import.meta.url);
  const code = `import { openErrorLog } from "${module}";
    const config = { error_log: "-", log_level: "info", log_format: "auto", umask: null };
    const log = openErrorLog(config, "manager");
    ${script}
    await Deno.writeTextFile("/dev/fd/3", "alive");`;
  const root = new URL("../../../", import.meta.url);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `exec 3>&1; printf %s "$CODE" | "$DENO" run -A --no-lock - ${redirection}`],
    cwd: root,
    env: { CODE: code, DENO: Deno.execPath() },
    stdout: "piped",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

for (
  const [what, redirection] of [
    ["full", `2>${FULL_DISK}`],
    ["closed", "2>&-"],
    ["a pipe that nobody reads", "2>&1 >&3 | true"],
  ] as const
) {
  Deno.test({
    name: `standard error that is ${what} ends nothing`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const script = `for (let i = 0; i < 50; i++) { log.error("x".repeat(1000)); }
        await new Promise((resolve) => setTimeout(resolve, 20)); log.error("x");`;
      assertEquals(await withStderr(redirection, script), "alive");
    },
  });
}

Deno.test({
  name: "elsewhere than on a terminal the automatic form is one plain line each",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const output = await withStderr("2>&3", `log.warning("hello\\nworld");`);
    assertMatch(output, /^\[[^\]]+\] \[\d+\] \[WARNING\] \[manager\] hello\n {4}world\nalive$/);
    assert(!output.includes("\x1b"));
    assertStringIncludes(output, "alive");
  },
});
