/** Error log and access log of the real program. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchOnce, type Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { exists } from "../../support/files.ts";

const APP = `export default { async fetch(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/boom") throw new TypeError("boom\\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged");
  if (pathname === "/stream") {
    return new Response(ReadableStream.from(["héllo", "héllo"]).pipeThrough(new TextEncoderStream()));
  }
  if (pathname === "/missing") return new Response("né", { status: 404, headers: { "x-a": "1" } });
  return new Response(await request.text() || "hi\\n");
} };`;

/** One request; its body is read, so that the exchange is over at the server too. */
async function ask(url: string, init?: RequestInit): Promise<number> {
  const response = await fetchOnce(url, init);
  await response.arrayBuffer();
  return response.status;
}

/** Sends text as it is, and gives the first line of the answer. */
async function raw(server: Running, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(1_000);
  const count = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).split("\r\n")[0] ?? "";
}

const read = (scene: Scene, name: string) => Deno.readTextFileSync(`${scene.directory}/${name}`);
const linesOf = (scene: Scene, name: string) => read(scene, name).split("\n").slice(0, -1);

/** Where a server listens that logs into a file. */
function announced(scene: Scene, name: string): Promise<string> {
  return until("the log says where it listens", () => {
    if (!exists(`${scene.directory}/${name}`)) return null;
    return /Listening at (http:[^\s"]+)\//.exec(read(scene, name))?.[1];
  });
}

const FORMAT = '%(h)s "%(r)s" %(s)s %(b)s "%({x-a}o)s" "%({user-agent}i)s"';

for (
  const [what, workers, args] of [
    ["procs with threads", 2, []],
    ["one process", 0, []],
    ["one process, inline", 0, ["-t", "0"]],
  ] as const
) {
  sceneTest(`every exchange is in the access log, once, with its bytes: ${what}`, async (scene) => {
    const log = ["--access-log", "access.log", "--access-log-format", FORMAT];
    const server = await scene.start({ app: APP, workers, args: [...args, ...log] });
    await server.says(/Listening at/);
    const headers = { "user-agent": 'x"\\y' };
    await ask(`${server.url}/`, { headers });
    await ask(`${server.url}/post?q=1`, { method: "POST", body: "naïve", headers });
    await ask(`${server.url}/head`, { method: "HEAD", headers });
    await ask(`${server.url}/stream`, { headers });
    await ask(`${server.url}/missing`, { headers });
    await ask(`${server.url}/boom`, { headers });
    const refused = "GET /refused HTTP/1.1\r\nHost: a b\r\nUser-Agent: r\r\n\r\n";
    assertMatch(await raw(server, refused), / 400 /);
    const forged = 'GET /a"b HTTP/1.1\r\nHost: x\r\nUser-Agent: é\t"\r\nConnection: close\r\n\r\n';
    assertMatch(await raw(server, forged), / 200 /);
    await server.stop();
    // Two procs write one file, each in its own order.
    assertEquals(
      linesOf(scene, "access.log").sort(),
      [
        '127.0.0.1 "GET / HTTP/1.1" 200 3 "-" "x\\x22\\x5Cy"',
        '127.0.0.1 "POST /post?q=1 HTTP/1.1" 200 6 "-" "x\\x22\\x5Cy"',
        '127.0.0.1 "HEAD /head HTTP/1.1" 200 - "-" "x\\x22\\x5Cy"',
        '127.0.0.1 "GET /stream HTTP/1.1" 200 12 "-" "x\\x22\\x5Cy"',
        '127.0.0.1 "GET /missing HTTP/1.1" 404 3 "1" "x\\x22\\x5Cy"',
        '127.0.0.1 "GET /boom HTTP/1.1" 500 22 "-" "x\\x22\\x5Cy"',
        '127.0.0.1 "GET /refused HTTP/1.1" 400 12 "-" "r"',
        '127.0.0.1 "GET /a\\x22b HTTP/1.1" 200 3 "-" "\\xC3\\xA9\\x09\\x22"',
      ].sort(),
    );
  });
}

sceneTest(
  "an app's error goes whole to the error log, and no line of it passes for a record",
  async (scene) => {
    const server = await scene.start({ app: APP, workers: 1 });
    assertEquals(await ask(`${server.url}/boom`), 500);
    await server.says(
      /\[ERROR\] \[proc 1[^\]]*\] .*\/boom[^]*TypeError: boom\n.*forged\n.*app\.ts:3/,
    );
    assertEquals(server.output.match(/^\[\d{4}-.*forged/m), null);
  },
);

sceneTest(
  "logs are JSON, on standard output and in a file, where that is asked for",
  async (scene) => {
    const access = ["--access-log", "-", "--access-log-format", "json"];
    const error = ["--error-log", "error.log", "--log-format", "json"];
    const server = scene.launch({ app: APP, workers: 1, args: [...access, ...error] });
    const url = await announced(scene, "error.log");
    await until(
      "it answers",
      () => ask(`${url}/x?y`).then((status) => status === 200, () => false),
    );
    await server.stop();
    const { path, query, status } = JSON.parse(server.output);
    assertEquals([path, query, status], ["/x", "y", 200]);
    for (const line of linesOf(scene, "error.log")) {
      const { time, level, pid, role, message } = JSON.parse(line);
      assert(
        Date.parse(time) > 0 && level === "info" && pid > 0 && role !== "" && message !== "",
        line,
      );
    }
  },
);

sceneTest(
  "over 10 rotations (USR1) under load, no line of the access log is lost",
  async (scene) => {
    const args = [
      "--access-log",
      "access.log",
      "--access-log-format",
      "%(U)s",
      "--error-log",
      "e.log",
    ];
    const server = scene.launch({ app: APP, workers: 2, args });
    const url = await announced(scene, "e.log");
    await until("it answers", () => ask(`${url}/first`).then(() => true, () => false));
    let asked = 0;
    let stop = false;
    const client = (async () => {
      while (!stop) assertEquals(await ask(`${url}/${asked++}`), 200);
    })();
    const rotated: string[] = [];
    for (let rotation = 0; rotation < 10; rotation++) {
      const before = asked;
      await until("there are more lines", () => asked > before + 20);
      for (const name of ["access.log", "e.log"]) {
        Deno.renameSync(`${scene.directory}/${name}`, `${scene.directory}/${name}.${rotation}`);
      }
      rotated.push(`access.log.${rotation}`);
      server.signal("SIGUSR1");
      // A name that is not there yet cannot be moved away again.
      await until(
        "the files are there anew",
        () => ["access.log", "e.log"].every((name) => exists(`${scene.directory}/${name}`)),
      );
    }
    stop = true;
    await client;
    await server.stop();
    const lines = [...rotated, "access.log"].flatMap((name) => linesOf(scene, name));
    const expected = ["/first", ...Array.from({ length: asked }, (_, n) => `/${n}`)];
    assertEquals(lines.sort(), expected.sort());
    assertMatch(read(scene, "e.log"), /Stopped\n$/);
  },
);

sceneTest(
  "what ends the server stands in its log file too, with the app's trace",
  async (scene) => {
    const app = "throw new Error('no database');";
    const server = scene.launch({ app, workers: 1, args: ["--error-log", "error.log"] });
    assertEquals((await server.end()).code, 4);
    assertMatch(
      read(scene, "error.log"),
      /\[CRITICAL\] \[manager\] .*no database\n {8}at .*app\.ts:1/,
    );
    assertMatch(server.output, /^denicorn: .*no database/m);
  },
);

sceneTest("an access log on a full disk harms no request, and is said once", async (scene) => {
  if (Deno.build.os !== "linux") return;
  const server = await scene.start({ app: APP, workers: 1, args: ["--access-log", "/dev/full"] });
  for (let i = 0; i < 100; i++) assertEquals(await ask(`${server.url}/`), 200);
  await server.says(
    /\[ERROR\] \[proc 1\] access_log \/dev\/full: lines are being lost: .*No space/,
  );
  assertEquals(await ask(`${server.url}/`), 200);
  assertEquals(server.output.split("are being lost").length, 2);
});

sceneTest(
  "a log that cannot be opened ends the start with exit code 1 and its name",
  async (scene) => {
    const access = scene.launch({ args: ["--access-log", "no/such/access.log"] });
    assertEquals((await access.end()).code, 1);
    assertMatch(access.output, /Cannot open access_log .*no\/such\/access\.log: /);
    const error = scene.launch({ args: ["--error-log", "no/such/error.log"] });
    assertEquals((await error.end()).code, 1);
    assertMatch(error.output, /^denicorn: Cannot open error_log .*no\/such\/error\.log: .*\n$/);
  },
);

for (const workers of [1, 0]) {
  sceneTest(
    `named pipes as logs hold nothing up, read or not, workers ${workers}`,
    async (scene) => {
      const [errors, access] = [`${scene.directory}/errors`, `${scene.directory}/access`];
      await new Deno.Command("mkfifo", { args: [errors, access] }).output();
      using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = free.addr;
      free.close();
      const args = ["-b", `127.0.0.1:${port}`, "--error-log", errors, "--access-log", access];
      const server = scene.launch({ app: APP, workers, args });
      const url = `http://127.0.0.1:${port}`;
      const serves = () => ask(url).then((status) => status === 200, () => false);
      await until("it serves, though nobody reads", serves);

      const reader = new Deno.Command("cat", { args: [access], stdout: "piped" }).spawn();
      let heard = "";
      const hearing = reader.stdout.pipeThrough(new TextDecoderStream())
        .pipeTo(new WritableStream({ write: (text) => void (heard += text) }));
      await until(
        "who reads gets the lines",
        async () => await serves() && heard.includes("GET / "),
      );
      reader.kill("SIGKILL");
      await Promise.all([reader.status, hearing]);

      server.signal("SIGUSR1");
      server.signal("SIGHUP");
      await until("it serves afterwards", serves);
    },
  );
}

for (const workers of [0, 1]) {
  for (const user of Deno.uid() === 0 ? [[], ["--user", "12345", "--group", "54321"]] : [[]]) {
    const who = `workers: ${workers}${user.length > 0 ? ", another user" : ""}`;
    sceneTest(`${who}: logs lack the permission bits of umask`, async (scene) => {
      Deno.chmodSync(scene.directory, 0o777);
      const args = ["--umask", "027", "--access-log", "access.log", "--error-log", "error.log"];
      const server = scene.launch({ app: APP, workers, args: [...args, ...user] });
      const url = await announced(scene, "error.log");
      await until("it is ready", () => /Ready:/.test(read(scene, "error.log")));
      assertEquals(await ask(url), 200);
      const mode = (name: string) =>
        (Deno.statSync(`${scene.directory}/${name}`).mode ?? 0) & 0o777;
      assertEquals([mode("access.log"), mode("error.log")], [0o640, 0o640]);
      // As logrotate does it.
      for (const name of ["access.log", "error.log"]) Deno.removeSync(`${scene.directory}/${name}`);
      server.signal("SIGUSR1");
      const again = (name: string) => exists(`${scene.directory}/${name}`);
      await until("they are there again", () => again("access.log") && again("error.log"));
      assertEquals([mode("access.log"), mode("error.log")], [0o640, 0o640]);
    });
  }
}
