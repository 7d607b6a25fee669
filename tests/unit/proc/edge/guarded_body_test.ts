import { assert, assertEquals, assertRejects } from "@std/assert";
import { Deadlines } from "../../../../src/proc/edge/deadlines.ts";
import {
  BODY_ALLOWANCE,
  BodyRefusal,
  GuardedBody,
} from "../../../../src/proc/edge/guarded_body.ts";

const LIMITS = { limit_request_body: 0, body_timeout: 30, body_min_rate: 0 };

/** A body that the test sends by hand, and the time in which it does. */
function upload(limits: Partial<typeof LIMITS>) {
  let ahead = 0;
  const deadlines = new Deadlines(() => performance.now() + ahead);
  const owner = { uploads: 0, consumed: 0, waiting: 0, cut() {} };
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (it) => void (controller = it),
    cancel: () => void (cancelled = true),
  });
  return {
    body: new GuardedBody(stream, { ...LIMITS, ...limits }, deadlines, owner),
    send: (bytes: number) => controller.enqueue(new Uint8Array(bytes)),
    end: () => controller.close(),
    fail: (error: Error) => controller.error(error),
    pass(ms: number) {
      ahead += ms;
      deadlines.turn();
    },
    cancelled: () => cancelled,
    deadlines,
    owner,
  };
}

async function statusOf(read: Promise<unknown>): Promise<number> {
  const error = await assertRejects(() => read, BodyRefusal);
  return (error as BodyRefusal).status;
}

Deno.test("a body within its limits is read to its end", async () => {
  const { body, send, end, deadlines, owner } = upload({ limit_request_body: 10 });
  assertEquals(owner.uploads, 1);
  send(6);
  send(4);
  end();
  assertEquals((await body.read())?.length, 6);
  assertEquals((await body.read())?.length, 4);
  assertEquals(await body.read(), null);
  assertEquals(owner.uploads, 0);
  assertEquals(owner.consumed, 10 * BODY_ALLOWANCE);
  body.cancel();
  assertEquals(owner.uploads, 0);
  assertEquals(deadlines.size, 0);
});

Deno.test("a body that is over, or broke off, is not kept until its deadline would have come", async () => {
  const whole = upload({ body_timeout: 30 });
  const pending = whole.body.read();
  assertEquals(whole.deadlines.size, 1);
  whole.end();
  await pending;
  assertEquals(whole.deadlines.size, 0);
  const broken = upload({ body_timeout: 30 });
  const read = statusOf(broken.body.read());
  broken.fail(new Error("reset"));
  assertEquals(await read, 400);
  assertEquals(broken.deadlines.size, 0);
});

Deno.test("a body that grows beyond its limit is refused, and read no further", async () => {
  const { body, send, cancelled } = upload({ limit_request_body: 10 });
  send(6);
  send(5);
  await body.read();
  assertEquals(await statusOf(body.read()), 413);
  assertEquals(cancelled(), true);
});

Deno.test("a body without progress is refused when body_timeout is over, and not before", async () => {
  const { body, send, pass, cancelled } = upload({ body_timeout: 30 });
  send(1);
  await body.read();
  const read = body.read();
  pass(29_000);
  assertEquals(cancelled(), false);
  pass(1_500);
  assertEquals(await statusOf(read), 408);
});

Deno.test("time in which nobody reads is not the client's", async () => {
  const { body, send, pass } = upload({ body_timeout: 30, body_min_rate: 1000 });
  send(1);
  await body.read();
  pass(3_600_000);
  send(1);
  assertEquals((await body.read())?.length, 1);
});

Deno.test("a body slower than body_min_rate is refused after its slow start, although it moves", async () => {
  const { body, send, pass, cancelled } = upload({ body_min_rate: 1000 });
  send(2000);
  await body.read();
  // Five seconds to begin with, and two for what has come.
  const read = body.read();
  pass(6_500);
  assertEquals(cancelled(), false);
  pass(1_000);
  assertEquals(await statusOf(read), 408);
});

Deno.test("without limits a body may take as long as it likes", async () => {
  const { body, send, pass } = upload({ body_timeout: 0 });
  const read = body.read();
  pass(1e9);
  send(1);
  assertEquals((await read)?.length, 1);
});

Deno.test("a body that breaks off, or breaks the rules, is refused with a reason", async () => {
  const broken = (message: string) =>
    new GuardedBody(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error(message)),
      }),
      LIMITS,
      new Deadlines(() => performance.now()),
      { uploads: 0, consumed: 0, waiting: 0, cut() {} },
    );
  await assertRejects(() => broken("reset").read(), BodyRefusal, "broke off");
  // Deno's words; an integration test sees them from Deno itself.
  const malformed = broken("invalid HTTP/1 request: Invalid").read();
  await assertRejects(() => malformed, BodyRefusal, "is malformed");
});

Deno.test("many small pieces are put together, and none is lost at the end", async () => {
  const { body, send, end, owner } = upload({});
  for (let i = 0; i < 500; i++) send(1 + i % 3);
  end();
  let [bytes, pieces] = [0, 0];
  for (let piece; (piece = await body.read()) !== null; pieces++) bytes += piece.byteLength;
  assertEquals(bytes, 999);
  assert(pieces < 500);
  assertEquals([owner.uploads, owner.waiting], [0, 0]);
});
