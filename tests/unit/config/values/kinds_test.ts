import { assertEquals, assertThrows } from "@std/assert";
import { BadValue } from "../../../../src/config/values/bad_value.ts";
import {
  bytes,
  choice,
  integer,
  type Kind,
  octal,
  optional,
  path,
  type Raw,
  seconds,
  share,
  text,
  toggle,
} from "../../../../src/config/values/kinds.ts";
import {
  list,
  origins,
  pairs,
  peers,
  permissions,
} from "../../../../src/config/values/kinds_many.ts";

function accepts<T>(kind: Kind<T>, cases: readonly (readonly [Raw, T])[]) {
  for (const [raw, value] of cases) assertEquals(kind.parse(raw), value, JSON.stringify(raw));
}

function refuses<T>(kind: Kind<T>, cases: readonly (readonly [Raw, string])[]) {
  for (const [raw, message] of cases) {
    assertThrows(() => kind.parse(raw), BadValue, message, JSON.stringify(raw));
  }
}

Deno.test("a time is seconds or has a unit", () => {
  const kind = seconds({ min: 0, max: 86_400 });
  accepts(kind, [
    ["30", 30],
    [" 2.5 ", 2.5],
    ["0", 0],
    [".5", 0.5],
    ["30s", 30],
    ["500ms", 0.5],
    ["1ms", 0.001],
    ["2m", 120],
    ["2 min", 120],
    ["1.5H", 5_400],
    ["1d", 86_400],
  ]);
  refuses(kind, [
    ["5y", "is not a time"],
    ["", "is not a time"],
    ["1e3", "is not a time"],
    ["-1", "is not a time"],
    ["1s2", "is not a time"],
    ["Infinity", "is not a time"],
    ["NaN", "is not a time"],
    ["constructor", "is not a time"],
    ["2d", "is too large: the most is 86400 seconds"],
  ]);
  refuses(seconds({ min: 2, max: 3 }), [["1.9", "is too small: the least is 2 seconds"]]);
});

Deno.test("a size is bytes or has a unit", () => {
  const kind = bytes({ min: 1, max: 2 ** 40 });
  accepts(kind, [
    ["4094", 4_094],
    ["10MB", 10_000_000],
    ["10 MiB", 10 * 1_048_576],
    ["8k", 8_192],
    ["1.5KiB", 1_536],
    ["1GiB", 2 ** 30],
    ["1gb", 1e9],
    ["7b", 7],
  ]);
  refuses(kind, [
    ["10XB", "is not a size"],
    ["", "is not a size"],
    ["-1", "is not a size"],
    ["0", "is too small: the least is 1 bytes"],
    ["2000GiB", "is too large"],
  ]);
});

Deno.test("a whole number is in its range and nothing else", () => {
  const kind = integer({ min: 0, max: 10 });
  accepts(kind, [["0", 0], ["10", 10], ["+3", 3], [" 3 ", 3]]);
  refuses(kind, [
    ["11", "is too large: the most is 10"],
    ["-1", "is too small: the least is 0"],
    ["1.0", "is not a whole number from 0 to 10"],
    ["1e1", "is not a whole number"],
    ["0x1", "is not a whole number"],
    ["", "is not a whole number"],
    ["99999999999999999999", "is not a whole number"],
    [null, "has no value"],
    [["1"], "is a list, where one value is expected"],
    [{ a: "1" }, "is a map, where one value is expected"],
  ]);
});

Deno.test("a share is a number up to 1 or a percentage", () => {
  accepts(share(), [["0.8", 0.8], ["80%", 0.8], ["0", 0], ["1", 1]]);
  refuses(share(), [["2", "is too large"], ["101%", "is too large"], ["x", "is not a number"]]);
});

Deno.test("permission bits are octal, however they are written", () => {
  accepts(octal(), [["022", 0o22], ["22", 0o22], ["0o22", 0o22], ["0777", 0o777], ["0", 0]]);
  refuses(octal(), [["8", "is not an octal number"], ["7777", "is too large"], ["u=rw", "is not"]]);
});

Deno.test("a choice knows its words in any case, its synonyms, and the nearest word", () => {
  const kind = choice(["debug", "info", "warning"], { warn: "warning" });
  accepts(kind, [["info", "info"], ["INFO", "info"], ["Warn", "warning"]]);
  refuses(kind, [
    ["inof", "is none of debug, info, warning; did you mean info?"],
    ["toString", "is none of debug, info, warning"],
    ["", "is none of"],
  ]);
});

Deno.test("a switch is a few words", () => {
  accepts(toggle(), [["true", true], ["On", true], ["1", true], ["NO", false], ["false", false]]);
  refuses(toggle(), [["maybe", "is neither true nor false"], ["", "is neither true nor false"]]);
});

Deno.test("text has no line breaks and no controls", () => {
  accepts(text(), [["a b", "a b"], ["a\tb", "a\tb"], ["é", "é"]]);
  refuses(text(), [["", "is empty"], ["a\nb", "has a control character"], [
    "\x1b[2J",
    "has a control",
  ]]);
});

Deno.test("what is optional may be null or empty", () => {
  accepts(optional(path()), [[null, null], ["", null], ["x", "x"]]);
});

Deno.test("a list drops empty parts and names the bad one", () => {
  const kind = list(integer({ min: 0, max: 9 }));
  accepts(kind, [["1", [1]], ["1, 2,", [1, 2]], [["1", "2,3"], [1, 2, 3]], [[], []], [null, []]]);
  try {
    kind.parse(["1", "2,x"]);
  } catch (error) {
    assertEquals((error as BadValue).part, "x");
  }
});

Deno.test("peers are addresses, networks, unix sockets, or all", () => {
  accepts(peers(), [
    ["127.0.0.1,::1", ["127.0.0.1", "::1"]],
    ["10.0.0.0/8", ["10.0.0.0/8"]],
    ["fd00::/8", ["fd00::/8"]],
    ["*, unix", ["*", "unix"]],
  ]);
  refuses(
    peers(),
    ["10.0.0.0/33", "256.1.1.1", "1.2.3", "fd00::/129", "::g", "host", "1.2.3.4/", "1.2.3.4/8/8"]
      .map((raw) => [raw, "is no IP address"] as const),
  );
});

Deno.test("origins are schemes with hosts, or null", () => {
  accepts(origins(), [
    ["https://a.org,http://*.b.org:81/", ["https://a.org", "http://*.b.org:81/"]],
    ["chrome-extension://abc, null", ["chrome-extension://abc", "null"]],
  ]);
  refuses(
    origins(),
    ["a.org", "*", "https://", "https://a.org/path", "https://a b", "https://a.*.org", "//a.org"]
      .map((raw) => [raw, "is no origin such as"] as const),
  );
});

Deno.test("pairs come from lines, lists and maps; a value may hold an equals sign", () => {
  accepts(pairs(), [
    ["A=1", { A: "1" }],
    ["A=1\nB=x=y", { A: "1", B: "x=y" }],
    [["A=1", "B=a,b"], { A: "1", B: "a,b" }],
    [{ A: "1", B: null }, { A: "1", B: "" }],
    ["A=", { A: "" }],
    [null, {}],
  ]);
  refuses(pairs(), [
    ["A", 'has no "="'],
    ["=1", 'has no "="'],
    [{ "A B": "1" }, 'has a bad name: "A B"'],
    [{ A: ["1"] }, "has more than one value for A"],
  ]);
});

Deno.test("permissions are Deno's, as a map or as JSON", () => {
  accepts(permissions(), [
    [{ net: ["a", "b:80"], read: "true", run: "none", env: "inherit" }, {
      net: ["a", "b:80"],
      read: true,
      run: false,
      env: "inherit",
    }],
    ['{"net":["a"],"ffi":false}', { net: ["a"], ffi: false }],
  ]);
  refuses(permissions(), [
    ["net", "is no JSON"],
    ["[1]", "is no map"],
    [{ nett: "true" }, 'names a permission that Deno lacks: "nett"'],
    [{ net: "some" }, "has a bad value for net"],
    ['{"net":3}', "has a bad value for net"],
  ]);
});

Deno.test("what a kind shows, it reads again", () => {
  const same = <T>(kind: Kind<T>, value: T) => assertEquals(kind.parse(kind.show(value)), value);
  same(seconds({ min: 0, max: 100 }), 0.5);
  same(bytes({ min: 0, max: 2 ** 40 }), 2 ** 30 + 1);
  same(octal(), 0o27);
  same(toggle(), true);
  same(optional(path()), null);
  same(list(text()), ["a", "b"]);
  same(pairs(), { A: "1", B: "x=y, z" });
  same(permissions(), { net: ["a"], read: true, run: false, env: "inherit" });
});
