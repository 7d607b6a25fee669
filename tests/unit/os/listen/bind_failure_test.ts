import { assertEquals, assertStringIncludes } from "@std/assert";
import { bindFailure } from "../../../../src/os/listen/bind_failure.ts";

const { AddrNotAvailable, NotFound, PermissionDenied } = Deno.errors;
const TCP = { transport: "tcp", hostname: "192.0.2.1", port: 80 } as const;
const UNIX = { transport: "unix", path: "/run/app/app.sock" } as const;

Deno.test("an address that cannot be had is named, with what is missing", () => {
  const denied = bindFailure(TCP, new PermissionDenied()).message;
  assertStringIncludes(denied, "Cannot listen on 192.0.2.1:80: not permitted (ports below ");
  const absent = bindFailure(TCP, new AddrNotAvailable()).message;
  assertStringIncludes(absent, "192.0.2.1:80: this machine has no such address; `ip address` ");
});

Deno.test("a unix socket that cannot be had is blamed on its directory, not on a port", () => {
  const name = "Cannot listen on unix:/run/app/app.sock";
  assertEquals(
    bindFailure(UNIX, new PermissionDenied()).message,
    `${name}: not permitted (user ${Deno.uid()} must be allowed to write to its directory)`,
  );
  assertEquals(
    bindFailure(UNIX, new NotFound()).message,
    `${name}: its directory does not exist`,
  );
});
