/** The word that tells a thread of what was given up (proc/wsgi/words.ts). */

import { assertEquals } from "@std/assert";
import { Words } from "../../../../src/proc/wsgi/words.ts";
import { WsgiWord } from "../../../../src/protocol/wsgi/wsgi.ts";

Deno.test("an exchange that a thread is done with takes no other one's word that it is given up", () => {
  const words = new Words(() => {});
  const { memory } = words;
  memory[WsgiWord.current] = 7;
  words.abort(7);
  assertEquals(memory[WsgiWord.aborted], 7);
  const bell = memory[WsgiWord.bell];
  // Its client leaves with the end of the response untaken.
  words.abort(6);
  assertEquals(memory[WsgiWord.aborted], 7);
  assertEquals(memory[WsgiWord.bell], bell);
  memory[WsgiWord.current] = 8;
  words.abort(8);
  assertEquals(memory[WsgiWord.aborted], 8);
});
