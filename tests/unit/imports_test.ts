/**
 * The direction of imports between the rooms of src/, and what may not be imported below the manager.
 *
 * The graph is Deno's own (`deno info --json` over every file of src/), so that type imports, re-exports
 * and dynamic imports count as the compiler counts them, and text in comments or strings does not.
 */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const SRC = new URL("src/", ROOT);

/** One import: who, what, and the specifier as it stands in the file. */
interface Import {
  /** Path below the root of the repository, as `src/proc/main.ts`. */
  readonly from: string;
  readonly specifier: string;
  /** Path below the root where it is a file of ours, else null. */
  readonly to: string | null;
}

/** What every room may use, and what uses each other freely. */
const BASE = ["errors.ts", "log", "config", "protocol", "os"];

/** Rooms of src/ (folders, and the files beside them), each with the other rooms that it may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": BASE,
  log: BASE,
  config: BASE,
  protocol: BASE,
  os: BASE,
  python: BASE,
  // What Deno hides: for those who serve requests, and for nobody who manages them.
  deno: BASE,
  wsgi: [...BASE, "python"],
  app: [...BASE, "deno"],
  thread: [...BASE, "python", "wsgi", "deno", "app"],
  hooks: BASE,
  // How Deno is started anew: beside this process for a proc, in its place for the solo one, and to be asked.
  launch: BASE,
  // The app's own room, for `threads: 0`, where it runs in the server thread; and the start of Python.
  proc: [...BASE, "hooks", "launch", "deno", "app", "python", "wsgi"],
  manager: [...BASE, "hooks", "launch"],
  // The command line is the only one who sees both: it runs a manager, or (workers: 0) the solo process.
  "cli.ts": [...BASE, "launch", "manager", "proc", "permissions.ts"],
  "permissions.ts": BASE,
};

/** What those who run exchanges may use of the room `proc`. */
const SERVING = ["proc/edge", "proc/session", "proc/websocket", "proc/exchange"];

/** Folders of rooms, each with what else of its room it may import; the files beside them are free. */
const MAY_IMPORT_WITHIN: Readonly<Record<string, readonly string[]>> = {
  "manager/table": [],
  "manager/succession": [],
  "manager/steering": ["manager/table"],
  "manager/sockets": ["manager/succession"],
  "manager/fleet": ["manager/inbox.ts", "manager/table", "manager/steering", "manager/sockets"],
  "manager/watch": ["manager/inbox.ts"],
  "proc/edge": [],
  "proc/listen": ["proc/edge", "proc/room.ts", "proc/sleep.ts"],
  "proc/session": ["proc/edge"],
  "proc/websocket": ["proc/session"],
  "proc/exchange": ["proc/edge", "proc/session", "proc/websocket"],
  "proc/threads": ["proc/session", "proc/exchange"],
  "proc/fetch": [...SERVING, "proc/threads"],
  "proc/wsgi": [...SERVING, "proc/threads"],
  "proc/dispatch": [...SERVING, "proc/threads", "proc/fetch", "proc/wsgi"],
  "protocol/control": [],
  "protocol/queue": [],
  "protocol/wsgi": [],
  "os/memory": ["os/libc.ts"],
  "os/process": ["os/libc.ts", "os/retry.ts"],
  "os/sockets": ["os/libc.ts", "os/process"],
  "os/connections": ["os/libc.ts", "os/sockets"],
  "os/listen": ["os/libc.ts", "os/retry.ts", "os/process", "os/sockets"],
};

/** What runs in procs and threads, whole: there an app's deno.json holds, which does not map our names. */
const BELOW_THE_MANAGER = [
  "protocol",
  "os",
  "python",
  "wsgi",
  "deno",
  "app",
  "thread",
  "hooks",
  "proc",
];

/** Where procs and threads begin: whatever these reach runs under the app's deno.json as well. */
const ENTRIES_BELOW_THE_MANAGER = [
  "src/proc/main.ts",
  "src/proc/solo_main.ts",
  "src/thread/main.ts",
  "src/hooks/entry.ts",
];

function roomOf(path: string): string {
  return path.split("/")[1] ?? path;
}

/** A folder of a room, or a file beside them: `manager/table`, `manager/inbox.ts`. */
function placeOf(path: string): string {
  return path.split("/").slice(1, 3).join("/");
}

/** Bare: what an import map or a registry has to resolve. Node's own modules are built in. */
function isBare(specifier: string): boolean {
  return !/^(\.{1,2}\/|node:|file:)/.test(specifier);
}

function directionFaults(imports: readonly Import[]): string[] {
  const faults: string[] = [];
  for (const { from, to } of imports) {
    const room = roomOf(from);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      faults.push(`${from}: room "${room}" is not in MAY_IMPORT; say there what it may import`);
    } else if (to !== null && !to.startsWith("src/")) {
      faults.push(`${from} imports ${to}, which is outside of src/`);
    } else if (to !== null && roomOf(to) !== room && !allowed.includes(roomOf(to))) {
      faults.push(`${from} imports ${to}: "${room}" may import ${allowed.join(", ")}`);
    }
  }
  return [...new Set(faults)];
}

function directionFaultsWithin(room: string, imports: readonly Import[]): string[] {
  const faults: string[] = [];
  for (const { from, to } of imports) {
    const [place, other] = [placeOf(from), placeOf(to ?? "")];
    if (roomOf(from) !== room || place.endsWith(".ts")) continue;
    const allowed = MAY_IMPORT_WITHIN[place];
    if (allowed === undefined) {
      faults.push(`${from}: folder "${place}" is not in MAY_IMPORT_WITHIN`);
    } else if (other.startsWith(`${room}/`) && other !== place && !allowed.includes(other)) {
      faults.push(`${from} imports ${to}: of its room "${place}" may import ${allowed.join(", ")}`);
    }
  }
  return [...new Set(faults)];
}

/** All files that `entries` reach. */
function reach(entries: readonly string[], imports: readonly Import[]): Set<string> {
  const reached = new Set(entries);
  for (const file of reached) {
    for (const { from, to } of imports) if (from === file && to !== null) reached.add(to);
  }
  return reached;
}

function bareFaults(imports: readonly Import[]): string[] {
  const reached = reach(ENTRIES_BELOW_THE_MANAGER, imports);
  return imports
    .filter(({ from }) => reached.has(from) || BELOW_THE_MANAGER.includes(roomOf(from)))
    .filter(({ specifier }) => isBare(specifier))
    .map(({ from, specifier }) => `${from} imports "${specifier}" below the manager`);
}

/** Files that import one another in a circle. What only imports is dropped until none is left. */
function circles(imports: readonly Import[]): string[] {
  let left = imports.filter(({ to }) => to !== null);
  for (;;) {
    const imported = new Set(left.map(({ to }) => to));
    const importing = new Set(left.map(({ from }) => from));
    const inside = left.filter(({ from, to }) => imported.has(from) && importing.has(to!));
    if (inside.length === left.length) return inside.map(({ from, to }) => `${from} imports ${to}`);
    left = inside;
  }
}

async function sourceFiles(folder: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) files.push(...await sourceFiles(new URL(`${entry.name}/`, folder)));
    else if (entry.name.endsWith(".ts")) files.push(new URL(entry.name, folder));
  }
  return files;
}

/** What `deno info --json` says; only what is read here. */
interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

async function importsOf(files: readonly URL[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((file) => `import "${file.href}";\n`).join(""));
    const config = new URL("deno.json", ROOT);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", config.pathname, entry],
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
    const imports: Import[] = [];
    for (const { specifier: from, dependencies = [] } of graph.modules) {
      if (!from.startsWith(SRC.href)) continue;
      for (const { specifier, code, type } of dependencies) {
        const to = code?.specifier ?? type?.specifier ?? "";
        imports.push({
          from: from.slice(ROOT.href.length),
          specifier,
          to: to.startsWith(ROOT.href) ? to.slice(ROOT.href.length) : null,
        });
      }
    }
    return imports;
  } finally {
    await Deno.remove(entry);
  }
}

const imports = await importsOf(await sourceFiles(SRC));

Deno.test("imports between the rooms of src/ flow one way", () => {
  assert(imports.length > 0, "deno info found no import at all in src/");
  assertEquals(directionFaults(imports), []);
});

Deno.test("imports between the folders of manager, proc, protocol and os flow one way", () => {
  for (const room of ["manager", "proc", "protocol", "os"]) {
    assertEquals(directionFaultsWithin(room, imports), []);
  }
});

Deno.test("what runs in procs and threads imports no bare specifier", () => {
  assertEquals(bareFaults(imports), []);
});

Deno.test("no files of src/ import one another in a circle", () => {
  assertEquals(circles(imports), []);
});

Deno.test("a circle of files is found, and what only leads to it or away is not in it", () => {
  const between = (from: string, to: string): Import => ({ from, specifier: `./${to}`, to });
  assertEquals(
    circles([between("a", "b"), between("b", "c"), between("c", "b"), between("c", "d")]),
    ["b imports c", "c imports b"],
  );
});

Deno.test("an import against the direction, a way out of src/ and an unknown room are faults", () => {
  assertEquals(
    directionFaults([
      { from: "src/proc/server.ts", specifier: "../manager/a.ts", to: "src/manager/a.ts" },
      { from: "src/wsgi/context.ts", specifier: "../thread/b.ts", to: "src/thread/b.ts" },
      { from: "src/os/libc.ts", specifier: "../../bench/cpu.ts", to: "bench/cpu.ts" },
      { from: "src/attic/x.ts", specifier: "node:fs", to: null },
      { from: "src/thread/main.ts", specifier: "../wsgi/gateway.ts", to: "src/wsgi/gateway.ts" },
    ]).length,
    4,
  );
});

Deno.test("in a room, a folder against the direction and one that is not named are faults", () => {
  const between = (from: string, to: string): Import => ({
    from: `src/manager/${from}`,
    specifier: "",
    to: `src/manager/${to}`,
  });
  assertEquals(
    directionFaultsWithin("manager", [
      between("table/proc.ts", "fleet/fleet.ts"),
      between("sockets/sockets.ts", "orders.ts"),
      between("attic/x.ts", "table/proc.ts"),
      between("steering/steering.ts", "table/limits.ts"),
      between("table/proc.ts", "table/failure.ts"),
      between("orders.ts", "fleet/fleet.ts"),
    ]).length,
    3,
  );
});

Deno.test("a bare specifier is a fault where a proc reaches it, even through log/ or config/", () => {
  const reached: Import[] = [
    { from: "src/proc/main.ts", specifier: "../log/error_log.ts", to: "src/log/error_log.ts" },
    { from: "src/log/error_log.ts", specifier: "@logtape/logtape", to: null },
    { from: "src/config/yaml.ts", specifier: "@std/yaml", to: null },
    { from: "src/proc/main.ts", specifier: "node:timers", to: null },
  ];
  assertEquals(bareFaults(reached), [
    'src/log/error_log.ts imports "@logtape/logtape" below the manager',
  ]);
});
