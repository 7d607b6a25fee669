import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionFds } from "../../../src/os/connections/connection_fds.ts";
import { instantOutput, openInstantly, type Output } from "../../../src/os/instant_output.ts";
import { cString, libc, libcUnavailable } from "../../../src/os/libc.ts";
import { temporary } from "../../support/directory.ts";
import { until } from "../../support/wait.ts";

const ignore = libcUnavailable() !== null;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000;
const PAGE = new Uint8Array(4_096).fill(120);

/** A named pipe with a reader, as yet idle, in a directory that is removed with it. */
function pipe() {
  const directory = temporary();
  const path = `${directory.path}/pipe`;
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  const reader = Deno.openSync(path, { read: true, write: true });
  let closed = false;
  const close = () => {
    if (!closed) reader.close();
    closed = true;
  };
  return {
    path,
    reader,
    close,
    [Symbol.dispose]() {
      close();
      directory[Symbol.dispose]();
    },
  };
}

function fill(output: Output): number {
  let total = 0;
  for (;;) {
    const count = output.write(PAGE);
    if (count === null) return total;
    total += count;
  }
}

/** Whether the descriptor waits in write(2), as everybody sees it who shares it. */
function isBlocking(fd: number): boolean {
  const flags = /^flags:\s+(\d+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))?.[1];
  return (parseInt(flags ?? "", 8) & O_NONBLOCK) === 0;
}

Deno.test({
  name:
    "a pipe that is full takes nothing, and later what there is room for; who shares it waits as before",
  ignore,
  fn() {
    using full = pipe();
    const fd = libc().open(cString(full.path), O_WRONLY, 0);
    const output = instantOutput(fd);
    assert(output !== null);
    assert(fill(output!) > 0);
    full.reader.readSync(new Uint8Array(PAGE.length));
    assertEquals(output!.write(PAGE), PAGE.length);
    assertEquals(output!.write(PAGE), null);
    assert(isBlocking(fd));
    output!.close();
    output!.close();
    libc().close(fd);
  },
});

Deno.test({
  name: "a pipe whose reader has gone is an error",
  ignore,
  fn() {
    using left = pipe();
    const output = openInstantly(left.path);
    assert(output !== null);
    assertEquals(fill(output!) > 0, true);
    left.close();
    assertThrows(() => output!.write(PAGE), Error, "Broken pipe");
    output!.close();
  },
});

Deno.test({
  name: "a socket, which cannot be opened by its name, is asked whether it has room",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using reader = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using writer = await listener.accept();
    const [local, peer] = [writer.localAddr, writer.remoteAddr].map((address) => {
      const { hostname, port } = address as Deno.NetAddr;
      return { transport: "tcp", hostname, port } as const;
    });
    const fd = new ConnectionFds().find({ local: local!, peer: peer! })!;
    const output = instantOutput(fd);
    const total = fill(output!);
    assert(total > 0);
    let read = 0;
    while (read < total) read += await reader.read(new Uint8Array(65_536)) ?? Infinity;
    assertEquals(read, total);
    await until("there is room", () => output!.write(PAGE) === PAGE.length);
  },
});

Deno.test({
  name: "a regular file needs nothing of the kind",
  ignore,
  fn() {
    using directory = temporary();
    const path = `${directory.path}/file`;
    Deno.writeTextFileSync(path, "");
    const fd = libc().open(cString(path), O_WRONLY, 0);
    assertStrictEquals(instantOutput(fd), null);
    libc().close(fd);
  },
});
