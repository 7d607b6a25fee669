/** Clients that leave: what waits behind them is not forgotten, and a thread that hangs is found. */

import { assert, assertEquals } from "@std/assert";
import type { Scene } from "../../support/scene.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi } from "./app.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** More than fit into the common queue (SLOTS of src/protocol/wsgi/common_queue.ts). */
const MORE_THAN_FIT = 300;

/** Blocks until the file GO is there: in the call, between two blocks, after the response. */
const APP = `
import os, sys, time

def pause(where):
    print("pauses", where, file=sys.stderr, flush=True)
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)

class Body:
    def __init__(self):
        self.blocks = iter([b"body"])
    def __iter__(self):
        return self.blocks
    def close(self):
        pause("in close()")

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/call":
        pause("in a call")
    if path == "/stream":
        start_response("200 OK", [])
        return stream()
    start_response("200 OK", [("Content-Length", "4")])
    return Body() if path == "/close" else [b"body"]

def stream():
    yield b"first "
    pause("in a stream")
    yield b"last"
`;

async function start(scene: Scene, threads: number, ...args: string[]) {
  scene.write("pausing.py", APP);
  const go = `${scene.directory}/go`;
  const server = await startWsgi(scene, "pausing:app", {
    threads,
    args: ["--chdir", scene.directory, "--access-log", "-", ...args],
    env: { GO: go },
  });
  return { server, go: () => Deno.writeTextFileSync(go, "") };
}

/** A client that asks, and leaves when the server says so. */
async function leaveWhen(port: number, path: string, reached: () => Promise<unknown>) {
  using wire = await Wire.connect(port);
  await wire.send(get(path));
  await reached();
}

sceneTest(
  "a request behind more clients than fit into the queue, all of which leave, is answered",
  async (scene) => {
    const { server, go } = await start(scene, 1, "--backlog-per-thread", "1000");
    using busy = await Wire.connect(server.port);
    await busy.send(get("/close"));
    assertEquals((await busy.response())?.body, "body");
    await server.says(/pauses in close/);
    const impatient = await Promise.all(
      Array.from({ length: MORE_THAN_FIT }, () => Wire.connect(server.port)),
    );
    for (const wire of impatient) await wire.send(get("/impatient"));
    for (const wire of impatient) wire[Symbol.dispose]();
    await server.says(/"GET \/impatient HTTP\/1.1" 499 /, MORE_THAN_FIT);
    using patient = await Wire.connect(server.port);
    await patient.send(get("/patient"));
    // Refused without a thread: by now the one before has come.
    using other = await Wire.connect(server.port);
    await other.send("GET / HTTP/1.1\r\n\r\n");
    assertEquals((await other.response())?.status, 400);
    // The thread finds nothing but what was given up, and has no response to wake the server with.
    go();
    assertEquals((await patient.response())?.body, "body");
  },
);

sceneTest("a call that outlives timeout hangs, also when its client has left", async (scene) => {
  const { server } = await start(scene, 2, "--timeout", "1", "--graceful-timeout", "1");
  const [victim] = server.procs();
  await leaveWhen(server.port, "/call", () => server.says(/pauses in a call/));
  await server.says(/WARNING.*No return within 1 s from GET \/call, whose client has left/);
  await server.says(/is to be replaced: thread \d hangs/);
  await server.ready(2);
  await until("it is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
  assertEquals(await server.get("/"), "body");
});

for (
  const [path, where] of [["/stream", "a generator whose client has left"], ["/close", "close()"]]
) {
  sceneTest(
    `${where} may take longer than timeout, but not while requests wait for its thread`,
    async (scene) => {
      const { server } = await start(scene, 1, "--timeout", "1", "--graceful-timeout", "1");
      await leaveWhen(server.port, path!, () => server.says(/pauses in /));
      // Whoever waits is given up as ever; the next one has another proc.
      assertEquals((await server.fetch("/waits")).status, 504);
      await server.says(/No return within 1 s from what follows the response to/);
      await server.says(/is to be replaced: thread 1 hangs/);
      await server.ready(2);
      // One may still come to the proc that hangs.
      await until("the new proc answers", async () => {
        const response = await server.fetch("/");
        return await response.text() === "body";
      });
    },
  );
}

sceneTest("a response that streams has the time that its client has", async (scene) => {
  const { server, go } = await start(scene, 1, "--timeout", "1");
  using wire = await Wire.connect(server.port);
  await wire.send(get("/stream"));
  await server.says(/pauses in a stream/);
  // Others have their timeouts meanwhile.
  for (let i = 0; i < 3; i++) assertEquals((await server.fetch("/waits")).status, 504);
  go();
  assertEquals((await wire.response())?.body, "first last");
  assertEquals(await server.get("/"), "body");
  assert(!/hangs|No return/.test(server.output), server.output);
});

sceneTest(
  "a call that began late, behind others, does not hang when its exchange is given up",
  async (scene) => {
    const server = await startWsgi(scene, "conformance", { args: ["--timeout", "4"] });
    const first = server.fetch("/sleep?s=3");
    await server.says(/falls asleep/);
    const second = server.fetch("/sleep?s=3");
    assertEquals([(await first).status, (await second).status], [200, 504]);
    // It is answered when the second call is over, and by the same process.
    assertEquals(await server.get("/hello"), "hello");
    assert(!/hangs|No return/.test(server.output), server.output);
  },
);

/**
 * /measure gives as much as is taken of it without a client that reads. /download gives a little less: its
 * thread is done with it, while the server still has some. /events waits for GO.
 */
const STREAMS = `
import os, sys, threading, time

BLOCK = bytes(65536)
# What the buffers of sockets take differs from one connection to the next.
LESS = 3
STALL_SECONDS = 0.3
given = 0
blocks = 0

def say(*what):
    print(*what, file=sys.stderr, flush=True)

def watch():
    while time.monotonic() - given < STALL_SECONDS:
        time.sleep(0.01)
    say("stalls")

def app(environ, start_response):
    start_response("200 OK", [])
    return {"/measure": measure, "/download": download, "/events": events}[environ["PATH_INFO"]]()

def measure():
    global given, blocks
    given = time.monotonic()
    threading.Thread(target=watch, daemon=True).start()
    while time.monotonic() - given < STALL_SECONDS:
        given = time.monotonic()
        blocks += 1
        yield BLOCK

def download():
    for _ in range(blocks - LESS):
        yield BLOCK
    say("has given all")

def events():
    try:
        yield b"event"
        say("waits for an event")
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.01)
        while True:
            yield b"event"
    finally:
        say("is closed")
`;

sceneTest(
  "a generator whose client has left is closed, whoever leaves after that one",
  async (scene) => {
    scene.write("streams.py", STREAMS);
    const server = await startWsgi(scene, "streams:app", {
      args: ["--chdir", scene.directory, "--access-log", "-"],
      env: { GO: `${scene.directory}/go` },
    });
    const ask = async (path: string, reached: RegExp) => {
      const wire = await Wire.connect(server.port);
      await wire.send(get(path));
      await server.says(reached);
      return async () => {
        wire[Symbol.dispose]();
        await server.says(new RegExp(`"GET ${path} HTTP/1.1" 200 `));
      };
    };
    const leaveMeasure = await ask("/measure", /stalls/);
    await leaveMeasure();
    const leaveDownload = await ask("/download", /has given all/);
    const leaveEvents = await ask("/events", /waits for an event/);
    await leaveEvents();
    await leaveDownload();
    scene.write("go", "");
    await server.says(/is closed/);
  },
);

sceneTest("a proc that leaves waits for what an app does behind its response", async (scene) => {
  scene.write(
    "late.py",
    `
import sys, time

class Body(list):
    def close(self):
        # Longer than an app is given at its end (APP_CLOSE_MS of src/proc/server.ts).
        time.sleep(3)
        print("closed at last", file=sys.stderr, flush=True)

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return Body([b"body"])
`,
  );
  const server = await startWsgi(scene, "late:app", { args: ["--chdir", scene.directory] });
  assertEquals(await server.get("/"), "body");
  server.signal("SIGTERM");
  await server.says(/closed at last/);
  await server.stop();
});
