/**
 * 2,000 clients that send or read nothing more: `deno run -A bench/slow_clients.ts [ROUNDS]`
 *
 * Of each kind a fifth: no byte, half a head, half a body, a response that is not read, half a TLS
 * handshake; all of them over TLS. One line: the others' p99 while all of them are open and have
 * fallen silent, and without them, in turns; their p99 meanwhile (2,000 handshakes, and what the
 * buffers of 400 connections take, are work whoever asks for them); and whether each was closed on
 * time, as the kernel has it (/proc/net/tcp). Exit 1 where one was not.
 */

import { makeCertificate, startAttacked } from "./support/attacked_server.ts";
import { compare, type Latency, watch } from "./support/bystanders.ts";
import { treeCpuSeconds } from "./support/cpu.ts";
import { median } from "./table/summary.ts";

const CLIENTS = 2_000;
const DEADLINE_SECONDS = 20;
/** Whoever does not read falls silent when the buffers are full, which takes 400 of them a while. */
const LATE_SECONDS = 6;
/** The others are watched for so long, while all the clients are open. */
const WATCH_SECONDS = 5;
/** Clients that are being opened at once. */
const OPENERS = 20;
const LOOK_MS = 500;

const bytes = (text: string) => new TextEncoder().encode(text);
/** What each kind sends before it falls silent; of a handshake the first bytes of a ClientHello. */
const KINDS: Readonly<Record<string, Uint8Array>> = {
  "no byte": new Uint8Array(0),
  "half a head": bytes("GET / HTTP/1.1\r\nHost: localhost\r\nX-A"),
  "half a body": bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"),
  "no reading": bytes("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "half a handshake": Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
};

interface Client {
  readonly kind: string;
  readonly connection: Deno.Conn;
  readonly openedAt: number;
  closedAt: number;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const { certfile, keyfile } = await makeCertificate();
const certificate = await Deno.readTextFile(certfile);

async function open(kind: string, port: number): Promise<Client> {
  const half = kind === "half a handshake";
  const connection = half
    ? await Deno.connect({ hostname: "127.0.0.1", port })
    : await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [certificate] });
  if (!half) await (connection as Deno.TlsConn).handshake();
  if (KINDS[kind]!.length > 0) await connection.write(KINDS[kind]!);
  return { kind, connection, openedAt: performance.now(), closedAt: Infinity };
}

async function openAll(port: number): Promise<Client[]> {
  const names = Object.keys(KINDS);
  const clients: Client[] = [];
  let opened = 0;
  await Promise.all(Array.from({ length: OPENERS }, async () => {
    while (opened < CLIENTS) clients.push(await open(names[opened++ % names.length]!, port));
  }));
  return clients;
}

/** The clients' ports whose connections the server has not closed: ESTABLISHED is 01, proc(5). */
async function keptPorts(port: number): Promise<Set<number>> {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const ports = new Set<number>();
  for (const line of (await Deno.readTextFile("/proc/net/tcp")).split("\n")) {
    const [, from, to, state] = line.trim().split(/\s+/);
    if (from === local && state === "01") ports.add(parseInt(to!.split(":")[1]!, 16));
  }
  return ports;
}

/** Notes when each was closed, until all were or it is too late for any. */
async function waitForEnds(port: number, clients: readonly Client[]): Promise<void> {
  const last = Math.max(...clients.map(({ openedAt }) => openedAt));
  const end = last + (DEADLINE_SECONDS + LATE_SECONDS) * 1_000 + LOOK_MS;
  for (let open = clients; open.length > 0 && performance.now() < end; await pause(LOOK_MS)) {
    const kept = await keptPorts(port);
    const now = performance.now();
    for (const client of open) {
      const { port } = client.connection.localAddr as Deno.NetAddr;
      if (!kept.has(port)) client.closedAt = now;
    }
    open = open.filter(({ closedAt }) => closedAt === Infinity);
  }
}

/** Waits until the server has done what the clients have asked for. */
async function settle(pid: number): Promise<void> {
  for (let before = treeCpuSeconds(pid);;) {
    await pause(LOOK_MS);
    const now = treeCpuSeconds(pid);
    if (now - before < 0.1 * LOOK_MS / 1_000) return;
    before = now;
  }
}

const quiet: Latency[] = [];
const opening: Latency[] = [];
const silent: Latency[] = [];
const late: string[] = [];
/** The longest that one of a kind was left open, seconds. */
const longest = new Map<string, number>();
let early = 0;
for (let round = 0; round < Number(Deno.args[0] ?? 3); round++) {
  const timeouts = ["handshake", "header", "body", "write"].flatMap((phase) => [
    `--${phase}-timeout`,
    `${DEADLINE_SECONDS}`,
  ]);
  // Who sends nothing at all is below any rate: of the two only body_timeout is looked at here.
  const rate = ["--body-min-rate", "0"];
  const args = ["--certfile", certfile, "--keyfile", keyfile, ...timeouts, ...rate];
  await using server = await startAttacked({ args, tls: true });
  await watch(server.port, 2, certificate); // warms up
  quiet.push(await watch(server.port, WATCH_SECONDS, certificate));
  const meanwhile = watch(server.port, 2, certificate);
  const clients = await openAll(server.port);
  opening.push(await meanwhile);
  const ends = waitForEnds(server.port, clients);
  await settle(server.pid);
  silent.push(await watch(server.port, WATCH_SECONDS, certificate));
  const openToTheEnd = clients.every(({ closedAt }) => closedAt === Infinity);
  if (!openToTheEnd) {
    console.error("The machine was too slow: some were closed while others opened");
  }
  await ends;
  for (const { kind, connection, openedAt, closedAt } of clients) {
    const seconds = (closedAt - openedAt) / 1_000;
    longest.set(kind, Math.max(longest.get(kind) ?? 0, seconds));
    if (seconds > DEADLINE_SECONDS + LATE_SECONDS) late.push(kind);
    if (seconds < DEADLINE_SECONDS - 1) early++;
    connection.close();
  }
}
console.log(
  `${CLIENTS} slow clients: ${compare(quiet, silent)} (while they were opened p99 ` +
    `${median(opening.map(({ p99 }) => p99)).toFixed(0)} ms); ${late.length} closed late` +
    `${late.length > 0 ? ` (${[...new Set(late)].join(", ")})` : ""}, ${early} early`,
);
const lives = [...longest].map(([kind, seconds]) => `${kind} ${seconds.toFixed(1)} s`);
console.log(
  `With deadlines of ${DEADLINE_SECONDS} s the last was closed after: ${lives.join(", ")}`,
);
if (late.length > 0) Deno.exit(1);
