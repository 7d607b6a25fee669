/**
 * Who the client is, when a trusted proxy stands between: X-Forwarded-For, -Host, -Port, the
 * `secure_scheme_headers` (X-Forwarded-Proto is one) and `Forwarded`.
 *
 * Each proxy adds what it saw at the right end of a list, and whatever stands further left may have
 * been made up by the client. So the list is read from the right as long as the proxies in it are
 * trusted; the first address that is not is the client's (nginx calls this real_ip_recursive). Host,
 * port and scheme are taken from the same hop, counted from the right: the hop that spoke to the
 * client itself. Where two fields tell different stories, one of them was made up: refused.
 */

import { formatAddress, parseAddress, type TrustedPeers } from "../../config/values/cidr.ts";
import { type Field, FieldKind } from "./field_table.ts";
import { type ForwardedElement, parseForwarded, splitNode } from "./forwarded_field.ts";
import { isValidHost, portIndex } from "./host.ts";

/** What came out: null where the fields say nothing, and the connection's own holds. */
export interface Origin {
  readonly address: string | null;
  readonly port: number;
  readonly scheme: "http" | "https" | null;
  readonly host: string | null;
}

const NOTHING: Origin = { address: null, port: 0, scheme: null, host: null };

/** One proxy or client in a list, as its address says. */
interface Hop {
  readonly address: string;
  readonly port: number;
  readonly trusted: boolean;
}

/** Hops kept parsed: proxies are few, and a client sends several requests in a row. */
const MAX_KNOWN_HOPS = 1024;
/** The longest that is kept: "[" 39 characters "]:65535", and some. */
const MAX_KNOWN_HOP = 64;

/** Collects the fields of one request; one of these serves all requests of a proc, one by one. */
export class ForwardedFields {
  /** Whether any of the fields was there. */
  any = false;
  #forwarded = "";
  #for = "";
  #host = "";
  #port = "";
  /** Name, value, name, value. */
  readonly #schemes: string[] = [];

  readonly #trusted: TrustedPeers;
  readonly #hops = new Map<string, Hop | null>();
  /** In lower case: the field, and the value that means https. */
  readonly #secureValues: ReadonlyMap<string, string>;

  constructor(trusted: TrustedPeers, secureSchemeHeaders: Readonly<Record<string, string>>) {
    this.#trusted = trusted;
    this.#secureValues = new Map(
      Object.entries(secureSchemeHeaders).map(([name, value]) => [
        name.toLowerCase(),
        value.toLowerCase(),
      ]),
    );
  }

  clear(): void {
    if (!this.any) return;
    this.any = false;
    this.#forwarded =
      this.#for =
      this.#host =
      this.#port =
        "";
    this.#schemes.length = 0;
  }

  /** A field from a trusted peer. Repeated lines make one list (RFC 9110, 5.2). */
  take(field: Field, value: string): void {
    this.any = true;
    switch (field.kind) {
      case FieldKind.forwarded:
        this.#forwarded = join(this.#forwarded, value);
        break;
      case FieldKind.forwardedFor:
        this.#for = join(this.#for, value);
        break;
      case FieldKind.forwardedHost:
        this.#host = join(this.#host, value);
        break;
      case FieldKind.forwardedPort:
        this.#port = join(this.#port, value);
        break;
      case FieldKind.forwardedScheme:
        this.#schemes.push(field.lower, value);
        break;
    }
  }

  /** What the fields say together; null where they are malformed or contradict one another. */
  resolve(requestHost: string): Origin | null {
    const loose = this.#fromLooseFields(requestHost);
    if (this.#forwarded === "") return loose;
    const standard = this.#fromForwarded();
    if (standard === null || loose === null) return null;
    if (
      differ(loose.address, standard.address) || differ(loose.scheme, standard.scheme) ||
      differ(loose.host, standard.host)
    ) return null;
    return {
      address: standard.address ?? loose.address,
      port: standard.address === null ? loose.port : standard.port,
      scheme: standard.scheme ?? loose.scheme,
      host: standard.host ?? loose.host,
    };
  }

  /** The X-Forwarded-* family. */
  #fromLooseFields(requestHost: string): Origin | null {
    const hops = this.#for === "" ? [] : list(this.#for);
    const client = this.#client(hops);
    const { depth } = client;

    let scheme: Origin["scheme"] = null;
    for (let i = 0; i < this.#schemes.length; i += 2) {
      const found = this.#schemeOf(this.#schemes[i]!, atDepth(this.#schemes[i + 1]!, depth));
      if (scheme !== null && found !== scheme) return null;
      scheme = found;
    }

    let host = this.#host === "" ? null : atDepth(this.#host, depth).toLowerCase();
    if (host !== null && !isValidHost(host)) return null;
    if (this.#port !== "") {
      const port = atDepth(this.#port, depth);
      if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65535) return null;
      const name = host ?? requestHost;
      const usual = scheme === "https" ? "443" : "80";
      if (portIndex(name) < 0 && port !== usual) host = `${name}:${Number(port)}`;
    }
    return { address: client.address, port: client.port, scheme, host };
  }

  #fromForwarded(): Origin | null {
    const elements = parseForwarded(this.#forwarded);
    if (elements === null) return null;
    if (elements.length === 0) return NOTHING;
    const client = this.#client(elements.map((element) => element.for ?? "unknown"));
    const element: ForwardedElement = elements[Math.max(0, elements.length - 1 - client.depth)]!;
    const host = element.host?.toLowerCase() ?? null;
    if (host !== null && !isValidHost(host)) return null;
    return {
      address: client.address,
      port: client.port,
      scheme: element.proto === null ? null : secureProto(element.proto) ? "https" : "http",
      host,
    };
  }

  /**
   * The client among the hops (first hop first), and how far from the right it stands. Behind a hop
   * that is no address ("unknown", "_hidden", garbage) nothing can be trusted: the one after it is
   * all that is known.
   */
  #client(hops: readonly string[]): { address: string | null; port: number; depth: number } {
    let client: { address: string | null; port: number; depth: number } = {
      address: null,
      port: 0,
      depth: 0,
    };
    for (let i = hops.length - 1; i >= 0; i--) {
      const hop = this.#hop(hops[i]!);
      if (hop === null) break;
      client = { address: hop.address, port: hop.port, depth: hops.length - 1 - i };
      if (!hop.trusted) break;
    }
    return client;
  }

  /** Null where the text is no address. */
  #hop(text: string): Hop | null {
    const known = this.#hops.get(text);
    if (known !== undefined) return known;
    const node = splitNode(text);
    const bytes = parseAddress(node.address);
    const hop = bytes === null ? null : {
      address: formatAddress(bytes),
      port: node.port,
      trusted: this.#trusted.hasBytes(bytes),
    };
    if (text.length <= MAX_KNOWN_HOP) {
      if (this.#hops.size >= MAX_KNOWN_HOPS) this.#hops.clear();
      this.#hops.set(text, hop);
    }
    return hop;
  }

  #schemeOf(field: string, value: string): "http" | "https" {
    const lower = value.toLowerCase();
    const secure = this.#secureValues.get(field);
    return lower === secure || (secure === "https" && secureProto(lower)) ? "https" : "http";
  }
}

/** "wss" as well: some proxies name the scheme of a WebSocket. */
function secureProto(proto: string): boolean {
  const lower = proto.toLowerCase();
  return lower === "https" || lower === "wss";
}

function join(list: string, value: string): string {
  return list === "" ? value : `${list}, ${value}`;
}

function list(value: string): string[] {
  if (!value.includes(",")) return [value.trim()];
  return value.split(",").map((item) => item.trim()).filter((item) => item !== "");
}

/** The item that the hop at this depth wrote; the first where the list is shorter. */
function atDepth(value: string, depth: number): string {
  if (!value.includes(",")) return value.trim();
  const items = list(value);
  return items[Math.max(0, items.length - 1 - depth)] ?? "";
}

function differ(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}
