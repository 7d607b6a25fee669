import { assertEquals, assertRejects } from "@std/assert";
import { UploadStream } from "../../src/thread/upload_stream.ts";

const upload = () => new UploadStream(() => {});

Deno.test("a piece without bytes changes nothing", async () => {
  const body = upload();
  body.enqueue(new Uint8Array());
  body.enqueue(new Uint8Array([1]));
  body.enqueue(new Uint8Array());
  body.close();
  assertEquals(await new Response(body.readable).bytes(), new Uint8Array([1]));
});

Deno.test("a reader with a buffer of its own is told of the end", async () => {
  const body = upload();
  const reader = body.readable.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(8));
  body.close();
  assertEquals((await read).done, true);
});

Deno.test("only the reader hears of an end in the middle of what it asked for", async () => {
  const body = upload();
  const reader = body.readable.getReader({ mode: "byob" });
  const read = reader.read(new Uint16Array(8));
  body.enqueue(new Uint8Array([1]));
  body.close();
  await assertRejects(() => read, TypeError, "Insufficient bytes");
  body.enqueue(new Uint8Array([2]));
  body.close();
  body.fail("late");
});
