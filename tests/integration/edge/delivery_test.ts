/**
 * What is whole for the server may be on its way to a slow client for minutes. Whoever reads gets all of
 * it, whatever ends the connection; who does not is dropped after write_timeout.
 */

import { assert, assertEquals } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { takeFrame } from "../../support/http2_wire.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { soon, until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import {
  acknowledge,
  beginHttp2,
  Download,
  downloadByHttp2,
  GET,
  LARGE_APP,
  LARGE_BYTES,
  MIDDLE_BYTES,
  middleByHttp2,
  POST,
} from "./slow_reader.ts";

/** Longer than a client that says nothing is waited for when its connection is to close. */
const LONG_MS = 7_000;

interface Served {
  readonly server: Running;
  tcp(): Promise<Deno.Conn>;
  unix(): Promise<Deno.Conn>;
  /** Lets the requests of /late be answered. */
  open(): void;
}

/** Serves LARGE_APP over TCP and a unix socket: solo and inline, or in a proc with a thread. */
async function serve(scene: Scene, workers: 0 | 1, ...args: string[]): Promise<Served> {
  const path = `${scene.directory}/s`;
  const gate = `${scene.directory}/gate`;
  const binds = ["-b", "127.0.0.1:0", "-b", `unix:${path}`];
  const server = scene.run(
    [...binds, "-w", `${workers}`, "-t", `${workers}`, ...args, scene.write("app.ts", LARGE_APP)],
    { env: { GATE: gate } },
  );
  await server.says(/Ready: /);
  return {
    server,
    tcp: () => Deno.connect({ hostname: "127.0.0.1", port: server.port }),
    unix: () => Deno.connect({ transport: "unix", path }),
    open: () => Deno.writeTextFileSync(gate, ""),
  };
}

/** Takes a large response slowly for so long, and then the rest. */
async function download(connection: Deno.Conn, ms: number, parts: string[]): Promise<number> {
  using slow = new Download(connection);
  await slow.begin(...parts);
  return await (await slow.slowly(ms)).rest();
}

async function assertWhole(downloads: readonly Promise<number>[]): Promise<void> {
  assertEquals(await Promise.all(downloads), downloads.map(() => LARGE_BYTES));
}

for (const workers of [0, 1] as const) {
  const where = workers === 0 ? "inline" : "in a thread";

  sceneTest(`a slow client gets all of a connection's last response, ${where}`, async (scene) => {
    const { tcp, unix } = await serve(scene, workers, "--keep-alive", "0");
    await assertWhole([
      download(await tcp(), LONG_MS, [GET]),
      download(await tcp(), LONG_MS, POST),
      download(await unix(), LONG_MS, [GET]),
      download(await unix(), LONG_MS, POST),
    ]);
  });

  sceneTest(`a slow client gets all of it however short keep_alive is, ${where}`, async (scene) => {
    const { server, tcp, unix } = await serve(scene, workers, "--keep-alive", "1");
    await assertWhole([
      download(await tcp(), 4_000, [GET]),
      download(await tcp(), 4_000, POST),
      download(await unix(), 4_000, [GET]),
      download(await unix(), 4_000, POST),
      downloadByHttp2(server.port, 4_000),
    ]);
  });

  sceneTest(
    `what a client of HTTP/2 sends as it takes its last response costs it nothing, ${where}`,
    async (scene) => {
      const { server } = await serve(scene, workers, "--keep-alive-requests", "1");
      const taken = (["host", ":authority", "host", ":authority"] as const)
        .map((host) => middleByHttp2(server.port, host));
      assertEquals(await Promise.all(taken), taken.map(() => MIDDLE_BYTES));
    },
  );

  sceneTest(`a client of HTTP/2 that never closes holds no stop, ${where}`, async (scene) => {
    const { server, tcp } = await serve(scene, workers, "--graceful-timeout", "60");
    using wire = new Wire(await tcp());
    await wire.send(beginHttp2("/small"));
    while (!wire.received.includes("small")) await wire.receive();
    server.signal("SIGTERM");
    do {
      for (let frame; (frame = takeFrame(wire)) !== null;) await acknowledge(wire, frame);
    } while (await wire.receive());
    assertEquals((await server.end()).code, 0);
  });

  sceneTest(`what was answered before a stop is delivered, ${where}`, async (scene) => {
    const { server, tcp, unix } = await serve(scene, workers);
    const downloads = await Promise.all([
      new Download(await tcp()).begin(GET),
      new Download(await tcp()).begin(...POST),
      new Download(await unix()).begin(GET),
      new Download(await unix()).begin(...POST),
    ]);
    const byHttp2 = downloadByHttp2(server.port, 4_000);
    await Promise.all(downloads.map((it) => it.slowly(200)));
    server.signal("SIGTERM");
    await Promise.all(downloads.map((it) => it.slowly(4_000)));
    await assertWhole([...downloads.map((it) => it.rest()), byHttp2]);
    for (const { connection } of downloads) connection.close();
    assertEquals((await server.end()).code, 0);
    assert(!/not finished/.test(server.output), server.output);
  });

  sceneTest(`who does not read is dropped after write_timeout, ${where}`, async (scene) => {
    const args = ["--write-timeout", "1", "--keep-alive", "1", "-l", "debug"];
    const { server, tcp, unix } = await serve(scene, workers, ...args);
    const begun = [
      await new Download(await tcp()).begin(GET),
      await new Download(await unix()).begin(GET),
      await new Download(await unix()).begin(...POST),
    ];
    const byHttp2 = (["never", "never, but pings"] as const)
      .map((slow) => downloadByHttp2(server.port, slow));
    await server.says(/it does not read its response/, begun.length + 2);
    for (const bytes of await Promise.all(byHttp2)) assert(bytes < LARGE_BYTES);
    for (const it of begun) {
      assert(await it.rest() < LARGE_BYTES);
      it.connection.close();
    }
  });

  sceneTest(`who does not read holds no stop beyond write_timeout, ${where}`, async (scene) => {
    // More than the patience of the tests, if it were waited for.
    const args = ["--write-timeout", "2", "--graceful-timeout", "60", "-l", "debug"];
    const { server, tcp, unix } = await serve(scene, workers, ...args);
    const begun = [
      await new Download(await tcp()).begin(GET),
      await new Download(await tcp()).begin(...POST),
      await new Download(await unix()).begin(GET),
    ];
    const byHttp2 = downloadByHttp2(server.port, "never");
    // Its request has been taken when another one is answered.
    assertEquals(await server.get("/small"), "small");
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
    await server.says(/it does not read its response/, begun.length);
    assert(await byHttp2 < LARGE_BYTES);
    for (const { connection } of begun) connection.close();
  });

  sceneTest(`who has read all and stays holds no stop, ${where}`, async (scene) => {
    const args = ["--graceful-timeout", "60", "--keep-alive", "120", "--header-timeout", "120"];
    const { server, tcp, unix } = await serve(scene, workers, ...args);
    const wires: Wire[] = [];
    for (const connect of [tcp, unix]) {
      for (const request of [GET, POST[0]!]) {
        const wire = new Wire(await connect());
        await wire.send(request.replace("/", "/small"));
        await wire.response();
        wires.push(wire);
      }
    }
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
    for (const wire of wires) wire.connection.close();
  });
}

sceneTest("what is answered while a proc leaves is delivered, and it reloads", async (scene) => {
  const { server, tcp, unix, open } = await serve(scene, 1);
  const late = [GET.replace("/", "/late")];
  const downloads = [
    download(await tcp(), LONG_MS, late),
    download(await unix(), LONG_MS, late),
    download(await unix(), LONG_MS, [POST[0]!.replace("/", "/late"), POST[1]!]),
  ];
  await server.says(/late is asked/, downloads.length);
  server.signal("SIGHUP");
  await server.says(/is to leave/);
  open();
  await assertWhole(downloads);
  await server.says(/Reloaded: /);
  assert(!/not finished/.test(server.output), server.output);
});

sceneTest("what is answered while the solo process leaves is delivered", async (scene) => {
  const { server, tcp, unix, open } = await serve(scene, 0);
  const late = [GET.replace("/", "/late")];
  const downloads = [
    download(await tcp(), LONG_MS, late),
    download(await unix(), LONG_MS, late),
  ];
  await server.says(/late is asked/, downloads.length);
  server.signal("SIGTERM");
  await until("no new connection is taken", async () => {
    try {
      (await tcp()).close();
      return false;
    } catch {
      return true;
    }
  });
  open();
  await assertWhole(downloads);
  assertEquals((await server.end()).code, 0);
});

sceneTest("a delivery that graceful_timeout ends is counted", async (scene) => {
  const { server, tcp } = await serve(scene, 1, "--graceful-timeout", "1");
  using slow = await new Download(await tcp()).begin(GET);
  server.signal("SIGTERM");
  await slow.slowly(2_000);
  assert(await soon("it is cut", slow.rest()) < LARGE_BYTES);
  assertEquals((await server.end()).code, 0);
  assert(/1 exchanges were not finished/.test(server.output), server.output);
});

sceneTest("a slow client gets all of it over TLS as well", async (scene) => {
  const { certfile, keyfile } = await scene.certificate();
  const tls = ["--certfile", certfile, "--keyfile", keyfile];
  const caCerts = [Deno.readTextFileSync(certfile)];
  const { server } = await serve(scene, 1, "--keep-alive", "0", ...tls);
  const connect = () => Deno.connectTls({ hostname: "localhost", port: server.port, caCerts });
  await assertWhole([
    download(await connect(), LONG_MS, [GET]),
    download(await connect(), LONG_MS, POST),
  ]);
});
