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

Deno.test("a reader that wants more at once than is left gets what is left, and then the end", async () => {
  const body = upload();
  for (const size of [1000, 500, 1]) body.enqueue(new Uint8Array(size));
  body.close();
  const reader = body.readable.getReader({ mode: "byob" });
  const read = async () => {
    const { done, value } = await reader.read(new Uint8Array(1000), { min: 700 });
    return [done, value?.byteLength];
  };
  assertEquals(await read(), [false, 1000]);
  assertEquals(await read(), [true, 501]);
  assertEquals(await read(), [true, 0]);
  await reader.closed;
});

Deno.test("elements of several bytes: the last read fails when a part of one is left in the queue", async () => {
  const body = upload();
  body.enqueue(new Uint8Array(5));
  body.close();
  const reader = body.readable.getReader({ mode: "byob" });
  assertEquals((await reader.read(new Uint16Array(8))).value?.length, 2);
  await assertRejects(() => reader.read(new Uint16Array(8)), TypeError, "Insufficient bytes");
});

Deno.test("what is queued at the end is read by both branches of a tee, and may be cancelled", async () => {
  const body = upload();
  body.enqueue(new Uint8Array([1, 2]));
  body.enqueue(new Uint8Array([3]));
  body.close();
  const [one, other] = body.readable.tee();
  const both = await Promise.all([one, other].map((branch) => new Response(branch).bytes()));
  assertEquals(both, [new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3])]);

  const unread = upload();
  unread.enqueue(new Uint8Array([1]));
  unread.close();
  await unread.readable.cancel();
  unread.fail("late");
  assertEquals((await unread.readable.getReader().read()).done, true);
});
