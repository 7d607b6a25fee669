/** Which calls of a WSGI app are taken for hanging (proc/wsgi/call_watch.ts). */

import { assertEquals } from "@std/assert";
import { type Caller, CallWatch } from "../../../../src/proc/wsgi/call_watch.ts";

const TIMEOUT_MS = 1_000;
const SWEEP_MS = 250;

interface Known {
  responded: boolean;
  activeAt: number;
  readonly request: { readonly method: string; readonly url: string };
}

/** Threads, and what is known of their exchanges, over time. */
function scene(threads = 1) {
  const exchanges = new Map<number, Known>();
  const callers = Array.from(
    { length: threads },
    (): Caller => ({ current: 0, answered: 0, responsive: true, silentMs: 0 }),
  ) as { -readonly [key in keyof Caller]: Caller[key] }[];
  const watch = new CallWatch<Caller>({
    exchanges: exchanges as never,
    sockets: { get: () => undefined, giveUp: () => null },
  });
  let now = 0;
  return {
    exchanges,
    callers,
    get now() {
      return now;
    },
    /** An exchange begins on the first thread. */
    begin(id: number): Known {
      const request = { method: "GET", url: `http://localhost/${id}` };
      const known = { responded: false, activeAt: now, request };
      exchanges.set(id, known);
      callers[0]!.current = id;
      return known;
    },
    /** Sweeps for so long. Returns what was found. */
    pass(ms: number, { queued = 0, step = SWEEP_MS } = {}): string[] {
      const found: string[] = [];
      for (const end = now + ms; now < end;) {
        now += step;
        const overdue = watch.overdue(callers, queued, now, TIMEOUT_MS);
        found.push(...overdue.map(([, what]) => what));
      }
      return found;
    },
  };
}

Deno.test("a call whose client has left has its timeout, from its begin, and not more", () => {
  const it = scene();
  it.begin(1);
  it.pass(500);
  it.exchanges.delete(1);
  assertEquals(it.pass(500), []);
  assertEquals(it.pass(500), ["GET /1, whose client has left"]);
});

Deno.test("a call has its timeout from when its body last came on", () => {
  const it = scene();
  const known = it.begin(1);
  it.pass(5_000);
  known.activeAt = it.now;
  it.pass(250);
  it.exchanges.delete(1);
  assertEquals(it.pass(750), []);
  assertEquals(it.pass(250), ["GET /1, whose client has left"]);
});

Deno.test("of an exchange that is waited for nothing is said, whatever it does", () => {
  const it = scene();
  const known = it.begin(1);
  assertEquals(it.pass(3_000, { queued: 1 }), []);
  known.responded = true;
  assertEquals(it.pass(3_000, { queued: 1 }), []);
});

Deno.test("what streams has its timeout from when its client has left, and longer if none waits", () => {
  const it = scene(2);
  const [thread, other] = it.callers;
  const known = it.begin(1);
  known.responded = true;
  thread!.answered = 1;
  it.pass(5_000, { queued: 1 });
  it.exchanges.delete(1);
  other!.current = 2;
  it.exchanges.set(2, { ...known, activeAt: it.now });
  assertEquals(it.pass(500, { queued: 1 }), []);
  assertEquals(it.pass(5_000), [], "who waited has left");
  other!.current = 0;
  assertEquals(it.pass(5_000, { queued: 1 }), [], "a thread is free");
  other!.current = 2;
  assertEquals(it.pass(250, { queued: 1 }), ["what follows the response to GET /1"]);
});

Deno.test("who has waited for as long as it may counts when it has been given up, too", () => {
  const it = scene();
  it.begin(1).responded = true;
  it.callers[0]!.answered = 1;
  it.pass(250);
  it.exchanges.delete(1);
  assertEquals(it.pass(1_000, { queued: 1 }), []);
  assertEquals(it.pass(250), ["what follows the response to GET /1"]);
});

Deno.test("one call after another, each shorter than timeout, is none that hangs", () => {
  const it = scene();
  for (let id = 1; id < 10; id++) {
    it.begin(id);
    it.exchanges.delete(id);
    assertEquals(it.pass(750, { queued: 1 }), []);
  }
});

Deno.test("a thread that is suspected already is not told of again", () => {
  const it = scene();
  it.begin(1);
  it.exchanges.delete(1);
  it.callers[0]!.responsive = false;
  assertEquals(it.pass(5_000), []);
});

Deno.test("time in which the server itself stood still counts against nobody", () => {
  const it = scene();
  it.begin(1);
  it.pass(250);
  it.exchanges.delete(1);
  assertEquals(it.pass(3_600_000, { step: 3_600_000 }), []);
  assertEquals(it.pass(1_000).length > 0, true);
});
