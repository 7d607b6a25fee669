/**
 * What the edge checks cost: `deno run -A bench/edge_cost.ts [SECONDS] [ROUNDS]`
 *
 * CPU per request of hello under wrk, for this program and for a copy of it in which a request's head
 * is written without being checked (no limits, no Host, no forwarding fields). Both run at once in
 * turns of one load each, A B A B; one line. One proc, inline, where the share is the largest.
 */

import { CASES } from "./table/cases.ts";
import { treeCpuSeconds } from "./support/cpu.ts";
import { runWrk } from "./support/load.ts";
import { freePort, Server } from "./support/server.ts";
import { median } from "./table/summary.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const CONNECTIONS = 64;
const HEAD_CHECK = "src/proc/edge/head_check.ts";
/** What comes first in HeadCheck.read(), and takes its place in the copy. */
const ENTRY = "    const count = fields.length;\n";
const UNCHECKED = `
    this.method = method;
    this.changed = false;
    this.contentLength = -1;
    this.chunked = false;
    this.upgrade = "";
    this.scriptName = "";
    this.remoteHost = peer.remoteHost;
    this.remotePort = peer.remotePort;
    this.url = url;
    let head = method + "\\n" + url;
    for (let i = 0; i < fields.length; i++) {
      head += "\\n" + fields[i]![0] + "\\n" + fields[i]![1];
    }
    this.head = head;
    return null;
`;

async function copyWithoutChecks(): Promise<string> {
  const directory = await Deno.makeTempDir();
  const parts = ["mod.ts", "deno.json", "deno.lock", "src"].map((part) => ROOT + part);
  const { success } = await new Deno.Command("cp", { args: ["-r", ...parts, directory] }).output();
  if (!success) throw new Error(`Cannot copy the program to ${directory}`);
  const path = `${directory}/${HEAD_CHECK}`;
  const source = await Deno.readTextFile(path);
  if (!source.includes(ENTRY)) throw new Error(`${HEAD_CHECK} is not as this script knows it`);
  await Deno.writeTextFile(path, source.replace(ENTRY, UNCHECKED + ENTRY));
  return directory;
}

async function micros(server: Server, url: string, seconds: number): Promise<number> {
  const before = treeCpuSeconds(server.pid);
  const { requests, badStatus } = await runWrk({ url, seconds, connections: CONNECTIONS });
  if (badStatus > 0) throw new Error(`${badStatus} answers were refusals`);
  return (treeCpuSeconds(server.pid) - before) * 1e6 / requests;
}

const [seconds = "3", rounds = "5"] = Deno.args;
const copy = await copyWithoutChecks();
const start = async (root: string) => {
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  const args = ["-w", "1", "-t", "0", "-b", `127.0.0.1:${port}`, `${ROOT}bench/apps/hello.ts`];
  const server = new Server({ program: "deno", args: ["run", "-A", `${root}/mod.ts`, ...args] });
  await server.ready(url, CASES[0]!);
  return { server, url };
};
try {
  const [checked, bare] = [await start(ROOT), await start(copy)];
  await using _checked = checked.server;
  await using _bare = bare.server;
  for (const { server, url } of [checked, bare]) await micros(server, url, 2); // warms up
  const [costs, without]: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(rounds); round++) {
    costs.push(await micros(checked.server, checked.url, Number(seconds)));
    without.push(await micros(bare.server, bare.url, Number(seconds)));
  }
  const shares = costs.map((cost, i) => (cost / without[i]! - 1) * 100);
  console.log(
    `edge checks: ${median(costs).toFixed(2)} µs of CPU per request with them, ` +
      `${median(without).toFixed(2)} without: ${median(shares).toFixed(1)} % more ` +
      `(${shares.map((share) => share.toFixed(1)).join(", ")})`,
  );
} finally {
  await Deno.remove(copy, { recursive: true });
}
