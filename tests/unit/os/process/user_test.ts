import { assert, assertEquals, assertThrows } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { becomeIdentity, findIdentity } from "../../../../src/os/process/user.ts";
import { runDeno } from "../run_deno.ts";

const ignore = libcUnavailable() !== null;
const USER = new URL("../../../../src/os/process/user.ts", import.meta.url).href;

Deno.test("users and groups are found by name and by number", { ignore }, () => {
  assertEquals(findIdentity(null, null), null);
  assertEquals(findIdentity("root", null), { uid: 0, gid: 0, name: "root" });
  assertEquals(findIdentity("0", null), { uid: 0, gid: 0, name: "root" });
  assertEquals(findIdentity("root", "1234")?.gid, 1234);
  assertEquals(findIdentity("54321", "54322"), { uid: 54321, gid: 54322, name: null });
  assertEquals(findIdentity(null, "0"), { uid: Deno.uid() ?? -1, gid: 0, name: null });
});

Deno.test("an unknown user or group, or a number without a group, is an error that names it", {
  ignore,
}, () => {
  assertThrows(() => findIdentity("no-such-user", null), Error, '"no-such-user": no such user');
  assertThrows(() => findIdentity(null, "no-such-group"), Error, "no such group");
  assertThrows(() => findIdentity("54321", null), Error, "set group as well");
  assertThrows(() => findIdentity("4294967295", "0"), Error, "above");
});

Deno.test("to become who one is already needs no privilege", { ignore }, () => {
  becomeIdentity({ uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, name: null });
});

Deno.test("a proc that becomes nobody is nobody in all its threads, and cannot go back", {
  ignore: ignore || Deno.uid() !== 0,
}, async () => {
  const { code, out } = await runDeno(`
    import { becomeIdentity, findIdentity } from ${JSON.stringify(USER)};
    const identity = findIdentity("nobody", null);
    becomeIdentity(identity);
    const ids = new Set();
    for (const { name } of Deno.readDirSync("/proc/self/task")) {
      const status = Deno.readTextFileSync("/proc/self/task/" + name + "/status");
      ids.add(status.match(/^Uid:.*$/m)[0].replaceAll("\\t", " "));
    }
    console.log(identity.uid, Deno.uid(), Deno.gid() === identity.gid, [...ids].join());
    console.log(Deno.readTextFileSync("/proc/self/status").match(/^Groups:.*$/m)[0].trim());
    try { becomeIdentity({ uid: 0, gid: 0, name: "root" }); } catch (error) {
      console.log(error.message);
    }
  `);
  assertEquals(code, 0, out);
  const [ids = "", groups = "", back = ""] = out.split("\n");
  const uid = ids.split(" ")[0];
  assertEquals(ids, `${uid} ${uid} true Uid: ${uid} ${uid} ${uid} ${uid}`);
  assert(!/\b0\b/.test(groups), groups);
  assertEquals(
    back,
    "Cannot become user root, group 0 (that takes root: start denicorn as root, or leave user and " +
      "group out): setgid failed: Operation not permitted (errno 1)",
  );
});
