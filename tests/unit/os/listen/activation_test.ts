import { assertEquals, assertThrows } from "@std/assert";
import { load, requireConfig } from "../../../../src/config/load.ts";
import { Activation } from "../../../../src/os/listen/activation.ts";

const socket = (fd: number, name: string) => ({
  fd,
  name,
  address: { transport: "tcp", hostname: "127.0.0.1", port: fd } as const,
});
const passed = new Activation([socket(3, "web"), socket(4, "api"), socket(5, "web")]);
const fd = (fd: number) => ({ transport: "fd", fd }) as const;

function configure(...binds: string[]) {
  const cwd = new URL("../../../../", import.meta.url).pathname;
  const argv = ["examples/hello.ts", ...binds.flatMap((bind) => ["-b", bind])];
  return requireConfig(load({ argv, env: {}, cwd }));
}

Deno.test("systemd's sockets take the place of bind, where it names none of them", () => {
  assertEquals(passed.apply(configure("127.0.0.1:80")).bind, [fd(3), fd(4), fd(5)]);
  const config = configure("127.0.0.1:80");
  assertEquals(new Activation([]).apply(config), config);
});

Deno.test("a name stands for all sockets that have it; the rest is said to be unused", () => {
  const config = passed.apply(configure("fd://web", "127.0.0.1:80"));
  assertEquals(config.bind, [fd(3), fd(5), { transport: "tcp", hostname: "127.0.0.1", port: 80 }]);
  assertEquals(passed.unused(config).describe(), "fd://4 (api, 127.0.0.1:4)");
  assertEquals(passed.unused(passed.apply(configure())).describe(), "");
});

Deno.test("a name that nobody has is an error that tells those there are", () => {
  assertThrows(
    () => passed.apply(configure("fd://wbe")),
    Error,
    "Cannot listen on fd://wbe: no socket of systemd's has that FileDescriptorName=; there are: " +
      "fd://3 (web, 127.0.0.1:3), fd://4 (api",
  );
  assertThrows(
    () => new Activation([]).apply(configure("fd://web")),
    Error,
    "Cannot listen on fd://web: systemd has passed no sockets (LISTEN_FDS)",
  );
});

Deno.test("a socket that is named and numbered is an error", () => {
  assertThrows(
    () => passed.apply(configure("fd://web", "fd://5")),
    Error,
    "Cannot listen on fd://5 twice",
  );
});
