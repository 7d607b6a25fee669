/** Bodies of every size and content: none may be cut, mixed up or taken for text that it is not. */

import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { startWsgi } from "./app.ts";

const encoder = new TextEncoder();

/** As in the app, conformance/responses.py. */
const PATTERNS: Readonly<Record<string, Uint8Array>> = {
  ascii: Uint8Array.from({ length: 127 - 32 }, (_, i) => 32 + i),
  zero: encoder.encode("a".repeat(100) + "\0"),
  zeros: new Uint8Array(1),
  latin1: Uint8Array.from("d\xe9j\xe0 vu ", (it) => it.charCodeAt(0)),
  utf8: encoder.encode("déjà vu, 既視感, 👀 "),
  bytes: Uint8Array.from({ length: 256 }, (_, i) => i),
};

/**
 * Where something changes: what is cut out of a slab, what is streamed, pieces of it, the window. Of
 * the larger ones some fill up what is left of the ring, and begin again at its start.
 */
const THRESHOLDS = [4, 100, 256, 2048, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];
const SIZES = [0, 1, 2, ...THRESHOLDS.flatMap((size) => [size - 1, size, size + 1, size + 3])];
const CLIENTS = 8;

function expected(kind: string, size: number): Uint8Array {
  const pattern = PATTERNS[kind]!;
  return Uint8Array.from({ length: size }, (_, i) => pattern[(size + i) % pattern.length]!);
}

for (const [what, list] of [["returned whole", 1], ["yielded in parts", 0]] as const) {
  sceneTest(`bodies of every size and content cross whole, ${what}`, async (scene) => {
    const server = await startWsgi(scene, "conformance", { threads: 2 });
    const all = Object.keys(PATTERNS).flatMap((kind) => SIZES.map((size) => ({ kind, size })));
    // Several at once, so that records of all sizes lie beside one another in the rings.
    const client = async () => {
      for (let it; (it = all.pop()) !== undefined;) {
        const { kind, size } = it;
        const url = `http://127.0.0.1:${server.port}/body?kind=${kind}&size=${size}&list=${list}`;
        const response = await fetch(url);
        const found = new Uint8Array(await response.arrayBuffer());
        const name = `${kind}, ${size} bytes`;
        assertEquals(response.headers.get("x-kind"), kind, name);
        assertEquals(found.length, size, name);
        const right = expected(kind, size);
        const wrong = found.findIndex((byte, at) => byte !== right[at]);
        assertEquals(wrong, -1, `${name}: the first wrong byte`);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  });
}
