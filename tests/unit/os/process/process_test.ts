import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  clearErrno,
  cString,
  Errno,
  errno,
  libc,
  LibcError,
  libcUnavailable,
} from "../../../../src/os/libc.ts";
import { setParentDeathSignal, setProcessName } from "../../../../src/os/process/process.ts";
import { Lines, spawnDeno } from "../run_deno.ts";

const ignore = libcUnavailable() !== null;
const PROCESS = new URL("../../../../src/os/process/process.ts", import.meta.url).href;
const LIBC = new URL("../../../../src/os/libc.ts", import.meta.url).href;

Deno.test("a failed call names itself, what it was for, and the system's words", { ignore }, () => {
  clearErrno();
  assertEquals(errno(), 0);
  assert(libc().close(-1) < 0);
  assertEquals(errno(), Errno.EBADF);
  const error = new LibcError("close", Errno.EBADF, "Cannot close 7");
  assertEquals(error.message, "Cannot close 7: close failed: Bad file descriptor (errno 9)");
  assertEquals(error.exitCode, 1);
});

Deno.test("a string with a NUL is refused rather than cut short", () => {
  assertThrows(() => cString("a\0b"), Error, "holds a NUL");
});

Deno.test("the name of the process is cut to 15 bytes", { ignore }, () => {
  const before = Deno.readTextFileSync("/proc/thread-self/comm").trim();
  setProcessName("a-name-that-is-far-too-long");
  assertEquals(Deno.readTextFileSync("/proc/thread-self/comm").trim(), "a-name-that-is-");
  setProcessName("short");
  assertEquals(Deno.readTextFileSync("/proc/thread-self/comm").trim(), "short");
  setProcessName(before);
});

Deno.test("without FFI permission libc says why, and nothing prompts", async () => {
  const child = spawnDeno(`
    import { libcUnavailable } from ${JSON.stringify(LIBC)};
    import { setParentDeathSignal } from ${JSON.stringify(PROCESS)};
    await Deno.permissions.revoke({ name: "ffi" });
    console.log(libcUnavailable());
    try { setParentDeathSignal(); } catch (error) { console.log(error.message); }
  `);
  const { stdout } = await child.output();
  const [first = "", second = ""] = new TextDecoder().decode(stdout).split("\n");
  assertMatch(first, /^FFI is not permitted/);
  assertMatch(second, /^Cannot call libc: FFI is not permitted/);
});

Deno.test("a child dies with a parent that is killed", { ignore }, async () => {
  const grandchild = `
    import { setParentDeathSignal } from ${JSON.stringify(PROCESS)};
    console.log(setParentDeathSignal("SIGKILL"));
    setInterval(() => {}, 1000);
  `;
  const parent = spawnDeno(`
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", "--no-config", ${JSON.stringify(grandchild)}],
    }).spawn();
    await child.status;
  `);
  await parent.stderr.cancel();
  const lines = new Lines(parent.stdout);
  assertEquals(await lines.next(), "true");
  parent.kill("SIGKILL");
  assertEquals((await parent.status).signal, "SIGKILL");
  // The grandchild holds the pipe open for as long as it lives: this returns when it is dead.
  assertEquals(await lines.next(), null);
});

Deno.test("a child whose parent was gone before is told so", { ignore }, () => {
  // No process has this one's own pid as its parent's: what an orphan would find.
  assertEquals(setParentDeathSignal("SIGTERM", Deno.pid), false);
  libc().prctl(1, 0n, 0n, 0n, 0n);
});
