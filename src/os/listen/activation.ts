/** systemd's socket activation: the sockets that were opened for us are what we listen on. */

import { type Bind, showBind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { formatAddress } from "../sockets/address.ts";
import { type InheritedSocket, takeListenFds } from "./inherit.ts";

export class Activation {
  readonly sockets: readonly InheritedSocket[];

  constructor(sockets: readonly InheritedSocket[]) {
    this.sockets = sockets;
  }

  /**
   * Takes over what LISTEN_FDS promises this process; usually nothing. Throws SystemError.
   *
   * @param handedOver What another process hands on, which systemd had passed it to.
   */
  static take(handedOver: Readonly<Record<string, string>> = {}): Activation {
    return new Activation(takeListenFds(handedOver));
  }

  /**
   * The configuration with these sockets in the place of `bind`, as in gunicorn: whoever wrote the
   * socket unit has said there where to listen. A configuration that has descriptors or names
   * (`fd://3`, `fd://web`) says itself which socket is for what; its names become descriptors.
   * Throws SystemError for a name that nobody has.
   */
  apply(config: Config): Config {
    const given = [...config.bind, ...config.redirect_bind];
    if (given.some(({ transport }) => transport === "fd" || transport === "named")) {
      const find = (bind: Bind) => this.#find(bind);
      const found = {
        bind: config.bind.flatMap(find),
        redirect_bind: config.redirect_bind.flatMap(find),
      };
      requireOnce([...found.bind, ...found.redirect_bind]);
      return { ...config, ...found };
    }
    if (this.sockets.length === 0) return config;
    return { ...config, bind: this.sockets.map(toBind) };
  }

  /** Applies it, and says which sockets nobody serves. Throws SystemError. */
  activate(config: Config, log: Log): Config {
    const activated = this.apply(config);
    const unused = this.unused(activated).describe();
    if (unused !== "") log.warning(`No bind names what systemd has passed: ${unused}`);
    return activated;
  }

  /** Those that no bind of this (applied) configuration serves: who connects there waits in vain. */
  unused({ bind, redirect_bind }: Config): Activation {
    const used = [...bind, ...redirect_bind].flatMap((it) => it.transport === "fd" ? [it.fd] : []);
    return new Activation(this.sockets.filter(({ fd }) => !used.includes(fd)));
  }

  /** For the log: `fd://3 (web, 127.0.0.1:80)`. Empty where there is nothing to say. */
  describe(): string {
    return this.sockets
      .map(({ fd, name, address }) => `fd://${fd} (${name}, ${formatAddress(address)})`)
      .join(", ");
  }

  /** Several sockets may have one name: all of a socket unit have, unless it says otherwise. */
  #find(bind: Bind): Bind | Bind[] {
    if (bind.transport !== "named") return bind;
    const found = this.sockets.filter(({ name }) => name === bind.name);
    if (found.length > 0) return found.map(toBind);
    throw new SystemError(
      `Cannot listen on ${showBind(bind)}: ` +
        (this.sockets.length === 0
          ? "systemd has passed no sockets (LISTEN_FDS); start denicorn by a socket unit, or " +
            "name an address"
          : `no socket of systemd's has that FileDescriptorName=; there are: ${this.describe()}`),
    );
  }
}

function toBind({ fd }: InheritedSocket): Bind {
  return { transport: "fd", fd };
}

/** A descriptor may come by its number and by its name. */
function requireOnce(binds: readonly Bind[]): void {
  const seen = new Set<number>();
  for (const bind of binds) {
    if (bind.transport !== "fd") continue;
    if (seen.has(bind.fd)) {
      throw new SystemError(`Cannot listen on ${showBind(bind)} twice: name each socket once`);
    }
    seen.add(bind.fd);
  }
}
