/** systemd's socket activation: the sockets that were opened for us are what we listen on. */

import type { Bind, Config } from "../config/config.ts";
import { formatAddress } from "./address.ts";
import { type InheritedSocket, takeListenFds } from "./inherit.ts";

export class Activation {
  readonly sockets: readonly InheritedSocket[];

  constructor(sockets: readonly InheritedSocket[]) {
    this.sockets = sockets;
  }

  /** Takes over what LISTEN_FDS promises this process; usually nothing. Throws SystemError. */
  static take(): Activation {
    return new Activation(takeListenFds());
  }

  /**
   * The configuration with these sockets in the place of `bind`, as in gunicorn: whoever wrote the
   * socket unit has said there where to listen. A configuration that names descriptors (`fd://3`)
   * says itself which socket is for what, and is left as it is.
   */
  apply(config: Config): Config {
    const named = [...config.bind, ...config.redirect_bind].some(({ transport }) =>
      transport === "fd"
    );
    if (this.sockets.length === 0 || named) return config;
    const bind = this.sockets.map(({ fd }): Bind => ({ transport: "fd", fd }));
    return { ...config, bind };
  }

  /** For the log: `fd://3 (web.socket, 127.0.0.1:80)`. Empty where there is nothing to say. */
  describe(): string {
    return this.sockets
      .map(({ fd, name, address }) => `fd://${fd} (${name}, ${formatAddress(address)})`)
      .join(", ");
  }
}
