import { assert, assertEquals } from "@std/assert";
import { LoadShares } from "../../../../src/manager/steering/load_shares.ts";

/** Lets procs from 1 report these loads again and again. */
function report(shares: LoadShares, loads: number[], times: number) {
  for (let i = 0; i < times; i++) loads.forEach((load, at) => shares.report(at + 1, load));
}

Deno.test("equal loads, whatever their height, and small differences give full shares", () => {
  for (const loads of [[0, 0, 0], [500, 500, 500], [3, 1, 2]]) {
    const shares = new LoadShares();
    report(shares, loads, 100);
    assertEquals([1, 2, 3].map((id) => shares.of(id)), [1, 1, 1]);
  }
});

Deno.test("a share falls quickly and rises slowly", () => {
  const shares = new LoadShares();
  report(shares, [60, 2, 2], 8);
  const low = shares.of(1);
  assert(low < 0.1, `it fell to ${low} only`);
  report(shares, [0, 2, 2], 8);
  assert(shares.of(1) < 0.5, `it rose to ${shares.of(1)} at once`);
  report(shares, [2, 2, 2], 200);
  assertEquals(shares.of(1), 1);
});

Deno.test("a share never falls to nothing: somebody has to find out that it is well again", () => {
  const shares = new LoadShares();
  report(shares, [1_000_000, 0], 1_000);
  assertEquals(shares.of(1), 0.01);
});

Deno.test("one report says little", () => {
  const shares = new LoadShares();
  report(shares, [2, 2], 10);
  report(shares, [12, 2], 1);
  assertEquals(shares.of(1), 1);
});

Deno.test("who is forgotten counts no longer", () => {
  const shares = new LoadShares();
  report(shares, [1_000, 2, 2], 10);
  shares.forget(1);
  report(shares, [], 0);
  for (let i = 0; i < 100; i++) for (const id of [2, 3]) shares.report(id, 2);
  assertEquals([1, 2, 3].map((id) => shares.of(id)), [1, 1, 1]);
});

/** A slow proc among three, under arrivals that it cannot serve its third of. */
Deno.test("three procs, one of them slow, come to have about as much to do", () => {
  const shares = new LoadShares();
  const rates = [10, 200, 200]; // exchanges that each can serve between two reports
  const queues = [0, 0, 0];
  const peaks: number[] = [];
  for (let step = 0; step < 400; step++) {
    const total = [1, 2, 3].reduce((sum, id) => sum + shares.of(id), 0);
    queues.forEach((queue, i) => {
      const arrivals = 120 * shares.of(i + 1) / total;
      queues[i] = Math.max(0, queue + arrivals - rates[i]!);
      shares.report(i + 1, queues[i]!);
    });
    if (step > 200) peaks.push(queues[0]!);
  }
  assert(Math.max(...peaks) < 40, `the slow one's queue grew to ${Math.max(...peaks)}`);
});
