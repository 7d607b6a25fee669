/** IP addresses and networks: who is trusted to speak for others. */

/** An address as 16 bytes; IPv4 as ::ffff:a.b.c.d, so that both ways of writing it are one. */
export type AddressBytes = Uint8Array;

/**
 * Parses an IPv4 or IPv6 address as text (RFC 4291, 2.2); null where it is none. IPv4 is dotted
 * decimal with four parts and nothing else: "127.1" and "0x7f.0.0.1" are read differently by
 * different programs, and so are no addresses here.
 */
export function parseAddress(text: string): AddressBytes | null {
  return text.includes(":") ? parseV6(text) : mapped(parseV4(text));
}

/** The text of an address: IPv6 as RFC 5952 has it, IPv4 mapped into IPv6 as IPv4. */
export function formatAddress(bytes: AddressBytes): string {
  if (isMapped(bytes)) return bytes.subarray(12).join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  const text = groups.join(":");
  // The longest run of zeros, the first of equals, two or more.
  let longest = "";
  for (const [run] of text.matchAll(/\b0(?::0)+\b/g)) {
    if (run.length > longest.length) longest = run;
  }
  return longest === "" ? text : text.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}

function parseV4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part)) return null;
    const byte = Number(part);
    if (byte > 255) return null;
    bytes.push(byte);
  }
  return bytes;
}

function parseV6(text: string): AddressBytes | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** "a:b:c" as bytes; only the end of an address may be written as IPv4. */
function parseGroups(text: string, atEnd: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (atEnd && i === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group);
      if (v4 === null) return null;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes.length > 16 ? null : bytes;
}

function mapped(v4: number[] | null): AddressBytes | null {
  if (v4 === null) return null;
  const bytes = new Uint8Array(16);
  bytes[10] = bytes[11] = 255;
  bytes.set(v4, 12);
  return bytes;
}

function isMapped(bytes: AddressBytes): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 255 && bytes[11] === 255;
}

interface Network {
  readonly bytes: AddressBytes;
  readonly bits: number;
}

/**
 * Parses one entry of `forwarded_allow_ips` or `proxy_allow_ips`: an address, a network
 * ("10.0.0.0/8", "fd00::/8"), "unix" or "*". Returns null where it is none of these.
 */
export function parsePeerPattern(text: string): Network | "unix" | "*" | null {
  if (text === "unix" || text === "*") return text;
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const bytes = parseAddress(address);
  if (bytes === null) return null;
  const most = address.includes(":") ? 128 : 32;
  if (slash < 0) return { bytes, bits: 128 };
  const suffix = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(suffix) || Number(suffix) > most) return null;
  return { bytes, bits: 128 - most + Number(suffix) };
}

/** Who is trusted. A unix socket's peer has no address: it is "unix". */
export class TrustedPeers {
  readonly #networks: Network[] = [];
  #unix = false;
  #everyone = false;

  /** Entries that mean nothing are refused by the settings; here they trust nobody. */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const parsed = parsePeerPattern(pattern.trim());
      if (parsed === "unix") this.#unix = true;
      else if (parsed === "*") this.#everyone = true;
      else if (parsed !== null) this.#networks.push(parsed);
    }
  }

  /** The peer of a unix socket: whoever may open the socket's file. */
  get unix(): boolean {
    return this.#unix || this.#everyone;
  }

  has(address: string): boolean {
    if (this.#everyone) return true;
    if (this.#networks.length === 0) return false;
    const bytes = parseAddress(address);
    return bytes !== null && this.hasBytes(bytes);
  }

  hasBytes(bytes: AddressBytes): boolean {
    return this.#everyone || this.#networks.some((network) => contains(network, bytes));
  }
}

function contains({ bytes, bits }: Network, address: AddressBytes): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((bytes[whole]! ^ address[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}
