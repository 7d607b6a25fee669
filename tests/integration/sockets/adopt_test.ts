import { assert, assertEquals } from "@std/assert";
import { adoptListener } from "../../../src/os/listen/adopt.ts";
import { openListening } from "../../../src/os/listen/bound_socket.ts";
import { closeFd } from "../../../src/os/sockets/socket.ts";
import { libcUnavailable } from "../../../src/os/libc.ts";
import { passingOn } from "../../../src/os/listen/inherit.ts";
import { findListenerFd } from "../../../src/os/sockets/fd_table.ts";
import { temporary } from "../../support/directory.ts";
import { connect } from "../../support/http.ts";
import { ask, Member, readName } from "./group.ts";

const ignore = libcUnavailable() !== null;

/** Starts processes that all serve the listener's socket, in this order. */
async function share(listener: Deno.Listener, names: string[]): Promise<Member[]> {
  const fd = findListenerFd(listener);
  const members: Member[] = [];
  for (const NAME of names) {
    const env = { NAME, LISTEN_FD: String(fd) };
    members.push(await passingOn([fd], () => Member.start(env)));
  }
  return members;
}

for (
  const [kind, open] of [
    ["an IPv4", () => Deno.listen({ hostname: "127.0.0.1", port: 0 })],
    ["an IPv6", () => Deno.listen({ hostname: "::1", port: 0 })],
    ["a unix", (path: string) => Deno.listen({ transport: "unix", path: `${path}/s` })],
    ["an abstract", () => Deno.listen({ transport: "unix", path: `\0${crypto.randomUUID()}` })],
  ] as const
) {
  Deno.test(`${kind} socket keeps its queued connections over a killed process`, {
    ignore,
  }, async () => {
    using directory = temporary();
    using listener: Deno.Listener = open(directory.path);
    const address = listener.addr;
    await using group = new AsyncDisposableStack();
    const [first] = (await share(listener, ["first"])).map((member) => group.use(member));
    const waiting: Deno.Conn[] = [];
    for (let i = 0; i < 30; i++) waiting.push(await connect(address));
    await first!.kill();
    const [second] = (await share(listener, ["second"])).map((member) => group.use(member));
    await second!.tell("serve");
    assertEquals(await Promise.all(waiting.map(readName)), Array(30).fill("second"));
    assertEquals(await ask(address), "second");
  });
}

Deno.test("a connection whose process was woken for it and died is taken when another rearms", {
  ignore,
}, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using group = new AsyncDisposableStack();
  const [dying, other] = (await share(listener, ["dying", "other"])).map((member) =>
    group.use(member)
  );
  await dying!.tell("serve");
  await other!.tell("serve");
  // The one that registered last is woken last: a stopped process is first in the line.
  dying!.signal("SIGSTOP");
  const conn = await connect(listener.addr);
  const answer = readName(conn);
  await dying!.kill();
  await other!.tell("rearm");
  assertEquals(await answer, "other");
});

Deno.test("a process that pauses takes no connection until it rearms", { ignore }, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using group = new AsyncDisposableStack();
  const [a, b] = (await share(listener, ["a", "b"])).map((member) => group.use(member));
  for (const member of [a, b]) await member!.tell("serve");
  await a!.tell("pause");
  for (let i = 0; i < 20; i++) assertEquals(await ask(listener.addr), "b");
  await a!.tell("rearm");
  await b!.tell("pause");
  for (let i = 0; i < 20; i++) assertEquals(await ask(listener.addr), "a");
  // Paused on both sides: what comes waits, and is lost to nobody.
  await a!.tell("pause");
  const waiting = await connect(listener.addr);
  await b!.tell("rearm");
  assertEquals(await readName(waiting), "b");
});

Deno.test(
  "who closes a socket as the last one ends it in the same breath",
  { ignore },
  async () => {
    const fd = openListening({ transport: "tcp", hostname: "127.0.0.1", port: 0 }, 8);
    const { listener } = adoptListener(fd);
    closeFd(fd);
    const { port } = listener.addr as Deno.NetAddr;
    const accepting = listener.accept().catch(() => {});
    using _client = await Deno.connect({ hostname: "127.0.0.1", port });
    (await accepting)?.close();
    const refused = listener.accept().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    assert(isListenedOn(port));
    listener.close();
    // Who connects now is refused, and not reset when Deno comes to close it.
    assert(!isListenedOn(port));
    await refused;
  },
);

/** At this moment, as the kernel says: proc(5), /proc/net/tcp. */
function isListenedOn(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`:${hex} \\S+ 0A `).test(Deno.readTextFileSync("/proc/net/tcp"));
}

Deno.test("a process that closes its listener leaves the socket to the others", {
  ignore,
}, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using group = new AsyncDisposableStack();
  const [a, b] = (await share(listener, ["a", "b"])).map((member) => group.use(member));
  for (const member of [a, b]) await member!.tell("serve");
  await a!.tell("close");
  await a!.tell("rearm");
  for (let i = 0; i < 20; i++) assertEquals(await ask(listener.addr), "b");
});
