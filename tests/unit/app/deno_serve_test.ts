import { assertEquals, assertMatch } from "@std/assert";
import { load, ok } from "./load.ts";

for (
  const [overload, call] of Object.entries({
    "a handler": `Deno.serve(() => new Response("own"))`,
    "options and a handler": `Deno.serve({ port: 3000 }, () => new Response("own"))`,
    "options with a handler": `Deno.serve({ port: 3000, handler: () => new Response("own") })`,
    "a unix path": `Deno.serve({ path: "/x.sock" }, () => new Response("own"))`,
  })
) {
  Deno.test(`an app that calls Deno.serve with ${overload} is served`, async () => {
    const report = await load(call);
    assertEquals(report.error, null);
    assertEquals(report.answers, ["200 own"]);
    assertEquals(report.log.length, 1);
    assertMatch(
      report.log[0]!,
      /^info The app calls Deno\.serve\(\) for .*: denicorn serves it at/,
    );
  });
}

Deno.test(
  "an app that calls Deno.serve later, while it starts, is waited for",
  ok(
    `async function main() {
       await new Promise((resolve) => setTimeout(resolve, 20));
       Deno.serve(() => new Response("late"));
     }
     main();`,
    {},
    ["200 late"],
  ),
);

Deno.test(
  "an app whose top level waits for the end of its server is served",
  ok(`await Deno.serve(() => new Response("up")).finished;`, {}, ["200 up"]),
);

Deno.test(
  "an app whose top level never ends after Deno.serve is served",
  ok(`Deno.serve(() => new Response("up")); await new Promise(() => {});`, {}, ["200 up"]),
);

Deno.test(
  "onListen of Deno.serve and its addr tell where denicorn listens",
  ok(
    `let at = "";
     const server = Deno.serve({ port: 1, onListen: (a) => { at = "" + a.port } },
       () => new Response(at + " " + server.addr.port));`,
    {},
    ["200 4567 4567"],
  ),
);

Deno.test(
  "onError makes the response for what the handler throws or wrongly returns",
  ok(
    `Deno.serve({ onError: (e) => new Response(e.constructor.name, { status: 502 }) }, (r) => {
       const { pathname } = new URL(r.url);
       if (pathname === "/throw") throw new RangeError();
       if (pathname === "/reject") return Promise.reject(new SyntaxError());
       return pathname === "/none" ? undefined : new Response("fine");
     });`,
    { paths: ["/throw", "/reject", "/none", "/fine"] },
    ["502 RangeError", "502 SyntaxError", "502 TypeError", "200 fine"],
  ),
);

Deno.test("a second Deno.serve gets no request and a warning", async () => {
  const report = await load(
    `Deno.serve({ port: 1 }, () => new Response("first"));
     Deno.serve({ port: 2 }, () => new Response("second"));`,
  );
  assertEquals(report.answers, ["200 first"]);
  assertMatch(report.log[1]!, /^warning The app calls Deno\.serve\(\) for port 2 while its/);
});

Deno.test("shutdown ends the server when its requests are answered, and another may follow", async () => {
  const report = await load(
    `let answer;
     const first = Deno.serve((r) => {
       if (new URL(r.url).pathname !== "/shutdown") return new Response("too late");
       first.shutdown();
       return new Promise((resolve) => { answer = resolve });
     });
     let ended = false;
     first.finished.then(() => { ended = true });
     globalThis.again = () => {
       answer(new Response("bye"));
       return first.finished.then(() => { Deno.serve(() => new Response("second " + ended)); });
     };`,
    { paths: ["&/shutdown", "/refused", "!again", "/"] },
  );
  assertEquals(report.answers, ["503 Service Unavailable\n", "200 bye", "200 second true"]);
});

Deno.test("an aborted signal ends the server at once", async () => {
  const report = await load(
    `const abort = new AbortController();
     const server = Deno.serve({ signal: abort.signal }, () => new Promise(() => {}));
     globalThis.stop = () => { abort.abort(); return server.finished; };`,
    { paths: ["&/hangs", "!stop", "/"] },
  );
  assertEquals(report.answers[0], "503 Service Unavailable\n");
});

Deno.test("a default export is served rather than a server that the module starts as well", async () => {
  const report = await load(
    `Deno.serve({ port: 9090 }, () => new Response("metrics"));
     export default { fetch: () => new Response("app") };`,
  );
  assertEquals(report.answers, ["200 app"]);
  assertMatch(report.log.at(-1)!, /^warning The app's Deno\.serve\(\) gets no request: its export/);
});

Deno.test("Deno.serve without a handler fails as Deno's own does", async () => {
  const report = await load(`Deno.serve({ port: 1 });`);
  assertMatch(report.error!.message, /TypeError: Cannot serve HTTP requests: handler must be a/);
});
