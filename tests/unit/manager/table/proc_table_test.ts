import { assert, assertEquals } from "@std/assert";
import { APP_ERROR, Game, LIMITS, STATS } from "./game.ts";

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

Deno.test("who leaves behind others has as much time as they, whether or not they stand still", () => {
  const game = Game.running({ workers: 3, gracefulTimeoutMs: 0 });
  game.table.resize(0);
  assertEquals(game.decide(), ["drain 1 recycle", "drain 2 recycle", "drain 3 recycle"]);
  const killed: number[] = [];
  for (const asked = game.now; killed.length < 3;) {
    if (game.later().length > 0) killed.push(game.now - asked);
  }
  assertEquals(killed, [2_300, 3_800, 5_300]);
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
