/**
 * Has the procs replaced when files have changed: any of the app's (`reload: true`, for development),
 * and the certificate (`tls_watch`) where they cannot read it again themselves.
 */

import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import { CertificateWatch } from "./certificate_watch.ts";
import type { Inbox, ManagerEvent } from "./inbox.ts";
import { moduleFiles } from "./module_graph.ts";
import { SourceWatch } from "./source_watch.ts";

export class Reloader {
  /** Null without `reload`. */
  readonly #watch: SourceWatch | null;
  readonly #certificate: CertificateWatch;

  constructor(config: Config, log: Log, inbox: Inbox<ManagerEvent>) {
    const onChange = (files: readonly string[]) => inbox.push({ type: "files_changed", files });
    const globs = config.reload_extra_files;
    this.#watch = config.reload ? new SourceWatch({ globs, log, onChange }) : null;
    this.#certificate = new CertificateWatch(onChange);
    this.follow(config);
  }

  /** Looks anew what the app is made of: a change may have brought imports with it. */
  async follow(config: Config): Promise<void> {
    this.#certificate.follow(config);
    if (this.#watch !== null) this.#watch.add(await moduleFiles(config));
  }

  /** A proc has loaded these. */
  add(files: readonly string[]): void {
    this.#watch?.add(files);
  }

  close(): void {
    this.#watch?.close();
    this.#certificate.close();
  }
}
