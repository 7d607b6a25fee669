import { assertEquals } from "@std/assert";
import { methodAndPath, methodAndPathOf } from "../../../src/log/method_and_path.ts";

for (
  const [url, expected] of [
    ["http://a:8000/", "GET /"],
    ["http://a/b/c?token=secret", "GET /b/c"],
    ["http://a/b#secret", "GET /b"],
    ["http://a?x=/secret", "GET /"],
    ["http://user:secret@a/b", "GET /b"],
    ["http://a//b/../c?x=http://secret/", "GET //b/../c"],
    ["http://a/b?\nsecret", "GET /b"],
  ] as const
) {
  Deno.test(`the error log names ${JSON.stringify(url)} without what is nobody's business`, () => {
    assertEquals(methodAndPath({ method: "GET", url }), expected);
    const head = `GET\n${url.replaceAll("\n", "")}\nhost\na`;
    assertEquals(methodAndPathOf(head), expected);
  });
}
