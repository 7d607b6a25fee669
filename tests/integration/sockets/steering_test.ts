import { assert, assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../src/os/libc.ts";
import { connect, local } from "../../support/http.ts";
import { ask, census, readName, startGroup } from "./group.ts";

const ignore = libcUnavailable() !== null;

Deno.test("steering moves every new connection to the one socket that is kept", {
  ignore,
}, async () => {
  await using group = new AsyncDisposableStack();
  const members = (await startGroup(3)).map((member) => group.use(member));
  const port = members[0]!.port;
  for (const member of members) await member.tell("serve");
  for (const kept of [2, 0, 1]) {
    // Any member may attach: the program is the group's.
    await members[(kept + 1) % 3]!.tell("steer", [0, 1, 2].map((i) => i === kept ? 1 : 0));
    assertEquals(await census(port, 100), { [kept]: 100 });
  }
  await members[0]!.tell("steer", []);
  assertEquals(Object.keys(await census(port, 300)).sort(), ["0", "1", "2"]);
  // Nothing is attached any more: to undo it twice is no error.
  await members[0]!.tell("steer", []);
});

Deno.test("weights spread the connections as they say", { ignore }, async () => {
  await using group = new AsyncDisposableStack();
  const members = (await startGroup(3)).map((member) => group.use(member));
  for (const member of members) await member.tell("serve");
  await members[1]!.tell("steer", [1, 6, 3]);
  const answers = await census(members[0]!.port, 2_000);
  // 5 standard deviations: a fair program fails this once in a million runs.
  for (const [name, share] of [["0", 0.1], ["1", 0.6], ["2", 0.3]] as const) {
    const tolerance = 5 * Math.sqrt(2_000 * share * (1 - share));
    const off = Math.abs((answers[name] ?? 0) - 2_000 * share);
    assert(off < tolerance, `${name} got ${answers[name]} of 2000, expected ${2_000 * share}`);
  }
});

Deno.test("when a socket closes, the last takes its place; beyond the last the hash chooses", {
  ignore,
}, async () => {
  await using group = new AsyncDisposableStack();
  const members = (await startGroup(3)).map((member) => group.use(member));
  for (const member of members) await member.tell("serve");
  const port = members[0]!.port;
  await members[0]!.kill();
  await members[1]!.tell("steer", [1]);
  assertEquals(await census(port, 50), { "2": 50 });
  await members[1]!.tell("steer", [0, 1]);
  assertEquals(await census(port, 50), { "1": 50 });
  await members[1]!.tell("steer", [0, 0, 0, 1]);
  assertEquals(Object.keys(await census(port, 200)).sort(), ["1", "2"]);
});

Deno.test("a socket that is steered away from still serves what waits in its queue", {
  ignore,
}, async () => {
  await using group = new AsyncDisposableStack();
  const [leaving, kept] = (await startGroup(2)).map((member) => group.use(member));
  const address = local(leaving!.port);
  await kept!.tell("serve");
  await leaving!.tell("steer", [1, 0]);
  const waiting = await Promise.all(Array.from({ length: 20 }, () => connect(address)));
  assertEquals(await leaving!.tell("queued"), "queued 20 511");
  await leaving!.tell("steer", [0, 1]);
  assertEquals(await ask(address), "1");
  await leaving!.tell("serve");
  const names = await Promise.all(waiting.map(readName));
  assertEquals(names, Array(20).fill("0"));
  assertEquals(await leaving!.tell("queued"), "queued 0 511");
});

Deno.test("a second listen() changes the backlog of a socket in use", { ignore }, async () => {
  await using group = new AsyncDisposableStack();
  const [member] = (await startGroup(1)).map((each) => group.use(each));
  await member!.tell("backlog", 7);
  assertEquals(await member!.tell("queued"), "queued 0 7");
});
