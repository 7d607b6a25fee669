/** What the table of procs makes of crashes, and of other ends that nobody asked for. */

import { assert, assertEquals } from "@std/assert";
import { SIGNAL_SPREAD_MS } from "../../../../src/manager/table/limits.ts";
import { STABLE_MS } from "../../../../src/manager/table/respawn.ts";
import { APP_ERROR, Game } from "./game.ts";

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
