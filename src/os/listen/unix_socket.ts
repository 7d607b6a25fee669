/**
 * How a unix socket comes to its name, whoever makes it: what is in its place, who may use it, and
 * from when on it listens.
 *
 * The socket itself is made by the caller. A manager's is one that no event loop watches
 * (bound_socket.ts); the solo process has Deno listen, which needs no FFI and is what serves.
 */

import type { Bind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { messageOf, SystemError } from "../../errors.ts";
import type { Patience } from "../retry.ts";
import { bindFailure, whenFree } from "./bind_failure.ts";
import { accessOf, SocketFile } from "./socket_file.ts";
import { withUmask } from "../process/umask.ts";

export type UnixBind = Extract<Bind, { transport: "unix" }>;

/** How the caller makes a socket. */
export interface SocketMaker<T> {
  /** Binds a path, or the name of an abstract socket, which begins with a NUL. */
  bind(name: string): T;
  /** Listens with the backlog that is configured, now that the socket is its owner's. */
  listen(socket: T): void;
  close(socket: T): void;
}

export interface UnixSocketOptions extends Patience {
  readonly config: Config;
}

/**
 * Opens a unix socket. A file left over by a server that was killed is removed first; one that a
 * living server listens on, or that is no socket, is an error. Throws a SystemError that names the
 * address, and leaves nothing behind then.
 */
export async function openUnixSocket<T>(
  bind: UnixBind,
  { config, ...patience }: UnixSocketOptions,
  maker: SocketMaker<T>,
): Promise<{ socket: T; file: SocketFile | null }> {
  const { path } = bind;
  const isAbstract = path.startsWith("@");
  const access = accessOf(config);
  if (!isAbstract) await removeStaleSocket(path);
  const socket = isAbstract
    ? await whenFree(bind, patience, () => maker.bind(`\0${path.slice(1)}`))
    : bindWithMode(bind, access.mode, maker);
  let file: SocketFile | null = null;
  try {
    if (!isAbstract) file = SocketFile.made(path, access);
    maker.listen(socket);
    return { socket, file };
  } catch (error) {
    file?.remove();
    maker.close(socket);
    throw error;
  }
}

/** With the mode from the first instant: umask() works before the file is there, chmod() only afterwards. */
function bindWithMode<T>(bind: UnixBind, mode: number | null, maker: SocketMaker<T>): T {
  try {
    return withUmask(mode === null ? null : 0o777 & ~mode, () => maker.bind(bind.path));
  } catch (error) {
    throw bindFailure(bind, error);
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const what = `Cannot listen on unix:${path}`;
  let file: Deno.FileInfo;
  try {
    file = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw bindFailure({ transport: "unix", path }, error);
  }
  if (!file.isSocket) {
    throw new SystemError(`${what}: a file that is no socket is in its place; remove or rename it`);
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    // Only this says that nobody listens. Any other error (no permission) says nothing.
    if (!(error instanceof Deno.errors.ConnectionRefused)) {
      throw new SystemError(`${what}: ${messageOf(error)}`, { cause: error });
    }
    Deno.removeSync(path);
    return;
  }
  throw new SystemError(`${what}: another server listens on it; stop that, or take another path`);
}
