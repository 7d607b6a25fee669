/**
 * Clients that come at a constant rate, whether earlier ones are answered or not: an open loop, as
 * many people make it, each with a connection and one request.
 */

/** How often connections are started that are due, milliseconds. */
const TICK_MS = 1;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

export interface Answer {
  readonly milliseconds: number;
  /** 0 where there was none. */
  readonly status: number;
  /** Head and body. */
  readonly text: string;
}

async function ask(port: number): Promise<Answer> {
  const begin = performance.now();
  let text = "";
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(REQUEST);
    const buffer = new Uint8Array(4_096);
    for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
      text += new TextDecoder().decode(buffer.subarray(0, n));
    }
  } catch {
    // Counted as no answer, unless it was whole.
  }
  const status = Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1] ?? 0);
  return { milliseconds: performance.now() - begin, status, text };
}

/** Starts `rate` connections a second for so long; gives the answers to those after the warm-up. */
export async function arrive(
  port: number,
  rate: number,
  { seconds, warmUpSeconds }: { readonly seconds: number; readonly warmUpSeconds: number },
): Promise<Answer[]> {
  const begin = performance.now();
  const asked: { at: number; answer: Promise<Answer> }[] = [];
  for (let at = 0; at < seconds + warmUpSeconds; at = (performance.now() - begin) / 1_000) {
    while (asked.length < at * rate) asked.push({ at, answer: ask(port) });
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const all = await Promise.all(asked.map(({ answer }) => answer));
  return all.filter((_, i) => asked[i]!.at >= warmUpSeconds);
}

/** The time, milliseconds, within which this share of the answers came. */
export function percentile(answers: readonly Answer[], share: number): string {
  const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return times[Math.floor(share * times.length)]?.toFixed(1) ?? "-";
}
