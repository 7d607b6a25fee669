import { assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { Lines, runDeno, spawnDeno } from "../run_deno.ts";

const ignore = libcUnavailable() !== null;
const MODULE = JSON.stringify(new URL("../../../../src/os/process/usr1.ts", import.meta.url).href);

/** Deno's own listener is installed half a second after the start: before and after must be seen. */
const DENO_LISTENS_AFTER_MS = 500;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What the process says of its inspector; a debugger port of some other process does not matter. */
const REPORT = `import inspector from "node:inspector";
Deno.addSignalListener("SIGHUP", () => console.log("inspector", inspector.url() ?? "closed"));\n`;

Deno.test("SIGUSR1 is caught, before and after Deno listens itself, and no debugger opens", {
  ignore,
}, async () => {
  const child = spawnDeno(`import { catchUsr1 } from ${MODULE};
${REPORT}
catchUsr1(() => console.log("caught"));
console.log("started");`);
  const lines = new Lines(child.stdout);
  assertEquals(await lines.next(), "started");
  for (let i = 0; i < 5; i++) {
    child.kill("SIGUSR1");
    assertEquals(await lines.next(), "caught");
    await sleep(DENO_LISTENS_AFTER_MS / 4);
  }
  await sleep(DENO_LISTENS_AFTER_MS);
  child.kill("SIGUSR1");
  assertEquals(await lines.next(), "caught");
  child.kill("SIGHUP");
  assertEquals(await lines.next(), "inspector closed");
  child.kill("SIGKILL");
  await lines.cancel();
  await child.stderr.cancel();
  await child.status;
});

Deno.test("an ignored SIGUSR1 opens no debugger", { ignore }, async () => {
  const child = spawnDeno(`import { ignoreUsr1 } from ${MODULE};
${REPORT}
ignoreUsr1();
setInterval(() => {}, 1000);
console.log("started");`);
  const lines = new Lines(child.stdout);
  assertEquals(await lines.next(), "started");
  for (let i = 0; i < 8; i++) {
    child.kill("SIGUSR1");
    await sleep(DENO_LISTENS_AFTER_MS / 4);
  }
  child.kill("SIGHUP");
  assertEquals(await lines.next(), "inspector closed");
  child.kill("SIGKILL");
  await lines.cancel();
  await child.stderr.cancel();
  await child.status;
});

Deno.test("what a process that ignores SIGUSR1 starts does not ignore it", { ignore }, async () => {
  const { code, out } = await runDeno(`import { ignoreUsr1 } from ${MODULE};
ignoreUsr1();
const command = new Deno.Command("sh", { args: ["-c", "kill -USR1 $$; echo survived"] });
const { signal, stdout } = await command.output();
console.log(signal, stdout.length);
Deno.exit();`);
  assertEquals([code, out], [0, "SIGUSR1 0\n"]);
});

Deno.test("without it Deno opens its debugger: the reason for all this still stands", {
  ignore,
}, async () => {
  const child = spawnDeno(`${REPORT}
Deno.addSignalListener("SIGUSR1", () => {});
setInterval(() => {}, 1000);
console.log("started");`);
  const lines = new Lines(child.stdout);
  assertEquals(await lines.next(), "started");
  await sleep(2 * DENO_LISTENS_AFTER_MS);
  child.kill("SIGUSR1");
  await sleep(DENO_LISTENS_AFTER_MS);
  child.kill("SIGHUP");
  const said = await lines.next();
  // Another process may hold the port: then it could not be opened, which proves nothing.
  if (said === "inspector closed") console.warn("the debugger's port was taken");
  child.kill("SIGKILL");
  await lines.cancel();
  await child.stderr.cancel();
  await child.status;
});
