/** The `Forwarded` field (RFC 7239) and the nodes in it and in X-Forwarded-For. */

/** One proxy's account of what it received; null where it did not say. */
export interface ForwardedElement {
  readonly for: string | null;
  readonly proto: string | null;
  readonly host: string | null;
}

// A pair of RFC 7239, section 4: token "=" ( token / quoted-string ). Proxies also write addresses
// and hosts with a port unquoted, which the RFC forbids and everybody reads.
const PAIR = /[ \t]*([!#$%&'*+\-.^_`|~0-9a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))[ \t]*(;|,|$)/iy;

/** Parses the field's elements, first hop first; null where it is malformed. */
export function parseForwarded(value: string): ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  let element: Record<string, string> | null = null;
  let at = 0;
  while (at < value.length) {
    // An empty element (", ,") counts for nothing (RFC 9110, 5.6.1.2).
    const empty = /[ \t]*,/y;
    empty.lastIndex = at;
    if (element === null && empty.test(value)) {
      at = empty.lastIndex;
      continue;
    }
    PAIR.lastIndex = at;
    const match = PAIR.exec(value);
    if (match === null) return null;
    const [, name, quoted, bare, separator] = match;
    element ??= {};
    const key = name!.toLowerCase();
    if (key in element) return null;
    element[key] = quoted === undefined ? bare! : quoted.replace(/\\(.)/g, "$1");
    at = PAIR.lastIndex;
    if (separator !== ";") {
      elements.push({
        for: element["for"] ?? null,
        proto: element["proto"] ?? null,
        host: element["host"] ?? null,
      });
      element = null;
    }
  }
  return element === null ? elements : null;
}

/** An address with its port, 0 where there is none. */
export interface Node {
  readonly address: string;
  readonly port: number;
}

/**
 * Splits "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1" into address and port. The
 * address is not looked at: "unknown" and "_hidden" (RFC 7239, 6.2 and 6.3) pass as they are.
 */
export function splitNode(text: string): Node {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return { address: text, port: 0 };
  const port = Number(match[3] ?? 0);
  return { address: match[1] ?? match[2]!, port: port > 65535 ? 0 : port };
}
