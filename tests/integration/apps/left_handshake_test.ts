/** Clients that leave while the app makes up its mind about their handshake. */

import { assertEquals } from "@std/assert";
import { descriptorsOf } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { RawClient } from "./socket_client.ts";

const APP = new URL("../../apps/sockets.ts", import.meta.url).pathname;
const CLIENTS = 60;

/** Clients, some at a time, that close without having read what TLS sends behind its handshake: a RST. */
const LEAVE = `
import socket, ssl, sys, threading
port, count = map(int, sys.argv[1:])
context = ssl._create_unverified_context()
handshake = b"\\r\\n".join([
    b"GET /echo HTTP/1.1", b"Host: localhost", b"Connection: Upgrade", b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"", b""])
def leave():
    for _ in range(count):
        client = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        client.sendall(handshake)
        client.close()
threads = [threading.Thread(target=leave) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
`;

async function logOf(server: Running): Promise<string[]> {
  return JSON.parse(await server.get("/log"));
}

for (const [how, threads] of [["threads", "1"], ["inline", "0"]] as const) {
  sceneTest(
    `a client that leaves before its handshake is answered keeps no descriptor (${how})`,
    async (scene) => {
      const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "-t", threads, APP]);
      await server.ready(1);
      const [proc] = server.procs();
      await server.get("/log");
      const before = descriptorsOf(proc!.pid);
      for (let i = 0; i < CLIENTS; i++) {
        using client = await RawClient.connect(server.port);
        client.handshake("/hesitant").catch(() => {});
        await until("it is asked", async () => (await logOf(server)).includes("asked"));
      }
      // For one that Deno upgrades all the same the server waits for some seconds.
      await until("all are closed", () => descriptorsOf(proc!.pid) < before + CLIENTS / 4);
      assertEquals(server.procs().map(({ pid }) => pid), [proc!.pid]);
    },
  );
}

// Inline the app has upgraded it mostly before it is known to leave; Deno.serve keeps them all.
sceneTest(
  "a client that leaves before its handshake is answered keeps none with TLS either",
  async (scene) => {
    const { certfile, keyfile } = await scene.certificate();
    const tls = ["--certfile", certfile, "--keyfile", keyfile];
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "-t", "1", ...tls, APP]);
    await server.ready(1);
    const { pid } = server.procs()[0]!;
    const before = descriptorsOf(pid);
    const { success } = await new Deno.Command("python3", {
      args: ["-c", LEAVE, String(server.port), String(CLIENTS)],
    }).output();
    assertEquals(success, true);
    await until("all are closed", () => descriptorsOf(pid) < before + CLIENTS / 4);
  },
);

sceneTest("a WebSocket whose client leaves as the app answers is closed", async (scene) => {
  const args = ["-b", "127.0.0.1:0", "-w", "1", "-t", "1", "--access-log", "-"];
  const server = scene.run([...args, APP]);
  await server.ready(1);
  const at = `${scene.directory}/at`;
  const client = await RawClient.connect(server.port);
  client.handshake(`/crossing?at=${at}`).catch(() => {});
  await until("the app has answered", () => Deno.stat(at).catch(() => null));
  client[Symbol.dispose]();
  // The server has given it up, and has not heard of the answer.
  await server.says(/"GET \/crossing\?.* 499 /);
  await Deno.remove(at);
  await until("it is closed", async () => (await logOf(server)).includes("1006  false"));
});
