import { assertEquals } from "@std/assert";
import { Claims, mayBegin } from "../../../src/protocol/queue/claims.ts";

Deno.test("an exchange is begun by its thread or taken back by the server, never both", () => {
  const claims = new Claims(2);
  const begun = claims.queue();
  assertEquals(mayBegin(claims.shared, begun), true);
  assertEquals(claims.revoke(begun), false);
  const revoked = claims.queue();
  assertEquals(claims.revoke(revoked), true);
  assertEquals(mayBegin(claims.shared, revoked), false);
});

Deno.test("a revoked slot is used again only after its thread has passed it over", () => {
  const claims = new Claims(1);
  const slot = claims.queue();
  claims.revoke(slot);
  assertEquals(claims.queue(), -1);
  mayBegin(claims.shared, slot);
  assertEquals(claims.queue(), slot);
});

Deno.test("what is given up before it has begun is not begun any more", () => {
  const claims = new Claims(1);
  const slot = claims.queue();
  claims.release(slot);
  assertEquals(mayBegin(claims.shared, slot), false);
  assertEquals(claims.queue(), slot);
});

Deno.test("a slot is free again when its exchange is over", () => {
  const claims = new Claims(1);
  const slot = claims.queue();
  mayBegin(claims.shared, slot);
  claims.release(slot);
  assertEquals(claims.queue(), slot);
});

Deno.test("an exchange without a slot belongs to its thread", () => {
  const claims = new Claims(1);
  claims.queue();
  assertEquals(claims.queue(), -1);
  assertEquals(mayBegin(claims.shared, -1), true);
});
