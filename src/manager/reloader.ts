/** `reload: true`: has the procs replaced whenever a file of the app has changed. For development. */

import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import type { Inbox, ManagerEvent } from "./inbox.ts";
import { moduleFiles } from "./module_graph.ts";
import { SourceWatch } from "./source_watch.ts";

export class Reloader {
  readonly #watch: SourceWatch;

  constructor(config: Config, log: Log, inbox: Inbox<ManagerEvent>) {
    this.#watch = new SourceWatch({
      globs: config.reload_extra_files,
      log,
      onChange: (files) => inbox.push({ type: "files_changed", files }),
    });
    this.follow(config);
  }

  /** Looks anew what the app is made of: a change may have brought imports with it. */
  async follow(config: Config): Promise<void> {
    this.#watch.add(await moduleFiles(config));
  }

  /** A proc has loaded these. */
  add(files: readonly string[]): void {
    this.#watch.add(files);
  }

  close(): void {
    this.#watch.close();
  }
}
