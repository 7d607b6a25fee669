/** How the table of procs goes about a reload. */

import { assert, assertEquals } from "@std/assert";
import { APP_ERROR, Game, LIMITS } from "./game.ts";

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
