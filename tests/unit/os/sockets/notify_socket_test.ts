import { assertEquals } from "@std/assert";
import { watchdogUsec } from "../../../../src/os/sockets/notify_socket.ts";

Deno.test("a watchdog is heeded where it names this process, or none", () => {
  assertEquals(watchdogUsec({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 7), 30_000_000);
  assertEquals(watchdogUsec({ WATCHDOG_USEC: "30000000" }, 7), 30_000_000);
  assertEquals(watchdogUsec({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, 7), null);
});

Deno.test("what is no time for a watchdog is none", () => {
  for (const WATCHDOG_USEC of [undefined, "", "0", "-1", "soon", "1.5", "1e400"]) {
    assertEquals(watchdogUsec({ WATCHDOG_USEC }, 7), null);
  }
});
