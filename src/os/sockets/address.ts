/** sockaddr, as Linux lays it out, to and from Deno's addresses. */

import { type Bind, MAX_UNIX_PATH_BYTES, showBind } from "../../config/values/bind.ts";
import { SystemError } from "../../errors.ts";
import { cString, libc } from "../libc.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sizeof(struct sockaddr_storage). */
export const SOCKADDR_BYTES = 128;

/** Where a stream socket is bound. An abstract unix name begins with a NUL, as Deno writes it. */
export type SocketAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** Reads a sockaddr of `length` bytes, or null where it is of another family than ours. */
export function decodeAddress(bytes: Uint8Array, length: number): SocketAddress | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The family is in the machine's order (little-endian on both that Deno runs on), the rest in the net's.
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return {
        transport: "tcp",
        hostname: bytes.subarray(4, 8).join("."),
        port: view.getUint16(2),
      };
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16));
      return {
        transport: "tcp",
        hostname: canonicalIPv6(groups.join(":")),
        port: view.getUint16(2),
      };
    }
    case AF_UNIX: {
      const name = bytes.subarray(2, length);
      // An abstract name is as long as the address says, NULs and all; a path ends at its NUL.
      const end = name[0] === 0 ? name.length : name.indexOf(0);
      const path = name.subarray(0, end < 0 ? name.length : end);
      return { transport: "unix", path: new TextDecoder().decode(path) };
    }
    default:
      return null;
  }
}

/** Writes a sockaddr. The host name must be an address already: nothing is looked up here. */
export function encodeAddress(address: SocketAddress): Uint8Array<ArrayBuffer> {
  if (address.transport === "unix") {
    const path = new TextEncoder().encode(address.path);
    if (path.length > MAX_UNIX_PATH_BYTES) {
      throw new SystemError(
        `Cannot use ${
          JSON.stringify(address.path)
        } as a unix socket: it has ${path.length} bytes, ` +
          `the system allows ${MAX_UNIX_PATH_BYTES}: choose a shorter path`,
      );
    }
    const abstract = path[0] === 0;
    const bytes = new Uint8Array(2 + path.length + (abstract ? 0 : 1));
    new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
    bytes.set(path, 2);
    return bytes;
  }
  const { port } = address;
  const [hostname = "", zone] = address.hostname.split("%");
  const v6 = hostname.includes(":");
  const bytes = new Uint8Array(v6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  if (v6) expandIPv6(hostname).forEach((group, i) => view.setUint16(8 + 2 * i, group));
  if (v6 && zone !== undefined) view.setUint32(24, interfaceIndex(zone), true);
  if (!v6) bytes.set(parseIPv4(hostname), 4);
  return bytes;
}

/** Whether two addresses are one, however they are spelt. */
export function isSameAddress(a: SocketAddress, b: SocketAddress): boolean {
  if (a.transport === "unix" || b.transport === "unix") {
    return a.transport === "unix" && b.transport === "unix" && a.path === b.path;
  }
  return a.port === b.port && canonicalHost(a.hostname) === canonicalHost(b.hostname);
}

/** For people: `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock`, `unix:@name`. */
export function formatAddress(address: SocketAddress): string {
  return showBind(toBind(address));
}

/** The address as the configuration would name it, where abstract names begin with "@". */
export function toBind(address: SocketAddress): Bind {
  return address.transport === "tcp"
    ? { transport: "tcp", hostname: address.hostname, port: address.port }
    : { transport: "unix", path: address.path.replace(/^\0/, "@") };
}

/** Without the zone, which Deno does not tell. */
function canonicalHost(hostname: string): string {
  return hostname.includes(":") ? canonicalIPv6(hostname.replace(/%.*/, "")) : hostname;
}

/** The scope of a link-local address, by the interface's name or index: if_nametoindex(3). */
export function interfaceIndex(zone: string): number {
  const index = /^\d+$/.test(zone) ? Number(zone) : libc().if_nametoindex(cString(zone));
  if (index > 0) return index;
  throw new SystemError(
    `Cannot use ${JSON.stringify(zone)} as the zone of an IPv6 address: this machine has no such ` +
      `network interface; "ip link" shows those that there are`,
  );
}

/** RFC 5952's spelling, which the URL parser knows. */
function canonicalIPv6(hostname: string): string {
  const url = URL.parse(`http://[${hostname}]`);
  if (url === null) {
    throw new SystemError(`Cannot read ${JSON.stringify(hostname)} as an IPv6 address`);
  }
  return url.hostname.slice(1, -1);
}

function expandIPv6(hostname: string): number[] {
  const [head = "", tail] = canonicalIPv6(hostname).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].map((group) => parseInt(group, 16));
}

function parseIPv4(hostname: string): number[] {
  const parts = hostname.split(".").map(Number);
  if (parts.length !== 4 || !parts.every((n) => Number.isInteger(n) && n >= 0 && n <= 255)) {
    throw new SystemError(`Cannot read ${JSON.stringify(hostname)} as an IPv4 address`);
  }
  return parts;
}
