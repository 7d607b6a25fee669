import { assert, assertEquals } from "@std/assert";
import { bannerLines, readyLine } from "../../../src/log/banner.ts";
import { configIn } from "../config/support.ts";

const banner = (argv: readonly string[], file: string | null = null) =>
  bannerLines(configIn({ argv }), file).slice(1);

Deno.test("the banner says in few lines what runs where", () => {
  const lines = bannerLines(configIn({ argv: ["-w", "2", "-t", "3"] }), "denicorn.yaml");
  assert(lines[0]?.includes(`process id ${Deno.pid}`), lines[0]);
  assertEquals(lines.slice(1), [
    "Listening at http://127.0.0.1:8000/",
    "Serving DIR/app.ts (fetch) in 2 worker processes with 3 threads each",
    "Configuration: denicorn.yaml; log level info",
  ]);
});

Deno.test("one process, one thread and none are named as what they are", () => {
  const [, one] = banner(["-w", "1"]);
  assertEquals(one, "Serving DIR/app.ts (fetch) in 1 worker process with 1 thread");
  const [, none] = banner(["-w", "0", "-t", "0", "-b", ":1", "-b", "unix:@x"]);
  assertEquals(none, "Serving DIR/app.ts (fetch) in this one process, inline");
  assertEquals(
    banner(["-b", ":1", "-b", "unix:@x"])[0],
    "Listening at http://localhost:1/ and unix:@x",
  );
});

Deno.test("that it is ready is said with what serves where, and after which time", () => {
  const ready = (...argv: string[]) => readyLine(configIn({ argv }), 449);
  assertEquals(
    ready("-w", "2"),
    "Ready: 2 worker processes serve http://127.0.0.1:8000/ after 0.4 s",
  );
  assertEquals(
    ready("-w", "1", "-b", "unix:@x"),
    "Ready: 1 worker process serves unix:@x after 0.4 s",
  );
  assertEquals(
    ready("-w", "0"),
    "Ready: this one process serves http://127.0.0.1:8000/ after 0.4 s",
  );
});
