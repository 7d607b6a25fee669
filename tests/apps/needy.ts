/** An app that tries what needs permission, and says what came of it. */

import { greeting } from "./needy_part.ts";

const attempts: Record<string, () => unknown> = {
  net: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  read: () => Deno.readTextFileSync("/etc/passwd"),
  write: () => Deno.removeSync("/no/such/file"),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command("true").outputSync(),
  ffi: () => Deno.dlopen("libc.so.6", {}),
  sys: () => Deno.hostname(),
};

export default {
  fetch(): Response {
    const results: Record<string, string> = { greeting };
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        attempt();
        results[name] = "granted";
      } catch (error) {
        const { name: kind } = error as Error;
        results[name] = kind === "NotCapable" ? "refused" : "granted";
      }
    }
    return Response.json(results);
  },
};
