import { assert, assertEquals } from "@std/assert";
import { Recycling, RSS_SAMPLES } from "../../../src/proc/recycling.ts";

const NONE = { max_requests: 0, max_requests_jitter: 0, max_lifetime: 0, max_rss: 0 };
const STATS = { requests: 0, in_flight: 0, queued: 0, sessions: 0, rss: 100 };
const FOREVER_MS = 1e12;

Deno.test("without limits a proc serves for ever", () => {
  const recycling = new Recycling({ ...NONE, max_requests_jitter: 10 });
  assertEquals(recycling.reason({ ...STATS, requests: 1e12, rss: 1e12 }, FOREVER_MS), null);
});

Deno.test("max_requests is reached with its jitter, which may be all or nothing", () => {
  const config = { ...NONE, max_requests: 100, max_requests_jitter: 10 };
  for (const [random, limit] of [[0, 100], [0.5, 105], [0.999, 110]] as const) {
    const recycling = new Recycling(config, () => random);
    assertEquals(recycling.reason({ ...STATS, requests: limit - 1 }, 0), null);
    assert(recycling.reason({ ...STATS, requests: limit }, 0)?.why.includes("max_requests"));
  }
});

Deno.test("it is said once", () => {
  const recycling = new Recycling({ ...NONE, max_requests: 1 });
  assert(recycling.reason({ ...STATS, requests: 1 }, 0) !== null);
  assertEquals(recycling.reason({ ...STATS, requests: 2 }, 0), null);
});

Deno.test("max_lifetime is never exceeded, and spread below that", () => {
  for (const random of [0, 0.999]) {
    const recycling = new Recycling({ ...NONE, max_lifetime: 100 }, () => random);
    assertEquals(recycling.reason(STATS, 89_000), null);
    assert(recycling.reason(STATS, 100_000)?.why.includes("max_lifetime"));
  }
});

Deno.test("one sample above max_rss is no reason, several in a row are", () => {
  const recycling = new Recycling({ ...NONE, max_rss: 1_000 });
  const above = { ...STATS, rss: 1_001 };
  for (let i = 1; i < RSS_SAMPLES; i++) assertEquals(recycling.reason(above, 0), null);
  assertEquals(recycling.reason(STATS, 0), null);
  for (let i = 1; i < RSS_SAMPLES; i++) assertEquals(recycling.reason(above, 0), null);
  assert(recycling.reason(above, 0)?.why.includes("stays above 1000 bytes (max_rss)"));
});

Deno.test("a max_rss that not even the first sample is within is told as one to be raised", () => {
  const recycling = new Recycling({ ...NONE, max_rss: 1_000 });
  const above = { ...STATS, rss: 1_001 };
  for (let i = 1; i < RSS_SAMPLES; i++) assertEquals(recycling.reason(above, 0), null);
  const { why, cause } = recycling.reason(above, 0)!;
  assert(why.includes("never been within max_rss (1000)") && why.includes("raise max_rss"), why);
  assertEquals(cause, "age");
});
