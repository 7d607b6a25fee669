import { assertEquals } from "@std/assert";
import type { ServerSocket } from "../../../src/proc/websocket/websocket.ts";
import { WebSockets } from "../../../src/proc/websocket/websockets.ts";

Deno.test("an app that is owed much is told soon, though a word of little stands", () => {
  const { setTimeout, clearTimeout } = globalThis;
  const timers: string[] = [];
  globalThis.setTimeout = ((_: () => void, ms: number) => timers.push(`${ms}`)) as never;
  globalThis.clearTimeout = ((timer: number) => timers.push(`not ${timers[timer - 1]}`)) as never;
  try {
    const sockets = new WebSockets({ now: 0 }, () => {});
    const socket = {} as ServerSocket;
    sockets.owes(socket, 10);
    sockets.owes(socket, 64 * 1024);
    sockets.owes(socket, 1024 * 1024);
    sockets.owes(socket, 10);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assertEquals(timers, ["50", "not 50", "2"]);
});
