import { assertEquals, assertThrows } from "@std/assert";
import { HeldResponse } from "../../../../src/proc/wsgi/held_response.ts";

const text = new TextDecoder();
const bytes = (it: string) => new TextEncoder().encode(it);

/** What an exchange is told. */
class Told {
  readonly all: string[] = [];

  respond(status: number, _fields: unknown, body: string | Uint8Array | true | null): void {
    this.all.push(`${status} ${body instanceof Uint8Array ? text.decode(body) : body}`);
  }

  chunk(chunk: Uint8Array): void {
    this.all.push(text.decode(chunk));
  }

  end(): void {
    this.all.push("end");
  }
}

Deno.test("a streamed response whose end is there already is answered whole", () => {
  const [held, exchange] = [new HeldResponse(), new Told()];
  held.begin(exchange, 200, []);
  held.chunk(exchange, bytes("one "));
  held.chunk(exchange, bytes("two"));
  held.end(exchange);
  held.release();
  assertEquals(exchange.all, ["200 one two"]);
});

Deno.test("one whose end is not there becomes a stream, and stays one", () => {
  const [held, exchange] = [new HeldResponse(), new Told()];
  held.begin(exchange, 200, []);
  held.chunk(exchange, bytes("one "));
  held.release();
  held.chunk(exchange, bytes("two"));
  held.end(exchange);
  assertEquals(exchange.all, ["200 true", "one ", "two", "end"]);
});

Deno.test("what has a length of its own, no block, or much of them is a stream", () => {
  const [held, long] = [new HeldResponse(), "x".repeat(40_000)];
  for (
    const [fields, blocks] of [
      [[["content-length", "3"]], ["one"]],
      [[], []],
      [[], [long, long]],
    ] as [[string, string][], string[]][]
  ) {
    const exchange = new Told();
    held.begin(exchange, 200, fields);
    for (const block of blocks) held.chunk(exchange, bytes(block));
    held.end(exchange);
    assertEquals(exchange.all, ["200 true", ...blocks, "end"]);
  }
});

Deno.test("a response that was given up does not get into the next one's", () => {
  const [held, first, second] = [new HeldResponse(), new Told(), new Told()];
  held.begin(first, 200, []);
  held.chunk(first, bytes("one"));
  held.begin(second, 201, []);
  held.chunk(second, bytes("two"));
  held.end(second);
  assertEquals([first.all, second.all], [["200 true", "one"], ["201 two"]]);
});

Deno.test("one that cannot be sent is not tried again with the next", () => {
  const [held, exchange] = [new HeldResponse(), new Told()];
  const refusing = new Told();
  refusing.respond = () => {
    throw new Error("cannot be sent");
  };
  held.begin(refusing, 200, []);
  assertThrows(() => held.release(), Error, "cannot be sent");
  held.begin(exchange, 200, []);
  held.release();
  assertEquals(exchange.all, ["200 true"]);
});
