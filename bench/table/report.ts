/** The report of a run: Markdown tables with ratios, verdicts, losses, and what they were measured with. */

import { labelOf, type Peer } from "./peers.ts";
import { baseName, baseOf, losses, NOISY_FOREIGN_SHARE, type Row, type Table } from "./summary.ts";
import { judge } from "./targets.ts";

/** What a run was made on and with. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly versions: string;
  readonly load: string;
  readonly loadAverage: string;
  readonly command: string;
}

/** A table in Markdown, columns as wide as deno fmt would make them. */
export function markdownTable(
  head: readonly string[],
  body: readonly (readonly string[])[],
): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...body].map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(
        " | ",
      )
    } |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}

const MEGABYTE = 1e6;

function rowCells(table: Table, row: Row): string[] {
  const base = baseOf(table, row);
  const marks = [
    ...(row.errors > 0 ? [`${row.errors} errors`] : []),
    ...(row.foreign > NOISY_FOREIGN_SHARE ? [`noisy: ${percent(row.foreign)} by others`] : []),
  ];
  const name = row.peer.own ? `**${row.peer.name}**` : row.peer.name;
  return [
    `${name} ${marks.length ? `(${marks.join("; ")})` : ""}`.trim(),
    shape(row.peer),
    Math.round(row.requestsPerSecond).toLocaleString("en-US"),
    row.cpuMicros.toFixed(1),
    base ? (row.cpuMicros / base.cpuMicros).toFixed(2) : "",
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    (row.pss / MEGABYTE).toFixed(0),
    `±${percent(row.spread / 2)}`,
  ];
}

function shape({ workers, threads }: Peer): string {
  return threads === 0 ? `${workers} × inline` : `${workers} × ${threads}`;
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

function section(table: Table): string {
  const head = [
    "server",
    "workers × threads",
    "requests/s",
    "CPU µs/request",
    `× ${baseName(table.what)}`,
    "p50 ms",
    "p99 ms",
    "Pss MB",
    "spread",
  ];
  const notes = new Map(
    table.rows.flatMap(({ peer }) => peer.note ? [[peer.name, peer.note]] : []),
  );
  return [
    `### ${table.what.title}`,
    "",
    markdownTable(head, table.rows.map((row) => rowCells(table, row))),
    ...list([...notes].map(([name, note]) => `${name}: ${note}.`)),
    ...list(
      table.missing.map(({ peer, reason }) => `Not measured: ${labelOf(peer)} (${reason}).`),
    ),
  ].join("\n");
}

function list(items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", ...items.map((item) => `- ${item}`)];
}

function verdicts(tables: readonly Table[]): string[] {
  const body = judge(tables).map(({ target, figure, reached }) => [
    `${tables.find(({ what }) => what.name === target.what)!.what.title}: ${target.title}`,
    `${target.sense} ${target.limit}`,
    figure.toFixed(2),
    reached ? "yes" : "**no**",
  ]);
  if (body.length === 0) return [];
  return [markdownTable(["what it has to reach", "limit", "measured", "reached"], body), ""];
}

function commands(tables: readonly Table[]): string {
  const lines = new Set<string>();
  for (const { what, rows } of tables) {
    for (const { peer } of rows) {
      const { program, args, env = {} } = peer.command(what, 8000);
      const settings = Object.entries(env).filter(([name]) => name !== "MODULES")
        .map(([name, value]) => `${name}=${value} `).join("");
      // One of each kind shows them all: the apps differ in their name alone.
      if (what.name === "hello" || what.name === "wsgi-hello") {
        lines.add(`${settings}${program} ${args.join(" ")}`);
      }
    }
  }
  return ["```sh", ...lines, "```"].join("\n");
}

/** The whole report. Sections without rows are left out. */
export function report(tables: readonly Table[], about: Circumstances): string {
  const lost = tables.flatMap(losses);
  return [
    `Measured on ${about.date}, commit ${about.commit}, by \`${about.command}\`.`,
    "",
    `- Machine: ${about.machine}`,
    `- Versions: ${about.versions}`,
    `- Load: ${about.load}`,
    `- Load average before and after: ${about.loadAverage}`,
    "",
    ...verdicts(tables),
    ...tables.filter(({ rows, missing }) => rows.length + missing.length > 0)
      .flatMap((table) => [section(table), ""]),
    "### Losses",
    "",
    "Where denicorn with its default of one thread is worse than a peer with as many workers:",
    ...list(lost.length > 0 ? lost : ["None in this run."]),
    "",
    "### Commands",
    "",
    commands(tables),
  ].join("\n");
}

const BEGIN = "<!-- results: written by deno task bench -->";
const END = "<!-- end of results -->";

/** `page` with `results` between its marks. */
export function replaceResults(page: string, results: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write the results: the page lacks the lines ${BEGIN} and ${END}`);
  }
  return `${page.slice(0, begin)}${BEGIN}\n\n${results}\n\n${page.slice(end)}`;
}
