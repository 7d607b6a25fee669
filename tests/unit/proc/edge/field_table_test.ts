import { assertEquals } from "@std/assert";
import { FieldKind, FieldTable } from "../../../../src/proc/edge/field_table.ts";

Deno.test("a name is known in every case, at every place", () => {
  const table = new FieldTable(["X-Forwarded-Proto"], false);
  for (const name of ["Content-Length", "CONTENT-LENGTH", "content-length"]) {
    for (const place of [0, 7, 0]) {
      const field = table.at(place, name);
      assertEquals(field, {
        name,
        lower: "content-length",
        prefix: "\ncontent-length\n",
        kind: FieldKind.contentLength,
      });
    }
  }
  assertEquals(table.at(0, "x-forwarded-PROTO").kind, FieldKind.forwardedScheme);
  assertEquals(table.at(0, "X-Other").kind, FieldKind.plain);
});

Deno.test("a client that makes up names forever gets right answers and fills no memory", () => {
  const table = new FieldTable([], false);
  for (let i = 0; i < 5000; i++) assertEquals(table.at(1, `X-${i}`).lower, `x-${i}`);
  assertEquals(table.at(1, "Host").kind, FieldKind.host);
  assertEquals(table.at(1, "Content_Type").kind, FieldKind.underscore);
});

Deno.test("kept underscores are ordinary names", () => {
  assertEquals(new FieldTable([], true).at(0, "Content_Type").kind, FieldKind.plain);
});
