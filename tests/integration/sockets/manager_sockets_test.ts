import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bind, Config } from "../../../src/config/config.ts";
import { load, requireConfig } from "../../../src/config/load.ts";
import { createLog, type LogRecord } from "../../../src/log/record.ts";
import {
  parseHandover,
  takeHandover,
  writeHandover,
} from "../../../src/manager/succession/handover.ts";
import { Sockets } from "../../../src/manager/sockets/sockets.ts";
import { formatAddress } from "../../../src/os/sockets/address.ts";
import { libcUnavailable } from "../../../src/os/libc.ts";
import { findListenerFd } from "../../../src/os/sockets/fd_table.ts";
import { getSocketAddress } from "../../../src/os/sockets/socket.ts";
import { HANDOVER_ENV } from "../../../src/protocol/control/control.ts";
import { temporary } from "../../support/directory.ts";
import { local } from "../../support/http.ts";
import { ask, Member } from "./group.ts";

const ignore = libcUnavailable() !== null;
const records: LogRecord[] = [];
const log = createLog("info", "test", (record) => records.push(record));

/** What the command line makes of these arguments. */
function configure(...argv: string[]): Config {
  const cwd = new URL("../../../", import.meta.url).pathname;
  return requireConfig(load({ argv: ["examples/hello.ts", ...argv], env: {}, cwd }));
}

/** A process that serves a bind as the manager tells its procs. */
async function startMember(sockets: Sockets, config: Config, name: string): Promise<Member> {
  const [bind] = config.bind;
  const env: Record<string, string> = { NAME: name };
  if (bind?.transport === "fd") env.LISTEN_FD = String(bind.fd);
  if (bind?.transport === "tcp") env.PORT = String(bind.port);
  const member = await sockets.passTo(config, () => Member.start(env));
  await member.tell("serve");
  return member;
}

function portOf(bind: Bind): number {
  return bind.transport === "tcp" ? bind.port : 0;
}

function freeAddress(): Deno.NetAddr {
  using free = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return free.addr;
}

Deno.test("port 0 becomes one free port for all procs, kept while there are none", {
  ignore,
}, async () => {
  const sockets = new Sockets(log);
  const config = await sockets.open(configure("-b", "127.0.0.1:0", "-b", "127.0.0.1:0"));
  const [first = 0, second = 0] = config.bind.map(portOf);
  assert(first > 0 && second > 0 && first !== second);
  await using member = await startMember(sockets, config, "proc");
  assertEquals(member.port, first);
  assertEquals(await ask(local(first)), "proc");
  sockets.close();
});

Deno.test("a port that another server has is found taken before any proc starts", {
  ignore,
}, async () => {
  // With SO_REUSEPORT both could have it, and would silently share the connections.
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
  const config = configure("-b", `127.0.0.1:${other.addr.port}`);
  let freed = false;
  const impatient = createLog("info", "test", () => {
    if (!freed) other.close();
    freed = true;
  });
  // The first try fails and logs; then the other server is gone.
  const sockets = new Sockets(impatient);
  await sockets.open(config);
  sockets.close();
  assert(freed, "the address was not found in use");
});

for (const listener of ["reuseport", "shared"]) {
  Deno.test(`a port is kept from a second server while no proc listens (listener: ${listener})`, {
    ignore,
  }, async () => {
    const first = new Sockets(log);
    const [bind] = (await first.open(configure("-b", "127.0.0.1:0"))).bind;
    const address = `127.0.0.1:${portOf(bind!)}`;
    let tries = 0;
    const impatient = createLog("info", "test", () => {
      if (tries++ === 0) first.close();
    });
    const second = new Sockets(impatient);
    await second.open(configure("-b", address, "--listener", listener));
    second.close();
    assertEquals(tries, 1, "the address was not found in use");
  });
}

Deno.test("of a port that is kept, though nobody listens, no listening program is to be found", {
  ignore,
}, async () => {
  const held = new Sockets(log);
  const [bind] = (await held.open(configure("-b", "127.0.0.1:0"))).bind;
  const sockets = new Sockets(log);
  await sockets.open(configure("-b", "127.0.0.1:0"));
  // A second configuration, as at a reload, does not wait.
  const other = configure("-b", `127.0.0.1:${portOf(bind!)}`);
  const why = "another server keeps it, and does not listen yet, or any more; stop that";
  await assertRejects(() => sockets.open(other), Error, why);
  sockets.close();
  held.close();
});

for (const listener of ["reuseport", "shared"]) {
  Deno.test(`one server's addresses may overlap (listener: ${listener})`, { ignore }, async () => {
    const { port } = freeAddress();
    const sockets = new Sockets(log);
    const args = ["--listener", listener, "-b", `127.0.0.1:${port}`, "-b", `0.0.0.0:${port}`];
    const config = await sockets.open(configure(...args));
    await using _member = await startMember(sockets, config, "proc");
    assertEquals(await ask(local(port)), "proc");
    sockets.close();
  });

  Deno.test(`a reload may narrow an address, and widen it (listener: ${listener})`, {
    ignore,
  }, async () => {
    const { port } = freeAddress();
    const sockets = new Sockets(log);
    const at = (host: string) => configure("--listener", listener, "-b", `${host}:${port}`);
    const wide = await sockets.open(at("0.0.0.0"));
    // As a proc of the wide one does.
    using _proc = Deno.listen({ hostname: "0.0.0.0", port, reusePort: true });
    const narrow = await sockets.open(at("127.0.0.1"));
    await using _member = await startMember(sockets, narrow, "narrow");
    // The kernel prefers the socket of the very address.
    assertEquals(await ask(local(port)), "narrow");
    sockets.drop(wide);
    await sockets.open(at("0.0.0.0"));
    sockets.close();
  });
}

Deno.test("IPv4 and IPv6 at the same port are two sockets", { ignore }, async () => {
  const free = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = free.addr;
  free.close();
  const sockets = new Sockets(log);
  const config = await sockets.open(
    configure("-b", `0.0.0.0:${port}`, "-b", `[::]:${port}`, "--listener", "shared"),
  );
  assertEquals(
    config.bind.map((bind) =>
      bind.transport === "fd" ? formatAddress(getSocketAddress(Number(bind.fd))!) : bind
    ),
    [`0.0.0.0:${port}`, `[::]:${port}`],
  );
  sockets.close();
});

Deno.test("a host name is resolved once, and shown as it was written", { ignore }, async () => {
  const sockets = new Sockets(log);
  const config = await sockets.open(configure("-b", "localhost:0"));
  const [bind] = config.bind;
  const [shown] = sockets.shown(config).bind;
  assert(bind?.transport === "tcp" && ["127.0.0.1", "::1"].includes(bind.hostname));
  assertEquals(shown, { transport: "tcp", hostname: "localhost", port: portOf(bind!) });
  sockets.close();
});

Deno.test("procs share a unix socket, which has its mode from the first moment", {
  ignore,
}, async () => {
  using directory = temporary();
  const path = `${directory.path}/app.sock`;
  const sockets = new Sockets(log);
  const config = await sockets.open(configure("-b", `unix:${path}`, "--unix-mode", "0640"));
  assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o640);
  assertEquals(sockets.shown(config).bind, [{ transport: "unix", path }]);
  await using first = await startMember(sockets, config, "first");
  await first.kill();
  await using _second = await startMember(sockets, config, "second");
  assertEquals(await ask({ transport: "unix", path }), "second");
  sockets.close();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("a unix socket has the owner that is configured", {
  ignore: ignore || Deno.uid() !== 0,
}, async () => {
  using directory = temporary();
  const path = `${directory.path}/app.sock`;
  const sockets = new Sockets(log);
  await sockets.open(
    configure("-b", `unix:${path}`, "--unix-user", "4321", "--unix-group", "1234"),
  );
  const { uid, gid } = Deno.lstatSync(path);
  assertEquals([uid, gid], [4321, 1234]);
  sockets.close();
});

Deno.test("the socket file of a killed server is replaced, a living server's or any other is not", {
  ignore,
}, async () => {
  using directory = temporary();
  const path = `${directory.path}/app.sock`;
  const sockets = new Sockets(log);
  const config = configure("-b", `unix:${path}`);
  const living = Deno.listen({ transport: "unix", path });
  await assertRejects(() => sockets.open(config), Error, "another server listens on it");
  // Deno does not remove the file: what is left is what a killed server leaves.
  living.close();
  await sockets.open(config);
  sockets.close();
  Deno.writeTextFileSync(path, "precious");
  await assertRejects(() => sockets.open(config), Error, "a file that is no socket");
  assertEquals(Deno.readTextFileSync(path), "precious");
});

Deno.test("a socket file that another server has put in the place of ours is left alone", {
  ignore,
}, async () => {
  using directory = temporary();
  const path = `${directory.path}/app.sock`;
  const sockets = new Sockets(log);
  await sockets.open(configure("-b", `unix:${path}`));
  Deno.removeSync(path);
  using _other = Deno.listen({ transport: "unix", path });
  sockets.close();
  assert(Deno.lstatSync(path).isSocket);
});

Deno.test("a reload opens what is new, keeps what stays, and closes the rest when it is left", {
  ignore,
}, async () => {
  using made = temporary();
  const directory = made.path;
  const [a, b, c] = ["a", "b", "c"].map((name) => `${directory}/${name}`);
  const sockets = new Sockets(log);
  const before = await sockets.open(configure("-b", `unix:${a}`, "-b", `unix:${b}`));
  const after = await sockets.open(configure("-b", `unix:${b}`, "-b", `unix:${c}`));
  assertEquals(after.bind[0], before.bind[1]);
  assertEquals([a, b, c].map((path) => Deno.lstatSync(path!).isSocket), [true, true, true]);
  sockets.drop(before);
  await assertRejects(() => Deno.lstat(a!), Deno.errors.NotFound);
  sockets.close();
  assertEquals([...Deno.readDirSync(directory)], []);
});

Deno.test("a reload that cannot open an address changes nothing", { ignore }, async () => {
  using made = temporary();
  const directory = made.path;
  const sockets = new Sockets(log);
  const before = await sockets.open(configure("-b", `unix:${directory}/a`));
  const after = configure(
    ...["-b", `unix:${directory}/a`],
    ...["-b", `unix:${directory}/b`],
    ...["-b", `unix:${directory}/none/c`],
  );
  await assertRejects(() => sockets.open(after), Error, "its directory does not exist");
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["a"]);
  await using _member = await startMember(sockets, before, "still");
  assertEquals(await ask({ transport: "unix", path: `${directory}/a` }), "still");
  sockets.close();
});

Deno.test("a port can move between sockets of the procs' own and a shared one", {
  ignore,
}, async () => {
  const sockets = new Sockets(log);
  const own = await sockets.open(configure("-b", "127.0.0.1:0"));
  await using first = await startMember(sockets, own, "own");
  const shared = await sockets.open(configure("-b", "127.0.0.1:0", "--listener", "shared"));
  const [shown] = sockets.shown(shared).bind;
  assertEquals(shown, { transport: "tcp", hostname: "127.0.0.1", port: first.port });
  await using _second = await startMember(sockets, shared, "shared");
  await first.kill();
  sockets.drop(own);
  assertEquals(await ask(local(first.port)), "shared");
  sockets.close();
});

Deno.test("what is handed over is read as it was written, and nothing else is", () => {
  const handover = { pid: 42, fds: { "unix:/run/a b": 7 }, names: { 7: "web" } };
  assertEquals(parseHandover(writeHandover(handover)), handover);
  assertEquals(parseHandover(undefined), null);
  for (const bad of ["42 {", "42 null", "42 {}", "42", "x {}"]) {
    assertEquals(parseHandover(bad), null);
  }
});

Deno.test("what is handed over is taken once, by whoever has the sockets", { ignore }, () => {
  const take = (pid: number, fd: number) => {
    Deno.env.set(HANDOVER_ENV, writeHandover({ pid, fds: { "127.0.0.1:80": fd }, names: {} }));
    return takeHandover();
  };
  const gone = 2 ** 22 + 1; // more than any process id
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fd = findListenerFd(listener);
  assertEquals(take(Deno.ppid, 99)?.pid, Deno.ppid);
  assertEquals(take(gone, fd)?.pid, gone);
  assertEquals(take(gone, 99), null);
  assertEquals(takeHandover(), null);
});
