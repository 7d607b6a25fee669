import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  clearErrno,
  cString,
  Errno,
  errno,
  libc,
  LibcError,
  libcUnavailable,
} from "../../../src/os/libc.ts";
import { setParentDeathSignal, setProcessName } from "../../../src/os/process.ts";

const ignore = libcUnavailable() !== null;
const PROCESS = new URL("../../../src/os/process.ts", import.meta.url).href;
const LIBC = new URL("../../../src/os/libc.ts", import.meta.url).href;

/** Runs TypeScript in a Deno of its own, given on stdin. */
async function run(code: string, ...flags: string[]): Promise<{ code: number; out: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-config", ...flags, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { code: exit, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code: exit, out: text.decode(stdout) + text.decode(stderr) };
}

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
  const { code, out } = await run(
    `
    import { libcUnavailable } from ${JSON.stringify(LIBC)};
    import { setParentDeathSignal } from ${JSON.stringify(PROCESS)};
    console.log(libcUnavailable());
    try { setParentDeathSignal(); } catch (error) { console.log(error.message); }
  `,
    "--allow-read",
  );
  assertEquals(code, 0, out);
  assertMatch(out, /^FFI is not permitted/);
  assertMatch(out, /\nCannot call libc: FFI is not permitted/);
});

Deno.test("a child dies with a parent that is killed", { ignore }, async () => {
  // The grandchild holds our pipe open for as long as it lives: its end is what ends the read.
  const grandchild = `
    import { setParentDeathSignal } from ${JSON.stringify(PROCESS)};
    console.log(setParentDeathSignal("SIGKILL"));
    setInterval(() => {}, 1000);
  `;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "--no-config", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = parent.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--no-config", "-"], stdin: "piped", stdout: "inherit",
    }).spawn();
    const w = child.stdin.getWriter();
    await w.write(new TextEncoder().encode(${JSON.stringify(grandchild)}));
    await w.close();
    await child.status;
  `));
  await writer.close();
  let out = "";
  for await (const text of parent.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    if (out === "true\n") parent.kill("SIGKILL");
  }
  assertEquals(out, "true\n");
  assertEquals((await parent.status).signal, "SIGKILL");
});

Deno.test("a child whose parent was gone before is told so", { ignore }, () => {
  // No process has this one's own pid as its parent's: what an orphan would find.
  assertEquals(setParentDeathSignal("SIGTERM", Deno.pid), false);
  libc().prctl(1, 0n, 0n, 0n, 0n);
});
