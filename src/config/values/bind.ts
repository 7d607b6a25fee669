/** Addresses to listen on: how they are written, and how they are shown. */

import { BadValue } from "./bad_value.ts";

/**
 * Where to listen. A unix path that begins with "@" is an abstract one (Linux). What is named is a
 * socket of systemd's, by its FileDescriptorName=; src/os/listen/activation.ts finds the descriptors.
 */
export type Bind =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "fd"; readonly fd: number }
  | { readonly transport: "named"; readonly name: string };

const DEFAULT_HOSTNAME = "127.0.0.1";
const EVERY_ADDRESS = "0.0.0.0";
const MAX_PORT = 65_535;

/** sun_path is 108 bytes on Linux (unix(7)) with its closing NUL, and 104 on the BSDs. */
export const MAX_UNIX_PATH_BYTES = Deno.build.os === "linux" ? 107 : 103;

const FORMS = "HOST:PORT, [IPV6]:PORT, :PORT, PORT, unix:PATH, unix:@NAME, fd://N or fd://NAME";

/** The name of a network interface (IFNAMSIZ less the NUL), or its index. */
const ZONE = /^[\w.@-]{1,15}$/;

/** sd_listen_fds_with_names(3): up to 255 characters, no colon and nothing that is not printed. */
const FD_NAME = /^[!-9;-~]{1,255}$/;
const MAX_FD = 1_048_575;

const ADDRESS = /^(?:(\[[^\]]*\]|[^:[\]\s/]*):)?(\d+)$/;

/** Reads one address; a port alone is on the loopback address, `:PORT` on every IPv4 address. */
export function parseBind(text: string): Bind {
  if (text.startsWith("unix:")) return unixBind(text);
  if (text.startsWith("fd:")) return fdBind(text);
  const [, host, digits] = ADDRESS.exec(text.replace(/^(?:tcp|http):\/\//, "")) ?? [];
  if (digits === undefined) throw new BadValue(`is no address: write it as ${FORMS}${hint(text)}`);
  const port = parsePort(digits);
  // As a host it would be the address 0.0.31.64; it is meant as a container's port mapping.
  if (/^\d+$/.test(host ?? "")) throw new BadValue(`has a port for a host: write it as ${FORMS}`);
  if (host === undefined) return { transport: "tcp", hostname: DEFAULT_HOSTNAME, port };
  if (host === "") return { transport: "tcp", hostname: EVERY_ADDRESS, port };
  if (host.startsWith("[")) return { transport: "tcp", hostname: ipv6(host.slice(1, -1)), port };
  return { transport: "tcp", hostname: host === "*" ? EVERY_ADDRESS : host, port };
}

function hint(text: string): string {
  if (/^[0-9a-f]*:[0-9a-f:]*:[0-9a-f]*$/i.test(text)) return "; an IPv6 address goes in brackets";
  return /^(?:[a-z][\w.-]*|\[[0-9a-f:]+\])$/i.test(text) ? `; did you mean ${text}:8000?` : "";
}

/** A port by its number; 0 is a free one, which the system chooses. */
export function parsePort(digits: string): number {
  if (!/^\d{1,9}$/.test(digits)) throw new BadValue(`is not a port from 0 to ${MAX_PORT}`);
  const port = Number(digits);
  if (port > MAX_PORT) throw new BadValue(`has a port above ${MAX_PORT}`);
  return port;
}

function ipv6(address: string): string {
  const [bare = "", ...zone] = address.split("%");
  const url = bare.includes(":") ? URL.parse(`http://[${bare}]/`) : null;
  if (url === null) throw new BadValue(`has no IPv6 address in its brackets`);
  // fe80::/10 is on every link: without its zone (RFC 4007) the system cannot tell which is meant.
  const linkLocal = /^\[fe[89ab]/.test(url.hostname);
  if (zone.length === 0 && !linkLocal) return address;
  if (!linkLocal) throw new BadValue("has a zone, which only a link-local address (fe80::…) has");
  if (!ZONE.test(zone.join("%"))) {
    throw new BadValue(`is link-local and needs its interface: write it as [${bare}%eth0]:PORT`);
  }
  return address;
}

function unixBind(text: string): Bind {
  // unix:/run/x and the URL form unix:///run/x mean the same.
  const path = text.slice("unix:".length).replace(/^\/\/(?=\/|@)/, "");
  if (path === "" || path === "@") throw new BadValue("has no path after unix:");
  if (path.includes("\0")) throw new BadValue("has a NUL in its path");
  return { transport: "unix", path };
}

/** What begins with a digit is a number; systemd's names may as well, but nobody's do. */
function fdBind(text: string): Bind {
  const what = text.replace(/^fd:(?:\/\/)?/, "");
  if (/^\d+$/.test(what)) {
    const fd = Number(what);
    if (fd > MAX_FD) throw new BadValue(`has a descriptor above ${MAX_FD}`);
    return { transport: "fd", fd };
  }
  if (!FD_NAME.test(what) || /^[-+.\d]/.test(what)) {
    throw new BadValue(
      "has neither the number of a descriptor nor the name of one of systemd's sockets: write it " +
        "as fd://3 or fd://NAME",
    );
  }
  return { transport: "named", name: what };
}

/** The address as {@linkcode parseBind} reads it. */
export function showBind(bind: Bind): string {
  switch (bind.transport) {
    case "tcp":
      return `${bracketed(bind.hostname)}:${bind.port}`;
    case "unix":
      return `unix:${bind.path}`;
    case "fd":
      return `fd://${bind.fd}`;
    case "named":
      return `fd://${bind.name}`;
  }
}

/** Whether `bind` is `[::]` beside a `0.0.0.0` of the same port, which would each take IPv4. */
export function isIPv4Twin(bind: Bind, other: Bind): boolean {
  return bind.transport === "tcp" && other.transport === "tcp" && bind.hostname === "::" &&
    other.hostname === EVERY_ADDRESS && bind.port === other.port && bind.port !== 0;
}

/** Whether a connection could belong to both, as they are with host names resolved. */
export function overlap(one: Bind, other: Bind): boolean {
  if (one.transport !== "tcp" || other.transport !== "tcp" || one.port !== other.port) return false;
  const [a, b] = [one.hostname, other.hostname];
  return one.port !== 0 && (a === b || holds(a, b) || holds(b, a));
}

/** `::` without an IPv4 twin takes the connections of IPv4 as well. */
function holds(wildcard: string, hostname: string): boolean {
  if (wildcard === "::") return hostname !== EVERY_ADDRESS;
  return wildcard === EVERY_ADDRESS && !hostname.includes(":");
}

/** The address as a terminal makes it clickable; every address is shown as one that can be opened. */
export function bindUrl(bind: Bind, scheme: "http" | "https"): string {
  if (bind.transport !== "tcp") return showBind(bind);
  const host = bind.hostname === EVERY_ADDRESS
    ? "localhost"
    : bind.hostname === "::"
    ? "[::1]"
    : bracketed(bind.hostname.replace("%", "%25")); // RFC 6874
  const usual = bind.port === (scheme === "https" ? 443 : 80);
  return `${scheme}://${host}${usual ? "" : `:${bind.port}`}/`;
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
