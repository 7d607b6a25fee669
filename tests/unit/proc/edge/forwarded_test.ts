import { assertEquals } from "@std/assert";
import { TrustedPeers } from "../../../../src/config/values/cidr.ts";
import { FieldTable } from "../../../../src/proc/edge/field_table.ts";
import { ForwardedFields, type Origin } from "../../../../src/proc/edge/forwarded.ts";
import { parseForwarded, splitNode } from "../../../../src/proc/edge/forwarded_field.ts";

const SCHEMES = {
  "X-FORWARDED-PROTOCOL": "ssl",
  "X-FORWARDED-PROTO": "https",
  "X-FORWARDED-SSL": "on",
};

/** What the fields of a trusted peer come to; `host` is the request's. */
function resolve(
  fields: [string, string][],
  trusted = ["127.0.0.1", "10.0.0.0/8"],
  host = "inner",
): Origin | null {
  const table = new FieldTable(Object.keys(SCHEMES), false);
  const collected = new ForwardedFields(new TrustedPeers(trusted), SCHEMES);
  for (const [name, value] of fields) collected.take(table.at(0, name), value);
  return collected.resolve(host);
}

function address(value: string, trusted?: string[]): string | null | undefined {
  return resolve([["X-Forwarded-For", value]], trusted)?.address;
}

Deno.test("the client is the rightmost address that is not trusted", () => {
  assertEquals(address("203.0.113.9"), "203.0.113.9");
  assertEquals(address("6.6.6.6, 203.0.113.9"), "203.0.113.9");
  assertEquals(address("6.6.6.6, 203.0.113.9, 10.1.1.1, 10.2.2.2"), "203.0.113.9");
  assertEquals(address("10.1.1.1,10.2.2.2"), "10.1.1.1");
  assertEquals(address("6.6.6.6, 7.7.7.7", ["*"]), "6.6.6.6");
  assertEquals(address(" , ,203.0.113.9 ,"), "203.0.113.9");
});

Deno.test("repeated fields are one list", () => {
  const origin = resolve([["X-Forwarded-For", "6.6.6.6"], ["x-forwarded-for", "203.0.113.9"]]);
  assertEquals(origin?.address, "203.0.113.9");
});

Deno.test("nothing is believed behind a hop that is no address", () => {
  assertEquals(address("203.0.113.9, unknown"), null);
  assertEquals(address("203.0.113.9, unknown, 10.1.1.1"), "10.1.1.1");
  assertEquals(address("203.0.113.9, <script>, 10.1.1.1"), "10.1.1.1");
});

Deno.test("an address may have a port and brackets", () => {
  assertEquals(resolve([["X-Forwarded-For", "203.0.113.9:5000"]])?.port, 5000);
  assertEquals(address("[2001:DB8::1]:5000"), "2001:db8::1");
  assertEquals(address("2001:db8::1"), "2001:db8::1");
  assertEquals(splitNode("1.2.3.4:99999"), { address: "1.2.3.4", port: 0 });
  assertEquals(splitNode("1.2.3.4:_a-B.9"), { address: "1.2.3.4", port: 0 });
  assertEquals(splitNode("[::1]:_p"), { address: "::1", port: 0 });
  assertEquals(splitNode("1.2.3.4:p"), { address: "1.2.3.4:p", port: 0 });
  assertEquals(address("1.2.3.4:_p"), "1.2.3.4");
  assertEquals(splitNode("[::1]"), { address: "::1", port: 0 });
});

Deno.test("scheme and host come from the hop that spoke to the client, counted from the right", () => {
  const fields = (hops: string): [string, string][] => [
    ["X-Forwarded-For", hops],
    ["X-Forwarded-Proto", "https, http"],
    ["X-Forwarded-Host", "outer.example, inner.example"],
  ];
  const behindTwo = resolve(fields("203.0.113.9, 10.1.1.1"));
  assertEquals([behindTwo?.scheme, behindTwo?.host], ["https", "outer.example"]);
  // The client itself wrote the left items: they are not believed.
  const behindOne = resolve(fields("6.6.6.6, 203.0.113.9"));
  assertEquals([behindOne?.scheme, behindOne?.host], ["http", "inner.example"]);
});

Deno.test("secure_scheme_headers that disagree are a conflict, one that is absent is not", () => {
  const scheme = (...fields: [string, string][]) => resolve(fields)?.scheme;
  assertEquals(scheme(["X-Forwarded-Proto", "https"]), "https");
  assertEquals(scheme(["X-Forwarded-Proto", "http"]), "http");
  assertEquals(scheme(["X-Forwarded-Proto", "wss"]), "https");
  assertEquals(scheme(["X-Forwarded-Ssl", "on"], ["X-Forwarded-Proto", "HTTPS"]), "https");
  assertEquals(scheme(["X-Forwarded-Protocol", "ssl"]), "https");
  assertEquals(scheme(["X-Forwarded-Ssl", "on"], ["X-Forwarded-Proto", "http"]), undefined);
  assertEquals(resolve([["X-Forwarded-For", "1.1.1.1"]])?.scheme, null);
});

Deno.test("X-Forwarded-Port fills in for a host without a port", () => {
  const host = (fields: [string, string][], own?: string) => resolve(fields, undefined, own)?.host;
  assertEquals(host([["X-Forwarded-Port", "8443"], ["X-Forwarded-Host", "a"]]), "a:8443");
  assertEquals(host([["X-Forwarded-Port", "8443"], ["X-Forwarded-Host", "a:1"]]), "a:1");
  assertEquals(host([["X-Forwarded-Port", "8443"]], "own"), "own:8443");
  assertEquals(host([["X-Forwarded-Port", "8443"]], "[::1]"), "[::1]:8443");
  assertEquals(host([["X-Forwarded-Port", "80"]], "own"), null);
  assertEquals(host([["X-Forwarded-Port", "443"], ["X-Forwarded-Proto", "https"]], "own"), null);
  assertEquals(resolve([["X-Forwarded-Port", "80a"]]), null);
});

Deno.test("a forwarded host that is none is refused", () => {
  for (const bad of ["a/b", "u@a", "", "a b"]) {
    assertEquals(resolve([["X-Forwarded-Host", bad]])?.host ?? null, null, bad);
  }
  assertEquals(resolve([["X-Forwarded-Host", "a/b"]]), null);
});

Deno.test("Forwarded is read as RFC 7239 has it", () => {
  assertEquals(
    parseForwarded('For="[2001:db8::1]:47";Proto=https;host="a.example:8" , for=10.0.0.1;by=_x'),
    [
      { for: "[2001:db8::1]:47", proto: "https", host: "a.example:8" },
      { for: "10.0.0.1", proto: null, host: null },
    ],
  );
  assertEquals(parseForwarded('for="a\\"b"'), [{ for: 'a"b', proto: null, host: null }]);
  assertEquals(parseForwarded("for=a;constructor=b"), [{ for: "a", proto: null, host: null }]);
  for (
    const empty of [",, for=a,", "for=a;", ";for=a", "for=a;;by=b", "; ;for=a ; ;,;", ";,for=a"]
  ) {
    assertEquals(parseForwarded(empty), [{ for: "a", proto: null, host: null }], empty);
  }
  for (const nothing of ["", " ", ";", ",;,"]) assertEquals(parseForwarded(nothing), [], nothing);
  for (const bad of ["for", "for=a;for=b", 'for="a', "for=a b", "=a", ";=", "f(r=a"]) {
    assertEquals(parseForwarded(bad), null, bad);
  }
});

Deno.test("the element of Forwarded that counts is the client's hop", () => {
  const value = "for=6.6.6.6;host=evil, for=203.0.113.9;proto=https;host=a.example, for=10.0.0.1";
  assertEquals(resolve([["Forwarded", value]]), {
    address: "203.0.113.9",
    port: 0,
    scheme: "https",
    host: "a.example",
  });
  assertEquals(resolve([["Forwarded", "for=a b"]]), null);
  assertEquals(resolve([["Forwarded", "host=a/b"]]), null);
});

Deno.test("Forwarded and X-Forwarded-* must tell one story", () => {
  const both = (standard: string, loose: string) =>
    resolve([["Forwarded", standard], ["X-Forwarded-For", loose]]);
  assertEquals(both("for=203.0.113.9", "203.0.113.9")?.address, "203.0.113.9");
  assertEquals(both('for="[::ffff:203.0.113.9]"', "203.0.113.9")?.address, "203.0.113.9");
  assertEquals(both("for=6.6.6.6", "203.0.113.9"), null);
  assertEquals(both("proto=https", "203.0.113.9")?.scheme, "https");
  assertEquals(
    resolve([["Forwarded", "proto=https"], ["X-Forwarded-Proto", "http"]]),
    null,
  );
});
