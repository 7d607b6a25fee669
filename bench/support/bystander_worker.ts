/**
 * The clients that do nothing wrong, in a thread of their own, so that an attack made by the same
 * process does not delay the measuring of its effect. See bystanders.ts.
 */

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** How a measurement is asked for. */
export interface Watch {
  readonly port: number;
  /** PEM of the server's certificate; null for plain HTTP. */
  readonly certificate: string | null;
  readonly connections: number;
  /** Each connection asks so often, milliseconds. */
  readonly intervalMs: number;
  readonly seconds: number;
}

/** What came of it: milliseconds from request to answer, sorted, and what was not answered. */
export interface Watched {
  readonly times: number[];
  readonly failed: number;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Plain, or over TLS to a server with this certificate. */
async function connect({ port, certificate }: Watch): Promise<Deno.Conn> {
  if (certificate === null) return await Deno.connect({ hostname: "127.0.0.1", port });
  const options = { hostname: "127.0.0.1", port, caCerts: [certificate] };
  const connection = await Deno.connectTls(options);
  await connection.handshake();
  return connection;
}

/** Asks at its times over one connection, and opens another where that one was closed. */
async function client(
  watch: Watch,
  { first, offset }: { readonly first: Deno.Conn | null; readonly offset: number },
  times: number[],
): Promise<number> {
  const buffer = new Uint8Array(16_384);
  let failed = 0;
  let connection = first;
  await pause(offset);
  const end = performance.now() + watch.seconds * 1_000;
  for (let due = performance.now(); due < end; due += watch.intervalMs) {
    // A request that waits for the answer before it is late by the server's fault: its time runs from
    // when it was due. A timer that is late is not.
    const waited = performance.now() >= due;
    if (!waited) await pause(due - performance.now());
    const begin = waited ? due : performance.now();
    try {
      connection ??= await connect(watch);
      await connection.write(REQUEST);
      const count = await connection.read(buffer);
      const head = new TextDecoder().decode(buffer.subarray(0, Math.min(count ?? 0, 12)));
      if (head !== "HTTP/1.1 200") throw new Error(head);
      times.push(performance.now() - begin);
    } catch {
      failed++;
      connection?.close();
      connection = null;
    }
  }
  connection?.close();
  return failed;
}

// deno-lint-ignore no-explicit-any -- a worker's scope, which is typed as a window's here
const scope = globalThis as any;
scope.onmessage = async ({ data }: MessageEvent<Watch>) => {
  const times: number[] = [];
  // Before the time begins: twenty handshakes are a hundredth of what is asked, and would be the p99.
  const connections = await Promise.all(
    Array.from({ length: data.connections }, () => connect(data).catch(() => null)),
  );
  const step = data.intervalMs / data.connections;
  const failed = await Promise.all(
    connections.map((first, i) => client(data, { first, offset: i * step }, times)),
  );
  const sum = failed.reduce((a, b) => a + b, 0);
  scope.postMessage({ times: times.sort((a, b) => a - b), failed: sum } satisfies Watched);
};
