import { assertEquals, assertThrows } from "@std/assert";
import { pathToFileURL } from "node:url";
import { AppLoadError } from "../../../src/errors.ts";
import { parseAppSpecifier } from "../../../src/app/app_specifier.ts";

const HELLO = "examples/hello.ts";
const HELLO_URL = pathToFileURL(HELLO).href;

function parsed(shown: string): [url: string, name: string | null, call: boolean] {
  const { url, name, call } = parseAppSpecifier(shown);
  return [url, name, call];
}

Deno.test("a path is a file relative to the current directory", () => {
  assertEquals(parsed(HELLO), [HELLO_URL, null, false]);
  assertEquals(parsed("./" + HELLO), [HELLO_URL, null, false]);
  assertEquals(parsed(Deno.cwd() + "/" + HELLO), [HELLO_URL, null, false]);
});

Deno.test("an export is named after a colon, a factory with parentheses", () => {
  assertEquals(parsed(HELLO + ":app"), [HELLO_URL, "app", false]);
  assertEquals(parsed(HELLO + ":$create_app2()"), [HELLO_URL, "$create_app2", true]);
});

Deno.test("the colons of a URL are not mistaken for that of an export", () => {
  const none = [
    "https://example.com/app.ts",
    "https://example.com:8443/app.ts",
    "https://example.com:8443",
    "http://[::1]:8000/a.ts",
    "npm:some-app",
    "npm:some-app@1.2.3",
    "npm:@scope/some-app@1.2.3/server",
    "jsr:@scope/app@^1",
    "data:text/javascript,export default 1",
    HELLO_URL,
  ];
  for (const url of none) assertEquals(parsed(url), [url, null, false]);
  for (const url of none.filter((url) => !url.startsWith("data:") && url.includes("app"))) {
    assertEquals(parsed(url + ":app"), [url, "app", false]);
  }
});

Deno.test("a file whose name has a colon, a space, a hash or a percent sign is found", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (const name of ["a:b", "with space.ts", "a#b.ts", "50%25.ts"]) {
      const path = `${dir}/${name}`;
      await Deno.writeTextFile(path, "export default () => new Response();");
      const { url } = parseAppSpecifier(path);
      assertEquals(new URL(url).href, pathToFileURL(path).href);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a path that is no file is refused with the nearest one that is", () => {
  const missing = assertThrows(() => parseAppSpecifier("examples/hello"), AppLoadError);
  assertEquals(/did you mean \/.*\/examples\/hello\.ts\?/.test(missing.message), true);
  const directory = assertThrows(() => parseAppSpecifier("examples"), AppLoadError);
  assertEquals(/examples is a directory/.test(directory.message), true);
  const named = assertThrows(() => parseAppSpecifier("nowhere.ts:app"), AppLoadError);
  assertEquals(/there is no file .*\/nowhere\.ts;/.test(named.message), true);
  assertEquals(named.exitCode, 4);
});
