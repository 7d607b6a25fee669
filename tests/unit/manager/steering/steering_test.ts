import { assertEquals } from "@std/assert";
import { createLog, type LogRecord } from "../../../../src/log/record.ts";
import { Steering } from "../../../../src/manager/steering/steering.ts";

const BIND = { transport: "tcp", hostname: "127.0.0.1", port: 8000 } as const;
const OTHER = { transport: "tcp", hostname: "127.0.0.1", port: 9000 } as const;

/** A steering whose procs note what they are told; they obey when the test says so. */
function scene(impossible: string | null = null, mode: "load" | "reload" | "off" = "load") {
  const told: string[] = [];
  const records: LogRecord[] = [];
  const deaf = new Set<number>();
  /** Proc numbers by index, as the kernel has them. */
  const order: number[] = [];
  const steering = new Steering({
    impossible,
    mode: () => mode,
    log: createLog("debug", "test", (record) => records.push(record)),
    whoAccepts: () => {
      const weights = /\[(.*)\]/.exec(told.at(-1) ?? "")?.[1]?.split(",") ?? [];
      return Promise.resolve(order[weights.findIndex((weight) => weight !== "0")] ?? null);
    },
    send: (id, bind, { weights }) => {
      if (deaf.has(id)) return false;
      told.push(`${id} ${bind.slice(-4)} [${weights}]`);
      return true;
    },
  });
  let now = 0;
  return {
    order,
    steering,
    told,
    records,
    deaf,
    /** Brings procs to listen one after the other. */
    listen(ids: number[], binds = [BIND] as readonly (typeof BIND | typeof OTHER)[]) {
      for (const id of ids) {
        steering.told(id, now += 10_000);
        steering.listening(id, binds, now + 1);
      }
    },
    close(id: number) {
      steering.closed(id, now += 10_000, now + 1);
    },
    /** Whether a promise has resolved by now. */
    async isDone(promise: Promise<void>) {
      let done = false;
      promise.then(() => done = true);
      for (let i = 0; i < 20; i++) await Promise.resolve();
      return done;
    },
  };
}

Deno.test("a proc that leaves gets no connections, from when another says so", async () => {
  const { steering, told, listen, isDone } = scene();
  listen([1, 2, 3]);
  const left = steering.leave(1);
  assertEquals(told, ["3 8000 [0,1000,1000]"]);
  assertEquals(await isDone(left), false);
  steering.steered(3, null);
  await left;
});

Deno.test("when it has closed its socket, the kernel chooses again", () => {
  const { steering, told, listen, close } = scene();
  listen([1, 2]);
  steering.leave(1);
  steering.steered(2, null);
  close(1);
  assertEquals(told, ["2 8000 [0,1000]", "2 8000 []"]);
});

Deno.test("two that leave at once are both avoided", () => {
  const { steering, told, listen, close } = scene();
  listen([1, 2, 3, 4]);
  steering.leave(2);
  steering.leave(1);
  close(1);
  assertEquals(told, [
    "4 8000 [1000,0,1000,1000]",
    "4 8000 [0,0,1000,1000]",
    // The last has taken the place of proc 1.
    "4 8000 [1000,0,1000]",
  ]);
});

Deno.test("the last of all to leave is steered away from by nobody", async () => {
  const { steering, told, listen } = scene();
  listen([1]);
  await steering.leave(1);
  assertEquals(told, []);
});

Deno.test("a proc that stands still keeps none behind it from leaving", async () => {
  const { steering, listen, isDone } = scene();
  listen([1, 2, 3]);
  steering.leave(1);
  const second = steering.leave(2);
  steering.steered(3, null);
  steering.steered(3, null);
  assertEquals(await isDone(second), false);
  await second;
});

Deno.test("where all leave, none waits for another", async () => {
  const { steering, listen } = scene();
  listen([1, 2]);
  const left = [steering.leave(1), steering.leave(2)];
  steering.steered(2, null);
  await Promise.all(left);
});

Deno.test("each address has an order of its own", () => {
  const { steering, told, listen } = scene();
  listen([1, 2]);
  listen([3], [BIND, OTHER]);
  listen([4], [OTHER]);
  steering.leave(3);
  assertEquals(told, ["2 8000 [1000,1000,0]", "4 9000 [0,1000]"]);
});

Deno.test("a proc that cannot hear is passed over; one that dies before it answers is not relied on", async () => {
  const { steering, told, listen, deaf, close } = scene();
  listen([1, 2, 3]);
  deaf.add(3);
  const left = steering.leave(1);
  assertEquals(told, ["2 8000 [0,1000,1000]"]);
  deaf.delete(3);
  close(2);
  // Nobody knows whether proc 2 did it.
  assertEquals(told.at(-1), "3 8000 [0,1000]");
  steering.steered(3, null);
  await left;
});

/** Reports these loads, by proc from 1, again and again. */
function report(steering: Steering, loads: number[], times: number) {
  for (let i = 0; i < times; i++) {
    loads.forEach((load, at) => steering.load(at + 1, load, false, 0));
  }
}

Deno.test("a proc that has more to do than the others gets fewer connections, and more again later", () => {
  const { steering, told, listen } = scene();
  listen([1, 2]);
  report(steering, [3, 1], 20);
  assertEquals(told, []);
  report(steering, [40, 2], 4);
  const [, share = 1000] = /\[(\d+),1000\]/.exec(told.at(-1) ?? "")?.map(Number) ?? [];
  assertEquals(share < 700 && share > 0, true, told.at(-1));
  report(steering, [2, 2], 200);
  assertEquals(told.at(-1), "2 8000 []");
});

Deno.test("a busy proc is spared, but one that leaves gets nothing", () => {
  const { steering, told, listen } = scene();
  listen([1, 2, 3]);
  report(steering, [99, 0, 0], 50);
  assertEquals(told.at(-1), "3 8000 [10,1000,1000]");
  steering.leave(2);
  assertEquals(told.at(-1), "3 8000 [10,0,1000]");
});

Deno.test("a proc that is full gets nothing; when all are, the kernel chooses", () => {
  const { steering, told, listen } = scene();
  listen([1, 2]);
  steering.load(1, 0, true, 0);
  assertEquals(told.at(-1), "2 8000 [0,1000]");
  steering.load(2, 0, true, 0);
  assertEquals(told.at(-1), "2 8000 []");
  steering.load(1, 0, false, 0);
  assertEquals(told.at(-1), "2 8000 [1000,0]");
});

Deno.test("a proc without a free thread gets nothing; when all are so, the kernel chooses", () => {
  const { steering, told, listen } = scene();
  listen([1, 2, 3]);
  steering.blocked(1, true);
  assertEquals(told.at(-1), "3 8000 [0,1000,1000]");
  steering.blocked(3, true);
  assertEquals(told.at(-1), "3 8000 [0,1000,0]");
  steering.load(2, 0, true, 0);
  assertEquals(told.at(-1), "3 8000 [1000,0,1000]", "the third is full");
  steering.load(2, 0, false, 0);
  steering.blocked(2, true);
  assertEquals(told.at(-1), "3 8000 []");
  steering.blocked(1, false);
  assertEquals(told.at(-1), "3 8000 [1000,0,0]");
  steering.leave(1);
  assertEquals(told.at(-1), "3 8000 [0,1000,1000]", "those that stay are alike");
  for (const id of [2, 3]) steering.blocked(id, false);
  assertEquals(told.at(-1), "3 8000 [0,1000,1000]");
});

Deno.test("what a proc was held up by goes with it", () => {
  const { steering, told, listen, close } = scene();
  listen([1, 2, 3]);
  steering.blocked(1, true);
  close(1);
  assertEquals(told.at(-1), "3 8000 []");
  listen([1]);
  assertEquals(told.at(-1), "3 8000 []");
});

Deno.test("that a proc is steered away from is said when it is so", async () => {
  const { steering, listen, records, isDone } = scene();
  listen([1, 2]);
  const steered = steering.blocked(1, true);
  assertEquals(await isDone(steered), false);
  steering.steered(2, null);
  await steered;
  assertEquals(records.map(({ message }) => message), [
    "Proc 1 has no thread free: new connections avoid it",
  ]);
});

Deno.test("a proc that is not heard gets nothing, and has nobody steer", () => {
  const { steering, told, listen } = scene();
  listen([1, 2]);
  for (const id of [1, 2]) steering.load(id, 0, false, 0);
  steering.load(1, 0, false, 600);
  assertEquals(told.at(-1), "1 8000 [1000,0]");
  steering.load(2, 0, false, 700);
  assertEquals(told.at(-1), "2 8000 []");
});

Deno.test("with steering: reload, the load says nothing; with off, nothing does", () => {
  for (const mode of ["reload", "off"] as const) {
    const { steering, told, listen } = scene(null, mode);
    listen([1, 2]);
    steering.blocked(1, true);
    steering.blocked(1, false);
    report(steering, [99, 0], 50);
    assertEquals(told, []);
    steering.leave(1);
    assertEquals(told, mode === "reload" ? ["2 8000 [0,1000]"] : []);
  }
});

Deno.test("where it cannot be done, that is said once, and nobody waits", async () => {
  const { steering, told, listen, records, close } = scene("FFI is not permitted");
  listen([1, 2, 3]);
  await steering.leave(1);
  close(1);
  await steering.leave(2);
  assertEquals(told, []);
  assertEquals(records.length, 1);
  assertEquals(records[0]?.message.includes("(FFI is not permitted)"), true);
});

Deno.test("what the kernel refuses once is not tried again", async () => {
  const { steering, told, listen, records } = scene();
  listen([1, 2, 3]);
  const left = steering.leave(1);
  steering.steered(3, "setsockopt failed");
  await left;
  await steering.leave(2);
  assertEquals(told.length, 1);
  assertEquals(records.length, 1);
});

Deno.test("procs that share a socket are not steered", async () => {
  const { steering, told } = scene();
  steering.told(1, 0);
  steering.listening(1, [{ transport: "fd", fd: 5 }], 1);
  await steering.leave(1);
  assertEquals(told, []);
});

/** Lets a probe get on, in which proc `id` is told each step. */
async function answer(steering: Steering, id: number, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    steering.steered(id, null);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

Deno.test("after another manager has gone, the order is found out, and connections steered", async () => {
  const { steering, told, order, listen } = scene();
  listen([1, 2, 3]);
  steering.suspend("there are two");
  steering.leave(1);
  steering.closed(1, 50_000, 50_001);
  assertEquals(told, [], "nobody knows who is where");
  listen([4]);
  steering.resume(60_000);
  steering.settle(61_000);
  assertEquals(told, [], "others may still be closing");
  order.push(4, 2, 3);
  steering.settle(62_000);
  await answer(steering, 4, 3);
  assertEquals(
    told.splice(0),
    ["4 8000 [1000,0,0]", "4 8000 [0,1000,0]", "4 8000 [0,0,1000]"]
      .concat("4 8000 []"),
  );
  steering.leave(3);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(told, ["4 8000 [1000,1000,0]"]);
});

Deno.test("who leaves while the order is being found out waits for nothing but the last step", async () => {
  const { steering, told, order, listen, isDone } = scene();
  listen([1, 2, 3]);
  steering.suspend("there are two");
  steering.resume(60_000);
  order.push(1, 2, 3);
  steering.settle(62_000);
  const left = steering.leave(1);
  assertEquals(await isDone(left), false);
  await answer(steering, 3, 1);
  await left;
  assertEquals(told, ["3 8000 [1000,0,0]", "3 8000 []"]);
});

Deno.test("an order that cannot be found out is tried again ever later, and then left alone", async () => {
  const { steering, told, order, listen } = scene();
  listen([1, 2]);
  steering.suspend("there are two");
  steering.resume(60_000);
  const tries: number[] = [];
  for (let at = 60_000; at < 200_000; at += 1_000) {
    order.push(1, 1);
    steering.settle(at);
    await answer(steering, 2, 4);
    if (told.splice(0).length > 0) tries.push(at);
    order.splice(0);
  }
  assertEquals(tries, [62_000, 64_000, 68_000, 76_000, 92_000]);
});

Deno.test("an order that a busy proc hid is found out at the next try", async () => {
  const { steering, told, order, listen } = scene();
  listen([1, 2]);
  steering.suspend("there are two");
  steering.resume(60_000);
  order.push(1, 1);
  steering.settle(62_000);
  await answer(steering, 2, 3);
  told.splice(0);
  order.splice(0, 2, 2, 1);
  steering.settle(64_000);
  await answer(steering, 2, 3);
  assertEquals(told.splice(0), ["2 8000 [1000,0]", "2 8000 [0,1000]", "2 8000 []"]);
  steering.leave(1);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(told, ["2 8000 [1000,0]"], "proc 2 stands first");
});
