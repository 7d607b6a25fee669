import { assertEquals, assertThrows } from "@std/assert";
import { BadValue } from "../../../../src/config/values/bad_value.ts";
import { type Bind, bindUrl, parseBind, showBind } from "../../../../src/config/values/bind.ts";

const tcp = (hostname: string, port: number): Bind => ({ transport: "tcp", hostname, port });
const unix = (path: string): Bind => ({ transport: "unix", path });

Deno.test("every form of an address is understood", () => {
  const cases: readonly (readonly [string, Bind])[] = [
    ["127.0.0.1:8000", tcp("127.0.0.1", 8000)],
    ["example.org:80", tcp("example.org", 80)],
    ["[::1]:80", tcp("::1", 80)],
    ["[::]:80", tcp("::", 80)],
    ["[fe80::1%eth0]:80", tcp("fe80::1%eth0", 80)],
    ["[FE80::1%2]:80", tcp("FE80::1%2", 80)],
    [":80", tcp("0.0.0.0", 80)],
    ["*:80", tcp("0.0.0.0", 80)],
    ["80", tcp("127.0.0.1", 80)],
    ["0", tcp("127.0.0.1", 0)],
    ["http://localhost:80", tcp("localhost", 80)],
    ["tcp://127.0.0.1:80", tcp("127.0.0.1", 80)],
    ["unix:/run/app.sock", unix("/run/app.sock")],
    ["unix:app.sock", unix("app.sock")],
    ["unix:///run/app.sock", unix("/run/app.sock")],
    ["unix:@app", unix("@app")],
    ["unix://@app", unix("@app")],
    ["fd://3", { transport: "fd", fd: 3 }],
    ["fd:3", { transport: "fd", fd: 3 }],
    ["fd://web", { transport: "named", name: "web" }],
    ["fd://denicorn.socket", { transport: "named", name: "denicorn.socket" }],
  ];
  for (const [text, bind] of cases) assertEquals(parseBind(text), bind, text);
});

Deno.test("what is no address says what is wrong and how to write one", () => {
  const cases = [
    ["localhost", "is no address: write it as HOST:PORT"],
    ["localhost", "did you mean localhost:8000?"],
    ["localhost:", "is no address"],
    [":x", "is no address"],
    ["1.2.3.4:-1", "is no address"],
    ["1.2.3.4:65536", "has a port above 65535"],
    ["::1:80", "an IPv6 address goes in brackets"],
    ["::1", "an IPv6 address goes in brackets"],
    ["[::zz]:80", "has no IPv6 address in its brackets"],
    ["[127.0.0.1]:80", "has no IPv6 address in its brackets"],
    ["[::1]", "did you mean [::1]:8000?"],
    ["a b:80", "is no address"],
    ["8000:80", "has a port for a host"],
    ["a/b:80", "is no address"],
    ["unix:", "has no path"],
    ["unix:@", "has no path"],
    ["[fe80::1]:80", "is link-local and needs its interface: write it as [fe80::1%eth0]:PORT"],
    ["[fe80::1%]:80", "is link-local and needs its interface"],
    ["[fe80::1%a b]:80", "is link-local and needs its interface"],
    ["[fe80::1%a/b]:80", "is link-local and needs its interface"],
    ["[fe80::1%a%b]:80", "is link-local and needs its interface"],
    ["[::1%lo]:80", "has a zone, which only a link-local address"],
    ["fd://", "write it as fd://3 or fd://NAME"],
    ["fd://-1", "write it as fd://3 or fd://NAME"],
    ["fd://3.5", "write it as fd://3 or fd://NAME"],
    ["fd://3x", "write it as fd://3 or fd://NAME"],
    ["fd://a:b", "write it as fd://3 or fd://NAME"],
    ["fd://a b", "write it as fd://3 or fd://NAME"],
    [`fd://${"x".repeat(256)}`, "write it as fd://3 or fd://NAME"],
    ["fd://1048576", "has a descriptor above 1048575"],
    ["", "is no address"],
    ["[::1", "is no address"],
  ] as const;
  for (const [text, message] of cases) assertThrows(() => parseBind(text), BadValue, message, text);
});

Deno.test("a shown address reads as the same one", () => {
  for (
    const text of [
      "127.0.0.1:8000",
      "[::1]:80",
      "[fe80::1%eth0]:80",
      "unix:/a b",
      "unix:@x",
      "fd://3",
      "fd://web",
    ]
  ) {
    assertEquals(showBind(parseBind(text)), text);
  }
});

Deno.test("an address becomes a URL that can be opened", () => {
  const url = (text: string, scheme: "http" | "https" = "http") => bindUrl(parseBind(text), scheme);
  assertEquals(url("8000"), "http://127.0.0.1:8000/");
  assertEquals(url(":8000"), "http://localhost:8000/");
  assertEquals(url("[::]:8000"), "http://[::1]:8000/");
  assertEquals(url("[::1]:80"), "http://[::1]/");
  assertEquals(url(":443", "https"), "https://localhost/");
  assertEquals(url("unix:/x"), "unix:/x");
});
