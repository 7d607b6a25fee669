import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { absoluteApp, appDirectory, appFile, interfaceOf } from "../../../src/config/app.ts";
import { BadValue } from "../../../src/config/values/bad_value.ts";
import { configIn, refusalIn } from "./support.ts";

Deno.test("the form of an app tells how it is called", () => {
  const fetch = [
    "app.ts",
    "./src/app.tsx",
    "/srv/app.js:handler",
    "app.mjs:createApp()",
    "app.cts",
    "main.jsx",
    "https://example.org/app.ts",
    "file:///srv/app",
    "npm:hono-app@1/main",
    "jsr:@a/b",
    "data:text/javascript,export default 1",
  ];
  const wsgi = [
    "app:app",
    "shop.wsgi:application",
    "shop:create_app()",
    'shop:make("x.cfg", debug=True)',
    "größe:app",
  ];
  for (const app of fetch) assertEquals(interfaceOf(app), "fetch", app);
  for (const app of wsgi) assertEquals(interfaceOf(app), "wsgi", app);
});

Deno.test("an app whose form does not tell is refused with what may be meant", () => {
  const cases = [
    ["app", "did you mean app.ts, or app:app for Python?"],
    ["shop.wsgi", "did you mean shop.wsgi:application?"],
    ["app.py", "did you mean app:app?"],
    ["./shop/wsgi.py", "did you mean shop.wsgi:app?"],
    ["app.py:application", "did you mean app:application?"],
    ["src/", "write it as app.ts"],
    [".", "--interface fetch or wsgi"],
    ["my-app:app", "does not tell what it is"],
    ["app.ts:routes.fetch", "names no export: what follows the file is one name"],
    ["/srv/app.mjs:create(1)", "(app.ts:name, app.ts:create())"],
  ] as const;
  for (const [app, message] of cases) {
    assertThrows(() => interfaceOf(app), BadValue, message, app);
  }
});

Deno.test("the refusal says where the app was named", () => {
  assertEquals(
    refusalIn({ file: "app: app.py", app: false }),
    'app (denicorn.yaml:1): "app.py" is a file, and Python apps are named by module: ' +
      "did you mean app:app?",
  );
  for (
    const [typed, meant] of [
      ["./shop/web.py", "shop.web:app"],
      ["../shop/web.py:site", "--chdir ../shop web:site"],
      ["/srv/my-shop/web.py", "--chdir /srv/my-shop web:app"],
    ] as const
  ) {
    const refusal = refusalIn({ argv: [typed], app: false });
    assert(refusal.endsWith(`did you mean ${meant}?`), refusal);
  }
  assertStringIncludes(
    refusalIn({ argv: ["app"], app: false }),
    'app (command line APP): "app" does not',
  );
});

Deno.test("--interface forces what the form does not tell", () => {
  const forced = (...argv: string[]) => {
    const { app, interface: kind } = configIn({ argv, app: false });
    return [app, kind];
  };
  assertEquals(forced("--interface", "wsgi", "app"), ["app", "wsgi"]);
  assertEquals(forced("--interface", "fetch", "server:main"), ["DIR/server:main", "fetch"]);
  assertEquals(
    refusalIn({ argv: ["--interface", "rack"] }),
    'command line: --interface: "rack" is none of auto, fetch, wsgi',
  );
});

Deno.test("a path becomes absolute; a URL, a package and a Python module stay", () => {
  assertEquals(absoluteApp("./a/app.ts:x", "fetch", "/srv"), "/srv/a/app.ts:x");
  assertEquals(absoluteApp("/x/app.ts", "fetch", "/srv"), "/x/app.ts");
  assertEquals(absoluteApp("npm:app", "fetch", "/srv"), "npm:app");
  assertEquals(absoluteApp("https://a/b.ts", "fetch", "/srv"), "https://a/b.ts");
  assertEquals(absoluteApp("a.b:c", "wsgi", "/srv"), "a.b:c");
});

Deno.test("a URL that can be no file's is refused where the app was named", () => {
  for (const [url, why] of [["file://app.ts", "host"], ["file:///a%2Fapp.ts:x", "encoded"]]) {
    const refusal = refusalIn({ argv: [url!], app: false });
    assertStringIncludes(refusal, `app (command line APP): "${url}" is no file's URL (`);
    assertStringIncludes(refusal, why!);
    assertStringIncludes(refusal, "write file:///PATH");
  }
});

Deno.test("the app's file is told without the export's name", () => {
  assertEquals(appFile("/srv/app.ts:createApp()"), "/srv/app.ts");
  assertEquals(appFile("/srv/a:b.ts"), "/srv/a:b.ts");
  assertEquals(appFile("/srv/server:main"), "/srv/server");
  assertEquals(appFile("file:///srv/a%20b.ts:x"), "/srv/a b.ts");
  assertEquals(appFile("npm:app"), null);
  assertEquals(appFile("https://example.org/app.ts"), null);
  assertEquals(appDirectory("/srv/app.ts:x"), "/srv");
  assertEquals(appDirectory("jsr:@a/b"), null);
});
