/** Moving to another Deno begins here: what these tests name is what src/deno has to be changed for. */

import { assert, assertEquals } from "@std/assert";
import { probe } from "../../../src/deno/probe.ts";

const SRC = new URL("../../../src/", import.meta.url);

Deno.test("this Deno is built as denicorn knows it", async () => {
  assertEquals(await probe(), { fallback: null, lacks: [] });
});

Deno.test("an app that puts a Response of its own in Deno's place changes nothing of that", async () => {
  const { Response } = globalThis;
  globalThis.Response = class extends Response {
    constructor() {
      super("another");
    }
  };
  try {
    assertEquals(await probe(), { fallback: null, lacks: [] });
  } finally {
    globalThis.Response = Response;
  }
});

Deno.test("where nobody can listen on 127.0.0.1 a unix socket serves to look at it", async () => {
  const script = new URL("found.ts", import.meta.url).pathname;
  const flags = ["--unstable-net", "--unstable-no-legacy-abort", "--deny-net=127.0.0.1"];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...flags, script],
    stderr: "inherit",
  }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), { fallback: null, lacks: [] });
});

Deno.test("nobody else looks for what Deno hides", () => {
  const lookers: string[] = [];
  const look = (folder: URL) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = new URL(isDirectory ? `${name}/` : name, folder);
      if (isDirectory) look(path);
      else if (name.endsWith(".ts")) {
        const text = Deno.readTextFileSync(path);
        if (/getOwnPropertySymbols|\bDeno\b.*\.internal\b|deno\/hidden\.ts/.test(text)) {
          lookers.push(path.href.slice(SRC.href.length));
        }
      }
    }
  };
  look(SRC);
  assertEquals(lookers, ["deno/hidden.ts"]);
});

async function factsOf(...args: string[]): Promise<{ missing: number; facts: unknown }> {
  const script = new URL("facts.ts", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...args],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("requests and responses are the same where all of it is hidden", async () => {
  const found = await factsOf();
  const hidden = await factsOf("hide");
  assertEquals(hidden.facts, found.facts);
  assertEquals(found.missing, 0);
  assert(hidden.missing > 5);
});
