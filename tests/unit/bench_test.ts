/** The pure parts of the benchmark: what it reads out of /proc and of wrk, and what it makes of it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CASES } from "../../bench/table/cases.ts";
import {
  parseBusySeconds,
  parseKilobytes,
  parseStat,
  type ProcessStat,
  treeOf,
} from "../../bench/support/cpu.ts";
import { parseMilliseconds, parseWrk } from "../../bench/support/load.ts";
import { type Peer, PEERS } from "../../bench/table/peers.ts";
import { markdownTable, replaceResults, report } from "../../bench/table/report.ts";
import { losses, median, type Row, summarize, type Table } from "../../bench/table/summary.ts";
import { clientFrame } from "../../bench/support/socket_load.ts";
import { judge, TARGETS } from "../../bench/table/targets.ts";
import type { Trial } from "../../bench/table/trial.ts";

const WRK = `Running 2s test @ http://127.0.0.1:9101/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.35ms    1.11ms  15.60ms   91.22%
    Req/Sec    17.85k     3.63k   24.33k    70.00%
  Latency Distribution
     50%  980.00us
     75%    1.64ms
     90%    2.17ms
     99%    1.02s
  35553 requests in 2.01s, 2.64MB read
  Socket errors: connect 1, read 35538, write 2, timeout 3
  Non-2xx or 3xx responses: 17
Requests/sec:  17725.87
Transfer/sec:      1.32MB
`;

Deno.test("wrk's report is read with its units, its errors and closed connections", () => {
  assertEquals(parseWrk(WRK), {
    requests: 35553,
    seconds: 2.01,
    requestsPerSecond: 17725.87,
    p50: 0.98,
    p99: 1020,
    badStatus: 17,
    connectErrors: 1,
    timeouts: 3,
    closed: 35540,
  });
});

Deno.test("a report of wrk's without errors has none, and one that is cut off is refused", () => {
  const clean = parseWrk(WRK.replace(/^ {2}(Socket|Non).*\n/gm, ""));
  assertEquals([clean.badStatus, clean.timeouts, clean.closed], [0, 0, 0]);
  assertThrows(() => parseWrk("unable to connect"), Error, "lacks");
  assertThrows(() => parseMilliseconds("12 parsecs"), Error, "12 parsecs");
});

Deno.test("a command with spaces and parentheses does not shift the fields of /proc/PID/stat", () => {
  const line = "42 (a) b) (c) S 7 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 5 0 999";
  assertEquals(parseStat(line), { pid: 42, parent: 7, own: 33, ended: 77 });
});

Deno.test("a tree holds grandchildren, whatever the order, and nobody else's", () => {
  const of = (pid: number, parent: number): ProcessStat => ({ pid, parent, own: 1, ended: 0 });
  const all = [of(1, 0), of(5, 4), of(4, 2), of(2, 1), of(3, 1), of(6, 3)];
  assertEquals(treeOf(2, all).map(({ pid }) => pid).sort(), [2, 4, 5]);
});

Deno.test("memory is read in bytes, and the machine's CPU without idle and iowait", () => {
  assertEquals(parseKilobytes("Rss:   10 kB\nPss:    7 kB\nPss_Dirty: 3 kB\n", "Pss"), 7 * 1024);
  assertEquals(parseKilobytes("", "Pss"), 0);
  assertEquals(parseBusySeconds("cpu  100 20 30 9999 888 1 2 3 0 0\ncpu0 1 1\n"), 1.56);
});

Deno.test("the median of an even number of values lies between the two in the middle", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 7]), 6);
  assertThrows(() => median([]));
});

const TRIAL: Trial = {
  requestsPerSecond: 1000,
  cpuMicros: 10,
  p50: 1,
  p99: 2,
  pss: 50e6,
  errors: 0,
  foreign: 0,
};

function peer(own: boolean, name: string, workers: number, threads: number): Peer {
  return PEERS.find((known) =>
    known.own === own && known.name === name && known.workers === workers &&
    known.threads === threads
  )!;
}

function row(of: Peer, trial: Partial<Trial>): Row {
  return summarize(of, [{ ...TRIAL, ...trial }]);
}

const HELLO: Table = {
  what: CASES.find(({ name }) => name === "hello")!,
  rows: [
    row(peer(false, "Deno.serve", 1, 0), {}),
    row(peer(true, "denicorn", 1, 1), { cpuMicros: 15, pss: 40e6, requestsPerSecond: 1020 }),
    row(peer(true, "denicorn", 1, 0), { cpuMicros: 12 }),
  ],
  missing: [{ peer: peer(false, "Node cluster", 1, 0), reason: "not installed" }],
};

Deno.test("a row has medians, the spread of its CPU and the noise of its worst trial", () => {
  const summary = summarize(peer(true, "denicorn", 1, 1), [
    { ...TRIAL, cpuMicros: 8, errors: 1 },
    { ...TRIAL, cpuMicros: 10, errors: 2, foreign: 0.3 },
    { ...TRIAL, cpuMicros: 13 },
  ]);
  assertEquals([summary.cpuMicros, summary.spread, summary.errors, summary.foreign], [
    10,
    0.5,
    3,
    0.3,
  ]);
});

Deno.test("what is worse than a peer is a loss, what is better or within the noise is not", () => {
  assertEquals(losses(HELLO), [
    "Hello, 1 worker, against Deno.serve: 1.50 times the CPU per request.",
  ]);
});

Deno.test("a target is judged by its figures, and not at all where a row is missing", () => {
  const verdicts = judge([HELLO]).map(({ target, reached }) => [target.title, reached]);
  assertEquals(verdicts, [
    ["CPU, 1 worker with 1 thread / Deno.serve", true],
    ["CPU, inline / Deno.serve", false],
    ["p99 in ms, 1 worker with 1 thread", true],
  ]);
});

Deno.test("every target finds its rows in a whole run", () => {
  const tables = CASES.map((what): Table => ({
    what,
    rows: PEERS.filter(({ kind }) => kind === what.kind).map((each) => row(each, {})),
    missing: [],
  }));
  assertEquals(judge(tables).length, TARGETS.length);
});

Deno.test("the report shows ratios, errors, noise, losses and what was not measured", () => {
  const noisy = { ...HELLO, rows: [...HELLO.rows, row(PEERS[1]!, { errors: 3, foreign: 0.4 })] };
  const text = report([noisy], {
    date: "2026-01-01",
    commit: "abc",
    machine: "m",
    versions: "v",
    load: "l",
    loadAverage: "0",
    command: "deno task bench",
  });
  for (
    const part of [
      "1.50",
      "3 errors",
      "noisy: 40 % by others",
      "Not measured: Node cluster",
      "## Loss",
    ]
  ) {
    assert(text.includes(part), `The report lacks "${part}":\n${text}`);
  }
});

Deno.test("results replace what stood between their marks, and nothing is written without marks", () => {
  const page = "a\n<!-- results: written by deno task bench -->\nold\n<!-- end of results -->\nb\n";
  const written = replaceResults(page, "new");
  assert(written.includes("new") && !written.includes("old"));
  assert(written.startsWith("a\n") && written.endsWith("-->\nb\n"));
  assertThrows(() => replaceResults("no marks", "new"), Error, "lacks");
});

Deno.test("a table's columns line up", () => {
  assertEquals(
    markdownTable(["a", "rate"], [["long name", "1"]]),
    "| a         | rate |\n| --------- | ---: |\n| long name |    1 |",
  );
});

Deno.test("a client's frame is masked, and its payload bounded by what one length byte holds", () => {
  assertEquals([...clientFrame("hi")], [0x81, 0x82, 0, 0, 0, 0, 104, 105]);
  assertThrows(() => clientFrame("x".repeat(126)), Error, "126 bytes");
});
