import { assertEquals } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { ask, MIRROR, startMirror } from "./mirror.ts";

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("curl", { args: ["-sk", ...args] }).output();
  return new TextDecoder().decode(stdout);
}

/** The common name in the certificate that a new connection is shown. */
async function shownName(server: Running): Promise<string> {
  const { stdout } = await new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${server.port}`, "-servername", "localhost"],
    stdin: "null",
  }).output();
  return /subject=CN ?= ?(\S+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "none";
}

async function exchangeCertificate(scene: Scene, name: string): Promise<void> {
  await scene.certificate(name);
  putInPlace(scene, name);
}

/** As certbot does it: each file is replaced whole. */
function putInPlace({ directory }: Scene, name: string): void {
  Deno.renameSync(`${directory}/${name}.key`, `${directory}/live.key`);
  Deno.renameSync(`${directory}/${name}.pem`, `${directory}/live.pem`);
}

async function startTls(scene: Scene, workers: number, ...args: string[]): Promise<Running> {
  await exchangeCertificate(scene, "first");
  const { directory } = scene;
  const files = ["--certfile", `${directory}/live.pem`, "--keyfile", `${directory}/live.key`];
  const server = scene.run(["-b", "127.0.0.1:0", "-w", String(workers), ...files, ...args, MIRROR]);
  if (workers > 0) await server.ready(workers);
  else await server.says(/Listening at/);
  return server;
}

/** A keep-alive connection over TLS that asks for /hello again and again until told to stop. */
async function keepAsking(server: Running, certfile: string): Promise<{ stop(): Promise<number> }> {
  const connection = await Deno.connectTls({
    hostname: "localhost",
    port: server.port,
    caCerts: [Deno.readTextFileSync(certfile)],
  });
  let asking = true;
  const asked = (async () => {
    let answers = 0;
    const buffer = new Uint8Array(4096);
    while (asking) {
      await connection.write(new TextEncoder().encode("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
      if (await connection.read(buffer) === null) throw new Error("The connection was dropped");
      answers++;
    }
    connection.close();
    return answers;
  })();
  return {
    stop() {
      asking = false;
      return asked;
    },
  };
}

sceneTest(
  "TLS speaks HTTP/2 and HTTP/1.1, as the client chooses, and apps see https",
  async (scene) => {
    const server = await startTls(scene, 1);
    const format = ["-w", "\n%{http_version}"];
    for (const [flag, version] of [["--http2", "2"], ["--http1.1", "1.1"]] as const) {
      const [body = "", spoken] = (await curl(flag, ...format, `${server.url}/a`)).split("\n");
      assertEquals(spoken, version);
      assertEquals(JSON.parse(body).url, `${server.url}/a`);
    }
  },
);

sceneTest("http2: false leaves HTTP/1.1 alone, with TLS and without", async (scene) => {
  const server = await startTls(scene, 1, "--no-http2");
  assertEquals(await curl("--http2", "-w", " %{http_version}", `${server.url}/hello`), "hello 1.1");
  const plain = await startMirror(scene, 1, "--no-http2");
  const prior = ["--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}"];
  assertEquals(await curl(...prior, `${plain.url}/hello`), "505");
});

sceneTest("a plain address leads to https, and refuses what any address refuses", async (scene) => {
  const path = `${scene.directory}/plain.sock`;
  const server = await startTls(scene, 1, "--redirect-bind", `unix:${path}`, "--access-log", "-");
  const format = "%{http_code} %{redirect_url}";
  const ask = (url: string, ...args: string[]) =>
    curl("--unix-socket", path, "-o", "/dev/null", "-w", format, ...args, url);
  assertEquals(await ask("http://a.example/b?c"), "308 https://a.example/b?c");
  assertEquals(await ask("http://a.example:8080/"), `308 https://a.example:${server.port}/`);
  assertEquals(await ask("http://a.example/", "-H", "Host: a/b"), "400 ");
  await server.says(/"GET \/b\?c HTTP\/1\.1" 308/);
  assertEquals(await curl(`${server.url}/seen`), "0");
});

for (const [how, args] of [["HUP", []], ["a look at its files", ["--tls-watch"]]] as const) {
  sceneTest(`a new certificate is taken at ${how}, and no connection is dropped`, async (scene) => {
    // Alone: with a manager HUP means new procs, which is tested with the manager.
    const server = await startTls(scene, 0, ...args);
    assertEquals(await shownName(server), "first");
    const asking = await keepAsking(server, `${scene.directory}/live.pem`);
    await exchangeCertificate(scene, "second");
    if (how === "HUP") server.signal("SIGHUP");
    await until("the new certificate is shown", async () => await shownName(server) === "second");
    // Read by name and date: a pair that does not fit leaves the old one.
    const { keyfile } = await scene.certificate("third");
    Deno.renameSync(keyfile, `${scene.directory}/live.key`);
    if (how === "HUP") server.signal("SIGHUP");
    await server.says(/Cannot use the certificate .*the old certificate stays in use/);
    assertEquals(await shownName(server), "second");
    assertEquals(await asking.stop() > 0, true);
  });
}

const isRoot = Deno.uid() === 0;

for (
  const [how, args, needs] of [
    ["at HUP", [], true],
    // The key is root's alone: who serves cannot read it again.
    ["at a look at its files", ["--tls-watch", "--user", "12345", "--group", "54321"], isRoot],
  ] as const
) {
  sceneTest(`procs take a new certificate ${how}, and no request is lost`, async (scene) => {
    Deno.chmodSync(scene.directory, 0o755);
    const server = await startTls(scene, 2, ...args);
    assertEquals(await shownName(server), "first");
    const { certfile, keyfile } = await scene.certificate("second");
    Deno.chmodSync(keyfile, 0o600);
    const first = `${scene.directory}/live.pem`;
    const caCerts = [first, certfile].map((path) => Deno.readTextFileSync(path));
    let asking = true;
    const failures: string[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      using client = Deno.createHttpClient({ caCerts });
      while (asking) {
        try {
          const response = await fetch(`https://localhost:${server.port}/hello`, { client });
          assertEquals(await response.text(), "hello");
        } catch (error) {
          failures.push(`${error} ${error instanceof Error ? error.cause : ""}`);
        }
      }
    });
    putInPlace(scene, "second");
    if (how === "at HUP") server.signal("SIGHUP");
    await server.ready(4);
    await until("the new certificate is shown", async () => await shownName(server) === "second");
    asking = false;
    await Promise.all(clients);
    assertEquals(failures, []);
  }, { needs });
}

sceneTest(
  "a certificate that cannot be used is told at the start, and what may be",
  async (scene) => {
    const { certfile, keyfile } = await scene.certificate("one");
    const other = await scene.certificate("other");
    const locked = `${scene.directory}/locked.key`;
    const args = ["pkey", "-in", keyfile, "-aes256", "-passout", "pass:x", "-out", locked];
    await new Deno.Command("openssl", { args }).output();
    for (
      const [cert, key, why] of [
        [
          certfile,
          other.keyfile,
          /one\.pem with the private key \S+other\.key: the key is not the cert/,
        ],
        [
          scene.write(
            "reversed.pem",
            [other.certfile, certfile].map(Deno.readTextFileSync).join(""),
          ),
          keyfile,
          /of a chain the server's own has to be the first/,
        ],
        [keyfile, certfile, /No certificates found .*are the two files mixed up\?/],
        [certfile, locked, /No keys found .*without a passphrase: openssl pkey/],
      ] as const
    ) {
      const server = scene.run(["-b", "127.0.0.1:0", "--certfile", cert, "--keyfile", key, MIRROR]);
      assertEquals((await server.end()).code, 1);
      await server.says(why);
    }
  },
);

sceneTest("a certificate and a key may begin with a byte order mark", async (scene) => {
  const files = await scene.certificate();
  const marked = (file: string) =>
    scene.write(`${file.slice(-3)}.marked`, `\uFEFF${Deno.readTextFileSync(file)}`);
  const args = ["--certfile", marked(files.certfile), "--keyfile", marked(files.keyfile)];
  const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", ...args, MIRROR]);
  await server.ready(1);
  assertEquals(await curl(`${server.url}/hello`), "hello");
});

sceneTest("what is not TLS is refused on a TLS address, and disturbs nobody", async (scene) => {
  const server = await startTls(scene, 1);
  assertEquals(await ask(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), null);
  assertEquals(await curl(`${server.url}/hello`), "hello");
});
