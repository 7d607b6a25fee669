/** Where lines go that wait, are cut, or are lost. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { Destination } from "../../../src/log/destination.ts";
import { type Opened, openOutput } from "../../../src/log/output.ts";
import { until } from "../../support/wait.ts";

/** A destination whose outputs take `room` bytes together, and then answer as `full` does. */
function destinationOf(full: () => null | never, identify = (path: string): string | null => path) {
  const seen = { text: "", room: Infinity };
  const write = (bytes: Uint8Array): number | null => {
    if (seen.room === 0) return full();
    const part = bytes.subarray(0, seen.room);
    seen.text += new TextDecoder().decode(part);
    seen.room -= part.length;
    return part.length;
  };
  const tellLost = (lost: number) => `${lost} lost\n`;
  const open = (path: string) => ({ output: { write, close() {} }, identity: identify(path) });
  return { destination: new Destination("-", tellLost, open), seen };
}

Deno.test("a record that was cut by a full disk does not run into the next one", () => {
  const { destination, seen } = destinationOf(() => {
    throw new Error("No space left on device");
  });
  seen.room = 5;
  destination.write("first record\n");
  destination.write("second\n");
  seen.room = Infinity;
  destination.write("third\n");
  assertEquals(seen.text, "first\nthird\n2 lost\n");
  destination.write("fourth\n");
  destination.close();
  assertEquals(seen.text, "first\nthird\n2 lost\nfourth\n");
});

Deno.test("how many records were lost is not forgotten when that line is lost too", () => {
  const { destination, seen } = destinationOf(() => {
    throw new Error("No space left on device");
  });
  seen.room = 0;
  destination.write("first\n");
  seen.room = "second\n".length;
  destination.write("second\n");
  seen.room = Infinity;
  destination.write("third\n");
  destination.close();
  assertEquals(seen.text, "second\nthird\n1 lost\n");
});

Deno.test("what a reader has no room for goes on where it stopped, in order, as soon as there is some", async () => {
  const { destination, seen } = destinationOf(() => null);
  seen.room = 5;
  destination.write("first record\n");
  destination.write("second\n");
  assertEquals(seen.text, "first");
  seen.room = Infinity;
  destination.write("third\n");
  await until("the rest is out", () => seen.text === "first record\nsecond\nthird\n");
  destination.close();
});

Deno.test("what waits for a reader has a bound, and what goes beyond it is counted where it lacks", async () => {
  const { destination, seen } = destinationOf(() => null);
  seen.room = 0;
  const line = `${"x".repeat(99_999)}\n`;
  for (let i = 0; i < 15; i++) destination.write(line);
  seen.room = Infinity;
  await until("what waited is out", () => seen.text.endsWith(`lost\n${line}`));
  destination.write("afterwards\n");
  destination.close();
  assertEquals(seen.text, `${line.repeat(10)}4 lost\n${line}afterwards\n`);
});

Deno.test("at the end what waits is written for as long as somebody reads, and not for long where nobody does", () => {
  const slow = destinationOf(() => {
    slow.seen.room = 10;
    return null;
  });
  slow.seen.room = 0;
  slow.destination.write(`${"x".repeat(200)}\n`);
  slow.destination.close();
  assertEquals(slow.seen.text.length, 201);

  const silent = destinationOf(() => null);
  silent.seen.room = 0;
  silent.destination.write("lost\n");
  silent.destination.close();
  assertEquals(silent.seen.text, "");
});

Deno.test("what waits when the log moves is the new place's, whole", () => {
  for (const identity of ["another's", null]) {
    const { destination, seen } = destinationOf(
      () => null,
      (path) => path === "-" ? null : identity,
    );
    seen.room = 5;
    destination.write("first record\n");
    destination.write("second\n");
    destination.moveTo("elsewhere");
    seen.text = "";
    seen.room = Infinity;
    destination.close();
    assertEquals(seen.text, "first record\nsecond\n");
  }
});

Deno.test("what waits when a pipe is opened anew goes on where it stopped", () => {
  const { destination, seen } = destinationOf(() => null, () => "the pipe");
  seen.room = 5;
  destination.write("first record\n");
  destination.moveTo("pipe");
  seen.room = 3;
  destination.write("second\n");
  destination.moveTo("pipe");
  seen.room = Infinity;
  destination.close();
  assertEquals(seen.text, "first record\nsecond\n");
});

Deno.test("a record that was cut runs into none after the file was opened anew; another file begins with a line", () => {
  for (const [identity, between] of [["one", "\n"], [null, ""]] as const) {
    const { destination, seen } = destinationOf(() => {
      throw new Error("No space left on device");
    }, () => identity);
    seen.room = 5;
    destination.write("first record\n");
    destination.moveTo("file");
    destination.moveTo("file");
    seen.room = Infinity;
    destination.write("second\n");
    destination.close();
    assertEquals(seen.text, `first${between}second\n1 lost\n`);
  }
});

Deno.test({
  name: "a file is known again, by whatever name; a new one under the same name is another",
  permissions: { read: true, write: true, ffi: true, sys: true },
  fn() {
    const directory = Deno.makeTempDirSync();
    const opened: Opened[] = [];
    const identityOf = (name: string) => {
      opened.push(openOutput(`${directory}/${name}`));
      return opened.at(-1)?.identity;
    };
    const first = identityOf("error.log");
    assertEquals(typeof first, "string");
    Deno.symlinkSync("error.log", `${directory}/link`);
    assertEquals(identityOf("link"), first);
    Deno.removeSync(`${directory}/error.log`);
    assertNotEquals(identityOf("error.log"), first);
    for (const { output } of opened) output.close();
    Deno.removeSync(directory, { recursive: true });
  },
});
