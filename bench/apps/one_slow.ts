/** A proc in three is slow: the one that is first to make the directory SLOW_DIR. */

/** CPU time of a request, milliseconds. */
const SLOW_MS = Number(Deno.env.get("SLOW_MS") ?? 4);

function isFirst(): boolean {
  try {
    Deno.mkdirSync(Deno.env.get("SLOW_DIR") ?? "");
    return true;
  } catch {
    return false;
  }
}

const slow = isFirst();

export default {
  fetch(): Response {
    const until = performance.now() + (slow ? SLOW_MS : 0);
    while (performance.now() < until);
    return new Response(slow ? "slow" : `pid ${Deno.pid}`);
  },
};
