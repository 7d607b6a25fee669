import { assertEquals, assertThrows } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { parseListenFds, passingOn } from "../../../../src/os/listen/inherit.ts";
import { findListenerFd } from "../../../../src/os/sockets/fd_table.ts";
import { runDeno } from "../run_deno.ts";

const ignore = libcUnavailable() !== null;
const INHERIT = JSON.stringify(
  new URL("../../../../src/os/listen/inherit.ts", import.meta.url).href,
);

Deno.test("LISTEN_FDS counts from 3, with the names there are", () => {
  assertEquals(
    parseListenFds({ LISTEN_PID: "7", LISTEN_FDS: "3", LISTEN_FDNAMES: "web:" }, 7),
    [{ fd: 3, name: "web" }, { fd: 4, name: "unknown" }, { fd: 5, name: "unknown" }],
  );
});

Deno.test("LISTEN_FDS that is meant for another process, or absent, promises nothing", () => {
  assertEquals(parseListenFds({ LISTEN_PID: "8", LISTEN_FDS: "1" }, 7), []);
  assertEquals(parseListenFds({ LISTEN_FDS: "1" }, 7), []);
  assertEquals(parseListenFds({}, 7), []);
});

Deno.test("LISTEN_FDS that is no number is an error that names it", () => {
  for (const value of ["two", "-1", "1.5", "100000"]) {
    assertThrows(
      () => parseListenFds({ LISTEN_PID: "7", LISTEN_FDS: value }, 7),
      Error,
      `LISTEN_FDS is "${value}"`,
    );
  }
});

Deno.test("the sockets that systemd opens are taken over with their names", {
  ignore: ignore || !hasSocketActivate(),
}, async () => {
  const code = `
    import { takeListenFds } from ${INHERIT};
    const sockets = takeListenFds();
    console.log(JSON.stringify(sockets.map(({ fd, name, address }) => [fd, name, address])));
    console.log(Object.keys(Deno.env.toObject()).some((name) => name.startsWith("LISTEN_")));
    Deno.exit();
  `;
  const [tcp, path] = [freePort(), await Deno.makeTempDir()];
  const activate = new Deno.Command("systemd-socket-activate", {
    args: [
      `--listen=127.0.0.1:${tcp}`,
      `--listen=${path}/s`,
      "--fdname=web:local",
      ...["-E", "HOME"],
      Deno.execPath(),
      ...["eval", "--no-lock", "--no-config", code],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // The first connection is what starts the program.
  const client = await connectWhenListening(`${path}/s`);
  const { stdout } = await activate.output();
  client.close();
  await Deno.remove(path, { recursive: true });
  assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
    JSON.stringify([
      [3, "web", { transport: "tcp", hostname: "127.0.0.1", port: tcp }],
      [4, "local", { transport: "unix", path: `${path}/s` }],
    ]),
    "false",
  ]);
});

Deno.test("a descriptor is passed to the child that it is meant for, and to no other", {
  ignore,
}, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fd = findListenerFd(listener);
  const probe = () => new Deno.Command("test", { args: ["-e", `/proc/self/fd/${fd}`] }).spawn();
  assertEquals((await probe().status).success, false);
  assertEquals((await passingOn([fd], probe).status).success, true);
  assertEquals((await probe().status).success, false);
});

Deno.test("a descriptor that is no listening socket is refused with a remedy", {
  ignore,
}, async () => {
  const { out } = await runDeno(`
    import { adoptListener } from ${INHERIT.replace("inherit", "adopt")};
    for (const fd of [0, 999]) try { adoptListener(fd); } catch (e) { console.log(e.message); }
  `);
  assertEquals(
    out.match(/Cannot listen on fd (0|999): it is no listening stream socket/g)?.length,
    2,
  );
});

function hasSocketActivate(): boolean {
  try {
    return new Deno.Command("systemd-socket-activate", { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function connectWhenListening(path: string): Promise<Deno.Conn> {
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (
        !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)
      ) throw error;
      await new Promise((next) => setTimeout(next, 5));
    }
  }
}
