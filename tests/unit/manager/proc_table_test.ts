import { assert, assertEquals } from "@std/assert";
import type { Decision } from "../../../src/manager/decision.ts";
import { type Limits, SIGNAL_SPREAD_MS } from "../../../src/manager/limits.ts";
import { ProcTable } from "../../../src/manager/proc_table.ts";
import { STABLE_MS } from "../../../src/manager/respawn.ts";

const LIMITS: Limits = {
  workers: 2,
  bootTimeoutMs: 60_000,
  heartbeatTimeoutMs: 30_000,
  gracefulTimeoutMs: 30_000,
  crashes: { rounds: 3, withinMs: 60_000 },
};
const STATS = { requests: 0, in_flight: 0, queued: 0, sessions: 0, rss: 0 };
const APP_ERROR = { exitCode: 4, message: "Cannot load the app", trace: "Error: no" };

/** A table with a clock, which plays procs that do as they are told. */
class Game {
  readonly table: ProcTable;
  now = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.table = new ProcTable({ ...LIMITS, ...limits });
  }

  /** What is decided now, one line each. */
  decide(): string[] {
    return this.table.decide(this.now).map(show);
  }

  /** Decides at the next deadline of the table's own. */
  later(): string[] {
    this.now = this.table.deadline(this.now);
    return this.decide();
  }

  ready(id: number): string[] {
    this.table.loaded(id, this.now);
    const decisions = this.decide();
    this.table.ready(id, this.now);
    return [...decisions, ...this.decide()];
  }

  exit(id: number, how = `proc ${id} ended`): string[] {
    this.table.exited(id, how, this.now);
    return this.decide();
  }

  /** A game whose first procs are ready, and have been for a while. */
  static running(limits: Partial<Limits> = {}): Game {
    const game = new Game(limits);
    for (const line of game.decide()) game.ready(Number(line.split(" ")[1]));
    game.pass(STABLE_MS);
    assert(game.table.booted);
    return game;
  }

  /** Time passes in which every proc gives signs of life. */
  pass(ms: number): void {
    this.now += ms;
    for (const { id } of this.table.procs) this.table.heartbeat(id, STATS, this.now);
  }

  get serving(): number[] {
    return this.table.procs.filter((proc) => proc.state === "ready").map((proc) => proc.id);
  }
}

function show(decision: Decision): string {
  switch (decision.type) {
    case "spawn":
      return `spawn ${decision.id} of ${decision.generation}` +
        (decision.replaces === null ? "" : ` for ${decision.replaces}`);
    case "drain":
      return `drain ${decision.id} ${decision.reason}`;
    case "kill":
      return decision.why === null ? `kill ${decision.id}` : `kill ${decision.id}: ${decision.why}`;
    case "listen":
    case "stop":
      return `${decision.type} ${decision.id}`;
    case "reload_committed":
      return `committed ${decision.generation}`;
    case "reload_abandoned":
      return `abandoned ${decision.generation}: ${decision.failure.message}`;
    case "fail":
      return `fail ${decision.failure.exitCode}: ${decision.failure.message}`;
  }
}

Deno.test("procs boot side by side and listen one after the other", () => {
  const game = new Game();
  assertEquals(game.decide(), ["spawn 1 of 1", "spawn 2 of 1"]);
  game.table.loaded(2, 0);
  game.table.loaded(1, 0);
  assertEquals(game.decide(), ["listen 1"]);
  assertEquals(game.decide(), [], "what was decided is not decided again");
  game.table.ready(1, 0);
  assertEquals(game.decide(), ["listen 2"]);
  game.table.ready(2, 0);
  assertEquals(game.decide(), []);
  assertEquals(game.serving, [1, 2]);
});

Deno.test("a failure while the first procs are started is told before all is over", () => {
  const game = new Game({ workers: 1 });
  game.table.decide(0);
  game.table.exited(1, "it cannot be started", 0);
  assert(!game.table.isOver);
  assertEquals(game.table.deadline(0), 0);
  assertEquals(game.decide(), ["fail 3: it cannot be started"]);
  assert(game.table.isOver);
});

Deno.test("a proc that fails at the first start ends everything with its own exit code", () => {
  const game = new Game();
  game.decide();
  game.ready(1);
  game.table.bootFailed(2, APP_ERROR);
  assertEquals(game.exit(2), ["fail 4: Cannot load the app", "stop 1"]);
  assert(!game.table.isOver);
  game.exit(1);
  assert(game.table.isOver);
});

Deno.test("a proc that ends at the first start without a word ends everything with code 3", () => {
  const game = new Game({ workers: 1 });
  game.decide();
  assertEquals(game.exit(1, "proc 1 was killed by SIGSEGV"), [
    "fail 3: proc 1 was killed by SIGSEGV",
  ]);
  assert(game.table.isOver);
});

Deno.test("a proc that does not become ready in time is killed, and ends the first start", () => {
  const game = new Game({ workers: 1 });
  game.decide();
  assertEquals(game.later(), ["kill 1: it was not ready within boot_timeout (60 s)"]);
  assertEquals(game.now, 60_000);
  assertEquals(game.exit(1), [
    "fail 3: Proc 1 is killed: it was not ready within boot_timeout (60 s)",
  ]);
});

Deno.test("a proc that had been ready for a while is replaced at once when it dies", () => {
  const game = Game.running();
  assertEquals(game.exit(1), ["spawn 3 of 1"]);
});

Deno.test("a proc that dies early is not replaced at once, and each time later", () => {
  const game = Game.running({ workers: 1, crashes: { rounds: 20, withinMs: 60_000 } });
  game.exit(1);
  const pauses: number[] = [];
  for (let id = 2; id < 7; id++) {
    game.ready(id);
    const died = game.now;
    assertEquals(game.exit(id), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1`]);
    pauses.push(game.now - died);
  }
  assertEquals(pauses, [100, 200, 400, 800, 1500]);
});

Deno.test("procs that die early too often end the server with code 3 and the last error", () => {
  const game = Game.running({ workers: 1 });
  game.exit(1);
  for (let id = 2; id < 5; id++) {
    assertEquals(game.exit(id), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1`]);
  }
  game.table.bootFailed(5, APP_ERROR);
  const [fail] = game.exit(5);
  assert(
    fail?.startsWith("fail 3: Procs crashed more than 3 times (crash_limit) within 60 s"),
    fail,
  );
  assert(fail?.endsWith("Cannot load the app"), fail);
  assert(game.table.isOver);
});

Deno.test("a crash loop beside a proc that serves ends nothing", () => {
  const game = Game.running();
  for (let id = 2; id < 12; id++) {
    game.exit(id);
    game.pass(6_000);
    assertEquals(game.decide(), id === 2 ? [] : [`spawn ${id + 1} of 1`]);
  }
  assertEquals(game.table.stopping, null);
  assertEquals(game.serving, [1]);
});

Deno.test("one blow that kills many procs ends nothing, and makes one pause", () => {
  const game = Game.running({ workers: 8 });
  for (let id = 1; id <= 8; id++) game.exit(id);
  const ids = Array.from({ length: 8 }, (_, i) => i + 9);
  for (const id of ids) game.ready(id);
  const died = game.now;
  for (const id of ids) assertEquals(game.exit(id), []);
  assertEquals(game.later(), ids.map((id) => `spawn ${id + 8} of 1`));
  assertEquals(game.now - died, 100);
});

Deno.test("many procs that crash again and again end the server in as many rounds as one", () => {
  for (const workers of [1, 8]) {
    const game = Game.running({ workers });
    let living = game.serving;
    for (const id of living) game.exit(id); // stable ones: no round
    for (let round = 1; round <= 4; round++) {
      living = game.table.procs.map(({ id }) => id);
      for (const id of living) game.ready(id);
      const lines = living.flatMap((id) => game.exit(id));
      const fails = lines.filter((line) => line.startsWith("fail 3: Procs crashed more than 3"));
      assertEquals([workers, round, fails.length], [workers, round, round === 4 ? 1 : 0]);
      if (round < 4) game.later();
    }
  }
});

Deno.test("procs that lose a thread soon, again and again, are replaced later each time, and end it", () => {
  const game = Game.running({ workers: 1, crashes: { rounds: 4, withinMs: 60_000 } });
  const why = "the app called Deno.exit(0)";
  const pauses: number[] = [];
  game.table.wishes(1, { why, cause: "loss" }, game.now);
  assertEquals(game.decide(), ["spawn 2 of 1 for 1"], "the first had served for long");
  for (let id = 2; id < 6; id++) {
    game.ready(id);
    game.exit(id - 1);
    const wished = game.now;
    assert(game.table.wishes(id, { why, cause: "loss" }, game.now));
    assertEquals(game.decide(), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1 for ${id}`]);
    pauses.push(game.now - wished);
  }
  assertEquals(pauses, [100, 200, 400, 800]);
  game.ready(6);
  game.exit(5);
  game.table.wishes(6, { why, cause: "loss" }, game.now);
  const [fail] = game.decide();
  assert(fail?.startsWith("fail 3: Procs crashed more than 4 times (crash_limit)"), fail);
  assert(fail?.endsWith(why), fail);
});

Deno.test("a proc with a thread less is none that a crash loop ends nothing beside", () => {
  const game = Game.running({ workers: 1, crashes: { rounds: 1, withinMs: 60_000 } });
  game.exit(1);
  game.ready(2);
  game.table.wishes(2, { why: "a thread died", cause: "loss" }, game.now);
  game.later();
  game.pass(STABLE_MS);
  assert(game.exit(3)[0]?.startsWith("fail 3"));
});

Deno.test("procs that reach their age soon are replaced later each time, which ends nothing", () => {
  const game = Game.running({ workers: 1, crashes: { rounds: 1, withinMs: 60_000 } });
  const pauses: number[] = [];
  game.exit(1);
  for (let id = 2; id < 10; id++) {
    game.ready(id);
    game.exit(id - 1);
    const wished = game.now;
    assert(game.table.wishes(id, { why: "max_rss", cause: "age" }, game.now));
    assertEquals(game.decide(), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1 for ${id}`]);
    pauses.push(game.now - wished);
  }
  assertEquals(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assertEquals(game.table.stopping, null);
});

Deno.test("the pause of procs that reach their age soon holds up none that takes a dead one's place", () => {
  const game = Game.running({ workers: 2 });
  game.exit(2);
  game.ready(3);
  game.table.wishes(3, { why: "max_rss", cause: "age" }, game.now);
  assertEquals(game.exit(1), ["spawn 4 of 1"]);
});

Deno.test("what a proc wishes that leaves already changes nothing", () => {
  const game = Game.running({ workers: 1, crashes: { rounds: 1, withinMs: 60_000 } });
  game.exit(1);
  game.ready(2);
  game.table.stop("graceful");
  game.decide();
  assert(!game.table.wishes(2, { why: "a thread died", cause: "loss" }, game.now));
  assertEquals(game.table.get(2)?.wish, null);
});

Deno.test("old early deaths with a sound proc between are forgotten", () => {
  const game = Game.running({ workers: 1 });
  game.exit(1);
  for (let id = 2; id < 40; id += 2) {
    assertEquals(game.exit(id), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1`]);
    game.ready(id + 1);
    game.pass(30_000);
    assertEquals(game.exit(id + 1), [`spawn ${id + 2} of 1`]);
  }
});

Deno.test("early deaths in succession end the server, however long each proc boots and lives", () => {
  const game = Game.running({ workers: 4 });
  let living = game.serving;
  for (const id of living) game.exit(id);
  for (let round = 1; round <= 4; round++) {
    game.pass(50_000);
    living = game.table.procs.map(({ id }) => id);
    for (const id of living) game.ready(id);
    game.pass(STABLE_MS - 1);
    const lines = living.flatMap((id) => game.exit(id));
    const fails = lines.filter((line) => line.startsWith("fail"));
    assertEquals([round, fails.length], [round, round === 4 ? 1 : 0]);
    if (round < 4) assertEquals(game.later().length, 4);
    else assert(fails[0]!.includes("more than 3 times (crash_limit) in succession"), fails[0]);
  }
});

Deno.test("a sound proc that somebody ends makes no succession of the crashes before and after", () => {
  const game = Game.running({ workers: 1 });
  game.exit(1);
  for (let id = 2; id < 40; id += 2) {
    assertEquals(game.exit(id), []);
    assertEquals(game.later(), [`spawn ${id + 1} of 1`]);
    game.ready(id + 1);
    game.pass(60_000);
    game.decide();
    game.table.goes(id + 1, true, game.now);
    game.pass(SIGNAL_SPREAD_MS);
    assertEquals(game.decide(), [`spawn ${id + 2} of 1`]);
    game.exit(id + 1);
  }
});

Deno.test("a silent proc is killed and replaced", () => {
  const game = Game.running();
  game.now += 20_000;
  game.table.heartbeat(2, STATS, game.now);
  assertEquals(game.later(), ["kill 1: it gave no sign of life for heartbeat_timeout (30 s)"]);
  assertEquals(game.exit(1), ["spawn 3 of 1"]);
});

Deno.test("a manager that stood still blames nobody for it", () => {
  const game = Game.running();
  game.now += 3_600_000;
  game.table.forgive(3_600_000);
  assertEquals(game.decide(), []);
});

Deno.test("a proc whose control channel is gone does not stay", () => {
  const game = Game.running();
  game.table.lost(1, game.now);
  assertEquals(game.decide(), []);
  assertEquals(game.later(), ["kill 1: its control channel is gone"]);
  assertEquals(game.exit(1), ["spawn 3 of 1"]);
});

Deno.test("a reload touches no old proc before the first new one is ready", () => {
  const game = Game.running();
  assertEquals(game.table.reload(LIMITS, game.now), 2);
  assertEquals(game.decide(), ["spawn 3 of 2 for 1"]);
  assertEquals(game.ready(3), ["listen 3", "committed 2", "drain 1 reload"]);
  game.exit(1);
  assertEquals(game.decide(), []);
  assertEquals(game.serving, [2, 3]);
});

Deno.test("a reload goes on one by one: the next waits until the last has gone, or for a while", () => {
  const game = Game.running({ workers: 3 });
  game.table.reload({ ...LIMITS, workers: 3 }, game.now);
  game.decide();
  game.ready(4);
  assertEquals(game.decide(), [], "proc 1 still leaves");
  assertEquals(game.exit(1), ["spawn 5 of 2 for 2"]);
  assertEquals(game.ready(5), ["listen 5", "drain 2 reload"]);
  assertEquals(game.later(), ["spawn 6 of 2 for 3"], "proc 2 takes its time");
  assertEquals(game.ready(6), ["listen 6", "drain 3 reload"]);
  assertEquals(game.serving, [4, 5, 6]);
  game.exit(2);
  assertEquals(game.exit(3), []);
});

Deno.test("a reload whose first proc fails leaves all as it was", () => {
  const game = Game.running();
  game.table.reload({ ...LIMITS, workers: 5 }, game.now);
  game.decide();
  game.table.bootFailed(3, APP_ERROR);
  assertEquals(game.exit(3), ["abandoned 2: Cannot load the app"]);
  assertEquals(game.serving, [1, 2]);
  assertEquals(game.table.target, 2);
  assertEquals(game.exit(1), ["spawn 4 of 1"], "the old configuration stays in force");
});

Deno.test("a reload whose first proc hangs at boot leaves all as it was", () => {
  const game = Game.running();
  game.table.reload(LIMITS, game.now);
  game.decide();
  for (let ms = 0; ms < 50_000; ms += 10_000) {
    game.pass(10_000);
    assertEquals(game.decide(), []);
  }
  assertEquals(game.later(), ["kill 3: it was not ready within boot_timeout (60 s)"]);
  assertEquals(game.exit(3), [
    "abandoned 2: Proc 3 is killed: it was not ready within boot_timeout (60 s)",
  ]);
  assertEquals(game.serving, [1, 2]);
});

Deno.test("a second reload overtakes the first", () => {
  const game = Game.running();
  game.table.reload(LIMITS, game.now);
  game.decide();
  assertEquals(game.table.reload(LIMITS, game.now), 3);
  assertEquals(game.decide(), ["kill 3", "spawn 4 of 3 for 1"]);
  assertEquals(game.exit(3), []);
  assertEquals(game.ready(4), ["listen 4", "committed 3", "drain 1 reload"]);
});

Deno.test("a reload takes on another number of workers", () => {
  const game = Game.running();
  game.table.reload({ ...LIMITS, workers: 1 }, game.now);
  game.decide();
  assertEquals(game.ready(3), ["listen 3", "committed 2", "drain 1 reload", "drain 2 recycle"]);
  game.table.reload({ ...LIMITS, workers: 3 }, game.now);
  game.decide();
  assertEquals(game.ready(4), [
    "listen 4",
    "committed 3",
    "drain 3 reload",
    "spawn 5 of 3",
    "spawn 6 of 3",
  ]);
});

Deno.test("one more while a reload is under way is one more after it, too", () => {
  const game = Game.running();
  game.table.reload({ ...LIMITS, workers: 3 }, game.now);
  game.decide();
  game.table.resize(3);
  assertEquals(game.decide(), ["spawn 4 of 1"]);
  game.ready(3);
  assertEquals(game.table.target, 4);
});

Deno.test("no procs are wanted after a reload either, where none are wanted during it", () => {
  const game = Game.running();
  game.table.reload(LIMITS, game.now);
  game.decide();
  game.table.resize(0);
  game.decide();
  game.ready(3);
  assertEquals(game.table.target, 0);
  assertEquals(game.serving, []);
});

Deno.test("a server that was told to have no procs while it boots is not ready", () => {
  const game = new Game({ workers: 1 });
  game.decide();
  game.table.reload({ ...LIMITS, workers: 1 }, game.now);
  game.decide();
  game.table.resize(0);
  game.ready(2);
  assertEquals(game.table.generation, 2);
  assert(!game.table.allServe);
  assert(!game.table.booted);
  game.table.resize(1);
  assertEquals(game.decide(), ["spawn 3 of 2"]);
  assert(!game.table.allServe);
  game.ready(3);
  assert(game.table.allServe);
  assert(game.table.booted);
});

Deno.test("a server is ready when it is told, while it boots, that those who serve are enough", () => {
  const game = new Game();
  game.decide();
  game.ready(1);
  assert(!game.table.booted);
  game.table.resize(1);
  assert(game.table.allServe);
  assert(game.table.booted);
});

Deno.test("a proc that dies while a reload is under way is replaced by one that is known to run", () => {
  const game = Game.running();
  game.table.reload(LIMITS, game.now);
  game.decide();
  assertEquals(game.exit(2), ["spawn 4 of 1"]);
});

Deno.test("a proc that is told to listen, and not needed any more, leaves when it listens", () => {
  for (const dismiss of ["reload", "resize", "stop"] as const) {
    const game = Game.running();
    const before = dismiss === "resize" ? 3 : 2;
    if (dismiss === "resize") game.table.resize(before);
    else game.table.reload(LIMITS, game.now);
    game.decide();
    game.table.loaded(3, game.now);
    assertEquals(game.decide(), ["listen 3"]);
    // Its connections would be lost with it from now on.
    if (dismiss === "reload") game.table.reload(LIMITS, game.now);
    else if (dismiss === "resize") game.table.resize(2);
    else game.table.stop("graceful");
    assert(!game.decide().includes("kill 3"), dismiss);
    if (dismiss === "reload") {
      game.table.loaded(4, game.now);
      assertEquals(game.decide(), [], "who listens first has to be known");
    }
    game.table.ready(3, game.now);
    const reason = { reload: "reload", resize: "recycle", stop: "stop" }[dismiss];
    const next = dismiss === "reload" ? ["listen 4"] : [];
    assertEquals(game.decide(), [`drain 3 ${reason}`, ...next]);
    assertEquals(game.decide(), []);
    assert(!game.serving.includes(3));
  }
});

Deno.test("a proc that is told to listen and never does is killed in the end", () => {
  const game = Game.running();
  game.table.reload(LIMITS, game.now);
  game.decide();
  game.table.loaded(3, game.now);
  game.decide();
  game.table.reload(LIMITS, game.now);
  game.decide();
  game.now += LIMITS.gracefulTimeoutMs + LIMITS.bootTimeoutMs;
  assert(game.decide().some((line) => line.startsWith("kill 3: it did not leave")));
});

Deno.test("an old proc that dies before its canary is ready costs no further proc", () => {
  const game = Game.running({ workers: 1 });
  game.table.reload({ ...LIMITS, workers: 1 }, game.now);
  game.decide();
  assertEquals(game.exit(1), ["spawn 3 of 1"]);
  assertEquals(game.ready(2), ["listen 2", "committed 2", "kill 3"]);
  assertEquals(game.serving, [2]);
});

Deno.test("a proc that wishes it is replaced, and only one at a time", () => {
  const game = Game.running();
  game.table.wishes(1, { why: "max_requests", cause: "work" }, game.now);
  game.table.wishes(2, { why: "max_requests", cause: "work" }, game.now);
  assertEquals(game.decide(), ["spawn 3 of 1 for 1"]);
  assertEquals(game.decide(), []);
  assertEquals(game.ready(3), ["listen 3", "drain 1 recycle"]);
  assertEquals(game.exit(1), ["spawn 4 of 1 for 2"]);
});

Deno.test("a proc that hangs is replaced before all others, and does not wait for room", () => {
  const game = Game.running({ workers: 3 });
  game.table.wishes(1, { why: "max_requests", cause: "work" }, game.now);
  game.decide();
  game.ready(4);
  game.table.wishes(2, { why: "max_requests", cause: "work" }, game.now);
  game.table.wishes(3, { why: "thread 1 hangs", cause: "hang" }, game.now);
  assertEquals(game.decide(), ["spawn 5 of 1 for 3"]);
});

Deno.test("a replacement that cannot boot costs nobody, and is tried again later", () => {
  const game = Game.running();
  game.table.wishes(1, { why: "max_rss", cause: "age" }, game.now);
  game.decide();
  game.table.bootFailed(3, APP_ERROR);
  assertEquals(game.exit(3), []);
  assertEquals(game.serving, [1, 2]);
  assertEquals(game.later(), ["spawn 4 of 1 for 1"]);
});

Deno.test("one more, one less: the oldest leaves", () => {
  const game = Game.running();
  game.table.resize(3);
  assertEquals(game.decide(), ["spawn 3 of 1"]);
  game.ready(3);
  game.table.resize(2);
  assertEquals(game.decide(), ["drain 1 recycle"]);
  assertEquals(game.serving, [2, 3]);
});

Deno.test("one more and one less at once: the one that serves nobody yet goes", () => {
  const game = Game.running();
  game.table.resize(3);
  game.decide();
  game.table.resize(2);
  assertEquals(game.decide(), ["kill 3"]);
});

Deno.test("without procs the manager stays, and a reload brings them back", () => {
  const game = Game.running();
  game.table.resize(0);
  assertEquals(game.decide(), ["drain 1 recycle", "drain 2 recycle"]);
  game.exit(1);
  game.exit(2);
  assert(!game.table.isOver);
  game.table.reload(LIMITS, game.now);
  assertEquals(game.decide(), ["spawn 3 of 2"]);
  assertEquals(game.ready(3), ["listen 3", "committed 2", "spawn 4 of 2"]);
});

Deno.test("a graceful stop drains who serves and kills who boots", () => {
  const game = Game.running();
  game.table.resize(3);
  game.decide();
  game.table.stop("graceful");
  assertEquals(game.decide(), ["drain 1 stop", "drain 2 stop", "kill 3"]);
  game.exit(1);
  game.exit(2);
  game.exit(3);
  assert(game.table.isOver);
});

Deno.test("a proc that does not leave within the graceful timeout and a margin is killed", () => {
  const game = Game.running({ workers: 1 });
  game.table.stop("graceful");
  game.decide();
  const asked = game.now;
  game.pass(31_999);
  assertEquals(game.decide(), []);
  assertEquals(game.later(), ["kill 1: it did not leave in the time it had"]);
  assertEquals(game.now - asked, 32_000);
});

Deno.test("a quick stop hurries who leaves already; the next one waits for nobody", () => {
  const game = Game.running();
  game.table.stop("graceful");
  game.decide();
  game.table.stop("quick");
  assertEquals(game.decide(), ["stop 1", "stop 2"]);
  game.table.stop("graceful");
  assertEquals(game.decide(), [], "nothing makes a stop slower");
  game.table.stop("now");
  assertEquals(game.decide(), ["kill 1", "kill 2"]);
});

Deno.test("a signal that reached a proc and then the manager starts no new proc in between", () => {
  const game = Game.running();
  game.table.goes(1, false, game.now);
  game.table.goes(2, false, game.now);
  assertEquals(game.decide(), []);
  game.exit(1);
  game.exit(2);
  game.table.stop("quick");
  assertEquals(game.decide(), []);
  assert(game.table.isOver);
});

Deno.test("a proc that was sent a signal alone is replaced a moment later", () => {
  const game = Game.running();
  game.table.goes(1, true, game.now);
  assertEquals(game.decide(), []);
  assertEquals(game.later(), ["spawn 3 of 1"]);
  assertEquals(game.exit(1), [], "its end is no crash");
});

Deno.test("a proc that dies of a signal while it boots at the first start is no failure of the app", () => {
  const game = new Game({ workers: 1 });
  game.decide();
  game.table.goes(1, false, game.now);
  assertEquals(game.exit(1), []);
  game.table.stop("quick");
  assertEquals(game.decide(), []);
  assert(game.table.isOver);
});
