/** Standard error, where somebody reads it slowly, later, or never. */

import { assert, assertEquals } from "@std/assert";
import { cString, libc } from "../../../src/os/libc.ts";
import { fetchOnce, type Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasTool } from "../../support/tools.ts";
import { soon, until } from "../../support/wait.ts";

/** Each error is longer than a page, and a hundred of them than a pipe. */
const APP = `export default { fetch(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname === "/") return new Response("fine\\n");
  throw new Error(pathname + " " + "E".repeat(9_000));
} };`;
const O_NONBLOCK = 0o4000;

/** A named pipe as somebody's standard error. It has a reader, who reads when told to. */
class Reader {
  readonly path: string;
  readonly #file: Deno.FsFile;
  text = "";

  constructor(scene: Scene) {
    this.path = `${scene.directory}/standard_error`;
    new Deno.Command("mkfifo", { args: [this.path] }).outputSync();
    this.#file = Deno.openSync(this.path, { read: true, write: true });
  }

  /** Reads until it has heard this, and then no further. */
  async hears(pattern: RegExp): Promise<void> {
    const bytes = new Uint8Array(4_096);
    while (!pattern.test(this.text)) {
      const count = await soon(`it says ${pattern}`, this.#file.read(bytes));
      this.text += new TextDecoder().decode(bytes.subarray(0, count ?? 0));
    }
  }

  get url(): string {
    return /Listening at (http\S*?)\/?\s/.exec(this.text)?.[1] ?? "";
  }
}

/** `before` is done in a shell that has the pipe as its standard error, and may end in a program. */
async function launch(scene: Scene, workers: number, before = ""): Promise<[Running, Reader]> {
  const reader = new Reader(scene);
  const prefix = ["sh", "-c", `exec 2>'${reader.path}'; ${before} exec "$0" "$@"`];
  const server = scene.launch({ app: APP, workers, prefix });
  await reader.hears(/Ready: .*\n/);
  return [server, reader];
}

/** Whether a descriptor of the server waits in write(2). */
function isBlocking({ pid }: Running, fd: string): boolean {
  const info = Deno.readTextFileSync(`/proc/${pid}/fdinfo/${fd}`);
  return (parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? "", 8) & O_NONBLOCK) === 0;
}

async function statusOf(url: string): Promise<number> {
  const response = await fetchOnce(url, { signal: AbortSignal.timeout(10_000) });
  await response.body?.cancel();
  return response.status;
}

for (const workers of [0, 1]) {
  sceneTest(
    `a standard error that nobody reads holds up neither requests nor the end, workers ${workers}`,
    async (scene) => {
      const [server, reader] = await launch(scene, workers);
      for (let i = 0; i < 200; i++) assertEquals(await statusOf(`${reader.url}/${i}`), 500);
      assertEquals(await statusOf(`${reader.url}/`), 200);
      server.signal("SIGTERM");
      assertEquals((await server.end()).code, 0);
    },
  );

  sceneTest(
    `who reads late gets each record in its order, how many lack, and the last word, workers ${workers}`,
    async (scene) => {
      const [server, reader] = await launch(scene, workers);
      for (let i = 0; i < 200; i++) assertEquals(await statusOf(`${reader.url}/${i}`), 500);
      await reader.hears(/ records before this line could not be written.*\n/);
      assertEquals(await statusOf(`${reader.url}/last`), 500);
      server.signal("SIGTERM");
      await reader.hears(/Stopped\n$/);
      assertEquals((await server.end()).code, 0);

      const heard = [...reader.text.matchAll(/Error: \/(\w+) E{9000}\n/g)].map(([, name]) => name);
      const lost = Number(/(\d+) records before this line/.exec(reader.text)?.[1]);
      assertEquals(heard.length + lost, 201);
      assert(lost > 0);
      // The newest are there as well: the gap is between.
      assertEquals(heard.slice(-2), ["199", "last"]);
      const numbers = heard.slice(0, -1).map(Number);
      assertEquals(numbers, numbers.toSorted((one, other) => one - other));
      assertEquals(
        numbers.filter((number, i) => i > 0 && number !== numbers[i - 1]! + 1).length,
        1,
      );
      // Every record begins a line.
      assertEquals(reader.text.match(/.\[\d{4}-/), null);
    },
  );
}

/** Its owner may not open it any more, nor root without this privilege: as if it were another user's. */
const CLOSE_TO_OTHERS = `chmod 000 /dev/fd/2;`;
const WITHOUT_OVERRIDE = "--inh-caps=-dac_override,-dac_read_search " +
  "--bounding-set=-dac_override,-dac_read_search";

sceneTest(
  "another user's pipe, which cannot be opened anew, holds nothing up either",
  async (scene) => {
    const [server, reader] = await launch(
      scene,
      1,
      Deno.uid() === 0
        ? `${CLOSE_TO_OTHERS} exec setpriv ${WITHOUT_OVERRIDE} "$0" "$@";`
        : CLOSE_TO_OTHERS,
    );
    const fds = [...Deno.readDirSync(`/proc/${server.pid}/fd`)].map(({ name }) => name)
      .filter((fd) => Deno.readLinkSync(`/proc/${server.pid}/fd/${fd}`) === reader.path);
    assertEquals(fds.filter((fd) => !isBlocking(server, fd)), [], "It was opened anew");
    for (let i = 0; i < 200; i++) assertEquals(await statusOf(`${reader.url}/${i}`), 500);
    server.signal("SIGTERM");
    await reader.hears(/Stopped\n$/);
    assertEquals((await server.end()).code, 0);
    assertEquals(reader.text.match(/.\[\d{4}-/), null);
  },
  { needs: Deno.uid() !== 0 || hasTool("setpriv") },
);

sceneTest("the shell's end of standard error waits as it did before", async (scene) => {
  const [server] = await launch(scene, 1);
  assert(isBlocking(server, "2"));
});

sceneTest("what ends a start is said to whoever reads late", async (scene) => {
  const reader = new Reader(scene);
  const prefix = ["sh", "-c", `head -c 65536 /dev/zero >&2; exec "$0" "$@"`];
  const full = ["sh", "-c", `exec "$0" "$@" 2>'${reader.path}'`, ...prefix];
  const app = `throw new Error("no database");`;
  const server = scene.launch({ app, workers: 1, prefix: full });
  await reader.hears(/^denicorn: [^]*no database/m);
  assertEquals((await server.end()).code, 4);
});

/** Whether a terminal takes what is written to it, as poll(2) says. */
function takesOutput(terminal: string): boolean {
  const O_WRONLY_NOCTTY_NONBLOCK = 0o4401;
  const POLLOUT = 4;
  const fd = libc().open(cString(terminal), O_WRONLY_NOCTTY_NONBLOCK, 0);
  assert(fd >= 0, terminal);
  const takes = libc().poll(new Uint8Array(Int32Array.of(fd, POLLOUT).buffer), 1n, 0) > 0;
  libc().close(fd);
  return takes;
}

sceneTest(
  "a terminal that was stopped (Ctrl-S) holds nothing up, and gets the rest when it goes on",
  async (scene) => {
    const path = `${scene.directory}/keys`;
    new Deno.Command("mkfifo", { args: [path] }).outputSync();
    using keys = Deno.openSync(path, { read: true, write: true });
    const press = (key: string) => void keys.writeSync(new TextEncoder().encode(key));
    const prefix = ["sh", "-c", `exec script -qec "exec $0 $*" /dev/null <'${path}'`];
    const server = scene.launch({ app: APP, workers: 0, prefix });
    await server.says(/Ready: /);
    const [, pid] = /process id (\d+)/.exec(server.output)!;
    press("\x13");
    await until("the terminal is stopped", () => !takesOutput(`/proc/${pid}/fd/2`));
    for (let i = 0; i < 50; i++) assertEquals(await statusOf(`${server.url}/${i}`), 500);
    assert(!server.output.includes("/0 E"), "The terminal was not stopped");
    press("\x11");
    await server.says(/\/49 E{9000}/);
    const heard = [...server.output.matchAll(/Error: \/(\d+) E/g)].map(([, name]) => Number(name));
    assertEquals(heard, Array.from({ length: 50 }, (_, i) => i));
    press("\x03");
    await server.says(/Stopped/);
    assertEquals((await server.end()).code, 0);
  },
  { needs: hasTool("script") },
);
