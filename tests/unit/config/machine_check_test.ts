import { assertThrows } from "@std/assert";
import type { Loaded } from "../../../src/config/load.ts";
import { checkMachine } from "../../../src/config/machine_check.ts";
import { ConfigError } from "../../../src/errors.ts";

const check = (name: string, value: string) =>
  checkMachine(
    { values: new Map([[name, { value, from: "command line" }]]) } as unknown as Loaded,
  );

Deno.test({
  name: "a directory or file is missing where it is known to be, not where nobody may look",
  permissions: { read: ["/usr"], sys: true },
  fn() {
    for (const name of ["pid", "error_log", "access_log"]) {
      check(name, "/etc/some.file");
      check(name, "/usr/some.file");
      for (const directory of ["/usr/nowhere", "/usr/bin/env"]) {
        const why = `${name} (command line): there is no directory ${directory}`;
        assertThrows(() => check(name, `${directory}/some.file`), ConfigError, why);
      }
    }
    check("hooks", "/etc/hooks.ts");
    for (const path of ["/usr/hooks.ts", "/usr/bin/env/hooks.ts", "/usr/bin"]) {
      const why = `hooks (command line): there is no file ${path}`;
      assertThrows(() => check("hooks", path), ConfigError, why);
    }
  },
});
