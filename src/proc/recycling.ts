/** When a proc has served long enough. Pure: asked at each heartbeat, it says why, once. */

import type { ProcStats, ReplaceCause } from "../protocol/control/control.ts";

/** What of the configuration it heeds. Each 0 is no limit. */
export interface RecycleConfig {
  readonly max_requests: number;
  readonly max_requests_jitter: number;
  readonly max_lifetime: number;
  readonly max_rss: number;
}

/** Why a proc is to be replaced. */
export interface RecycleReason {
  readonly why: string;
  readonly cause: ReplaceCause;
}

/**
 * So many samples in a row must lie above max_rss, one a heartbeat: garbage that is about to be
 * collected is no reason to go.
 */
export const RSS_SAMPLES = 5;
/** Lifetimes are spread by this share, so that procs that were started together do not go together. */
const LIFETIME_SPREAD = 0.1;

export class Recycling {
  readonly #maxRequests: number;
  readonly #maxLifetimeMs: number;
  readonly #maxRss: number;
  #above = 0;
  /** No sample has been within max_rss: a new proc may be no smaller. */
  #neverWithin = true;
  #said = false;

  /** @param random From 0 to below 1, as Math.random() gives it. */
  constructor(config: RecycleConfig, random: () => number = Math.random) {
    const { max_requests, max_requests_jitter, max_lifetime, max_rss } = config;
    const jitter = Math.floor(random() * (max_requests_jitter + 1));
    this.#maxRequests = max_requests === 0 ? Infinity : max_requests + jitter;
    const spread = 1 - LIFETIME_SPREAD * random();
    this.#maxLifetimeMs = max_lifetime === 0 ? Infinity : max_lifetime * 1000 * spread;
    this.#maxRss = max_rss === 0 ? Infinity : max_rss;
  }

  /** Why the proc is to be replaced; null while it is not, and after it was said. */
  reason({ requests, rss }: ProcStats, ageMs: number): RecycleReason | null {
    this.#above = rss > this.#maxRss ? this.#above + 1 : 0;
    if (this.#above === 0) this.#neverWithin = false;
    if (this.#said) return null;
    const reason = this.#reason(requests, rss, ageMs);
    this.#said = reason !== null;
    return reason;
  }

  #reason(requests: number, rss: number, ageMs: number): RecycleReason | null {
    if (requests >= this.#maxRequests) {
      return { why: `it has served ${requests} requests (max_requests)`, cause: "work" };
    }
    if (ageMs >= this.#maxLifetimeMs) {
      const seconds = (ageMs / 1000).toFixed(ageMs < 10_000 ? 1 : 0);
      return { why: `it has served for ${seconds} s (max_lifetime)`, cause: "age" };
    }
    if (this.#above < RSS_SAMPLES) return null;
    const why = this.#neverWithin
      ? `its memory is at ${rss} bytes, and has never been within max_rss (${this.#maxRss}), so that ` +
        "a new one will be no smaller; raise max_rss"
      : `its memory stays above ${this.#maxRss} bytes (max_rss), at ${rss}`;
    return { why, cause: "age" };
  }
}
