/**
 * Has the procs replaced when files have changed: any of the app's (`reload: true`, for development),
 * and the certificate (`tls_watch`) where they cannot read it again themselves.
 */

import { appFile } from "../../config/app.ts";
import type { Config } from "../../config/config.ts";
import { foundProjectFiles, lockFlags, projectDirectory } from "../../launch/deno_arguments.ts";
import { filesOf } from "../../launch/module_graph.ts";
import type { Log } from "../../log/record.ts";
import { CertificateWatch } from "./certificate_watch.ts";
import type { Inbox, ManagerEvent } from "../inbox.ts";
import { SourceWatch } from "./source_watch.ts";

export class Reloader {
  readonly #log: Log;
  readonly #onChange: (files: readonly string[]) => void;
  readonly #certificate: CertificateWatch;
  /** Null without `reload`. */
  #watch: SourceWatch | null = null;
  /** What procs have told: the first one of a reload does so before its configuration is in force. */
  readonly #told = new Set<string>();

  constructor(config: Config, log: Log, inbox: Inbox<ManagerEvent>) {
    this.#log = log;
    this.#onChange = (files) => inbox.push({ type: "files_changed", files });
    this.#certificate = new CertificateWatch(this.#onChange);
    this.follow(config);
  }

  /** A configuration is in force: watches what it says, or nothing any more. */
  follow(config: Config): void {
    this.#certificate.follow(config);
    if (config.reload) this.#watchSources(config);
    else if (this.#watch !== null) {
      this.#watch.close();
      this.#watch = null;
      this.#log.info("The app's files are not watched any more (reload: false)");
    }
  }

  #watchSources(config: Config): void {
    if (this.#watch === null) {
      this.#watch = new SourceWatch({ log: this.#log, onChange: this.#onChange });
      this.#watch.add([...this.#told]);
    }
    this.#watch.match(config.reload_extra_files);
    this.look(config);
  }

  /** Looks anew what an app is made of: a change may have brought imports with it. */
  async look(config: Config): Promise<void> {
    const watch = this.#watch;
    if (watch === null) return;
    const files = await ownFiles(config);
    // Meanwhile a reload may have ended it.
    if (watch === this.#watch) watch.add(files);
  }

  /** A proc has loaded these. */
  add(files: readonly string[]): void {
    for (const file of files) this.#told.add(file);
    this.#watch?.add(files);
  }

  close(): void {
    this.#watch?.close();
    this.#certificate.close();
  }
}

/**
 * The files of a TypeScript app's own: what Deno finds, but for what was installed (npm), and what
 * says where it is found (deno.json with its import map). Empty where the app is no file.
 */
async function ownFiles(config: Config): Promise<string[]> {
  const app = appFile(config.app);
  if (config.interface !== "fetch" || app === null || Deno.build.standalone) return [];
  const cwd = projectDirectory(config);
  const known = [app, ...foundProjectFiles(cwd)];
  try {
    const files = await filesOf(app, { cwd, flags: lockFlags(cwd) });
    return [...known, ...files.filter((file) => !file.includes("/node_modules/"))];
  } catch {
    return known; // Deno cannot say, and these matter most
  }
}
