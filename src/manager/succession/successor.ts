/**
 * A manager beside another (USR2): the new one takes over the shared sockets, binds the others as
 * well, and both serve until one of them is told to stop. Nothing is decided here for anybody: TERM
 * to the old one completes the change, TERM to the new one undoes it, as with gunicorn.
 */

import { messageOf, SystemError } from "../../errors.ts";
import type { CommandLine } from "../../launch/command_line.ts";

const SAME_STREAMS = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;

interface StartOptions {
  /** Where it was started. */
  readonly cwd: string;
  /** Runs the start with the sockets that it takes over, and what it is to be told of them. */
  readonly handOver: (start: (env: Record<string, string>) => Successor) => Successor;
  /** To be added to this process's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** The new manager as the old one sees it. */
export class Successor {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts this program once more, as it was started itself. Throws SystemError. */
  static start(
    { program, args }: CommandLine,
    { cwd, handOver, env }: StartOptions,
  ): Successor {
    try {
      return handOver((handover) => {
        const options = { args: [...args], cwd, env: { ...env, ...handover }, ...SAME_STREAMS };
        return new Successor(new Deno.Command(program, options).spawn());
      });
    } catch (error) {
      const reason = messageOf(error);
      throw new SystemError(`Cannot start a new manager (${program} in ${cwd}): ${reason}`, {
        cause: error,
      });
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }
}
