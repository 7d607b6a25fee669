import { assert, assertEquals } from "@std/assert";
import {
  formatAddress,
  parseAddress,
  parsePeerPattern,
  TrustedPeers,
} from "../../../../src/config/values/cidr.ts";

Deno.test("addresses are read strictly and written as RFC 5952 has them", () => {
  const same: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["10:0:0:1:0:0:0:0", "10:0:0:1::"],
  ];
  for (const [text, canonical] of same) {
    const bytes = parseAddress(text);
    assertEquals(formatAddress(bytes!), canonical);
    assertEquals(parseAddress(canonical), bytes);
  }
});

Deno.test("what is not exactly an address is none", () => {
  const bad = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "0x1.2.3.4",
    " 1.2.3.4",
    "1.2.3.4:80",
    "1:2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    "1:",
    ":1",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7::8",
    "::1.2.3",
    "1.2.3.4::",
    "unknown",
    "_hidden",
    "fe80::1%eth0",
  ];
  for (const text of bad) assertEquals(parseAddress(text), null, text);
});

Deno.test("networks hold what their bits say, in both families", () => {
  const trusted = new TrustedPeers(["10.0.0.0/8", "192.168.4.128/25", "fd00::/7", "2001:db8::5"]);
  for (const inside of ["10.255.0.1", "192.168.4.129", "::ffff:10.0.0.1", "fc00::1", "fdff::"]) {
    assert(trusted.has(inside), inside);
  }
  assert(trusted.has("2001:db8:0::5"));
  for (const outside of ["11.0.0.1", "192.168.4.127", "fe00::1", "2001:db8::6", "::1", "x", ""]) {
    assert(!trusted.has(outside), outside);
  }
  assert(new TrustedPeers(["0.0.0.0/0"]).has("8.8.8.8"));
  assert(!new TrustedPeers(["0.0.0.0/0"]).has("2001::1"));
  assert(new TrustedPeers(["::/0"]).has("2001::1"));
});

Deno.test("unix and everyone are words of their own", () => {
  assert(new TrustedPeers(["unix"]).unix);
  assert(!new TrustedPeers(["unix"]).has("127.0.0.1"));
  assert(!new TrustedPeers(["127.0.0.1"]).unix);
  const everyone = new TrustedPeers(["*"]);
  assert(everyone.unix && everyone.has("1.2.3.4"));
  assert(!new TrustedPeers([]).has("127.0.0.1"));
});

Deno.test("patterns that mean nothing are told from those that do", () => {
  for (const bad of ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10/8", "10.0.0.0/08", "a", "/8"]) {
    assertEquals(parsePeerPattern(bad), null, bad);
  }
  for (const good of ["*", "unix", "10.0.0.1", "10.0.0.0/8", "10.0.0.0/0", "::1", "fd00::/8"]) {
    assert(parsePeerPattern(good) !== null, good);
  }
});
