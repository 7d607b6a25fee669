/** The opening handshake of a WebSocket, checked before the app sees it. Deno checks none of this. */

import { type Field, hasToken } from "../../protocol/head.ts";
import { type Rule, Rules } from "./rules.ts";

/** Base64 of 16 bytes (RFC 6455, 4.1). */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export class Handshake {
  /** Scheme, host and port in lower case; with "*" for a host's leading labels. Empty: any origin. */
  readonly #origins: ReadonlySet<string>;
  readonly #suffixes: readonly { readonly scheme: string; readonly suffix: string }[];

  /** `origins` as in the setting websocket_origins: "https://example.org", "https://*.example.org". */
  constructor(origins: readonly string[]) {
    const all = origins.map((origin) => origin.toLowerCase().replace(/\/$/, ""));
    this.#origins = new Set(all);
    this.#suffixes = all.filter((origin) => origin.includes("://*.")).map((origin) => {
      const [scheme, host] = origin.split("://*") as [string, string];
      return { scheme: `${scheme}://`, suffix: host };
    });
  }

  /**
   * Returns the rule by which a request whose Upgrade fields ask for a WebSocket is refused, or null.
   */
  check(method: string, fields: readonly Field[]): Rule | null {
    const one = new Map<string, string>();
    for (const [name, value] of fields) {
      const key = name.toLowerCase();
      one.set(key, one.has(key) ? `${one.get(key)}, ${value}` : value);
    }
    // Without the option the field is for another hop, and this is a request like any other.
    if (!hasToken(one.get("connection") ?? "", "upgrade")) return null;
    if (method !== "GET") return Rules.socketMethod;
    if (one.get("sec-websocket-version") !== "13") return Rules.socketVersion;
    if (!KEY.test(one.get("sec-websocket-key") ?? "")) return Rules.socketKey;
    const origin = one.get("origin");
    // Browsers always send it, and other clients can send any: refusing its absence protects nobody.
    return origin === undefined || this.#allows(origin.toLowerCase()) ? null : Rules.socketOrigin;
  }

  #allows(origin: string): boolean {
    if (this.#origins.size === 0 || this.#origins.has(origin)) return true;
    return this.#suffixes.some(({ scheme, suffix }) =>
      origin.startsWith(scheme) && origin.endsWith(suffix)
    );
  }
}
