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
/** A pair may be left out (RFC 7239, 4); an element without any counts for nothing (RFC 9110, 5.6.1.2). */
const NO_PAIR = /[ \t]*(;|,|$)/y;

/** Parses the field's elements, first hop first; null where it is malformed. */
export function parseForwarded(value: string): ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  let element: Map<string, string> | null = null;
  for (let at = 0, separator: string | undefined = ","; separator !== "";) {
    NO_PAIR.lastIndex = at;
    const none = NO_PAIR.exec(value);
    if (none !== null) {
      at = NO_PAIR.lastIndex;
      separator = none[1];
    } else {
      PAIR.lastIndex = at;
      const match = PAIR.exec(value);
      if (match === null) return null;
      const [, name, quoted, bare] = match;
      element ??= new Map();
      const key = name!.toLowerCase();
      if (element.has(key)) return null;
      element.set(key, quoted === undefined ? bare! : quoted.replace(/\\(.)/g, "$1"));
      at = PAIR.lastIndex;
      separator = match[4];
    }
    if (separator === ";" || element === null) continue;
    elements.push({
      for: element.get("for") ?? null,
      proto: element.get("proto") ?? null,
      host: element.get("host") ?? null,
    });
    element = null;
  }
  return elements;
}

/** An address with its port, 0 where there is none. */
export interface Node {
  readonly address: string;
  readonly port: number;
}

/**
 * Splits "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1" into address and port. The
 * address is not looked at: "unknown" and "_hidden" (RFC 7239, 6.2 and 6.3) pass as they are; a port
 * that is hidden ("192.0.2.1:_p") is none.
 */
export function splitNode(text: string): Node {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(?:([0-9]{1,5})|_[\w.-]+))?$/.exec(text);
  if (match === null) return { address: text, port: 0 };
  const port = Number(match[3] ?? 0);
  return { address: match[1] ?? match[2]!, port: port > 65535 ? 0 : port };
}
