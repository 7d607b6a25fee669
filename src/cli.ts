/** The command line: arguments to configuration to a running server, and errors to exit codes. */

import { appFile } from "./config/app.ts";
import { requireFile } from "./config/app_file.ts";
import type { Config } from "./config/config.ts";
import { helpText } from "./config/texts/help.ts";
import {
  load,
  type Loaded,
  type LoadOptions,
  readArguments,
  requireConfig,
} from "./config/load.ts";
import { checkMachine } from "./config/machine_check.ts";
import { printedConfig } from "./config/texts/print.ts";
import { VERSION } from "./config/version.ts";
import { ConfigError, ExitCode, SystemError } from "./errors.ts";
import { placeOf, startDirectory } from "./launch/start_directory.ts";
import { exitCodeOf, say, withLog } from "./log/last_words.ts";
import { Activation } from "./os/listen/activation.ts";
import { NotifySocket } from "./os/sockets/notify_socket.ts";
import { requirePermissions } from "./permissions.ts";
import type { SoloStart } from "./protocol/solo_start.ts";

/** Runs the program and ends the process. */
export async function main(argv: readonly string[]): Promise<void> {
  Deno.exit(await run(argv));
}

/** Runs the program; the result is its exit code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  return await exitCodeOf(() => answer(argv));
}

async function answer(argv: readonly string[]): Promise<ExitCode> {
  const asked = readArguments(argv);
  if (asked.help) return print(helpText());
  if (asked.version) return print(`denicorn ${VERSION} (Deno ${Deno.version.deno})\n`);

  requirePermissions();
  const cwd = startDirectory();
  const options: LoadOptions = { argv, env: Deno.env.toObject(), cwd };
  const loaded = load({ ...options, cwd: placeOf(cwd) });
  if (asked.printConfig) return print(printedConfig(loaded.values));
  if (asked.checkConfig) {
    for (const warning of loaded.warnings) say(Deno.stderr, `denicorn: warning: ${warning}\n`);
    await check(loaded);
    return print(`denicorn: the configuration is right\n`);
  }
  const config = requireConfig(loaded);
  requireAppFile(config);
  return await serve(config, loaded, options);
}

/** What can be known without running any code of the user's. @throws {DenicornError} */
async function check(loaded: Loaded): Promise<void> {
  const config = requireConfig(loaded);
  requireAppFile(config);
  checkMachine(loaded);
  const { certfile, keyfile, http2 } = config;
  if (certfile === null || keyfile === null) return;
  // Deno would ask whoever sits at the terminal.
  if (Deno.permissions.querySync({ name: "net" }).state !== "granted") return;
  const { CertificateFiles } = await import("./proc/edge/certificate.ts");
  try {
    new CertificateFiles({ certfile, keyfile, http2 }).read();
  } catch (error) {
    // Root, who starts the server, may read it: that this user may not says nothing against it.
    if (error instanceof SystemError && error.cause instanceof Deno.errors.PermissionDenied) return;
    if (error instanceof SystemError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}

/** Loaded only now, so that --help and usage errors come at once. */
async function serve(
  config: Config,
  { file, warnings }: { file: string | null; warnings: readonly string[] },
  options: LoadOptions,
): Promise<ExitCode> {
  const { takeHandover } = await import("./manager/succession/handover.ts");
  const handover = takeHandover();
  if (config.workers === 0 && handover === null) {
    return await startSolo({ config, file, warnings, ranForMs: 0 });
  }
  const { openErrorLog } = await import("./log/error_log.ts");
  const { bannerLines } = await import("./log/banner.ts");
  const log = openErrorLog(config, "manager");
  return await withLog(config, log, async () => {
    // After USR2 the addresses belong to the other manager, which hands them to a manager alone.
    requireManaged(config);
    const notify = NotifySocket.take(log);
    const activation = Activation.take(handover?.names);
    if (activation.sockets.length > 0) log.info(`From systemd: ${activation.describe()}`);
    const { runManager } = await import("./manager/manager.ts");
    let fileBefore = file;
    return await runManager(activation.activate(config, log), log, {
      argv: options.argv,
      cwd: options.cwd,
      announce: (actual) => {
        for (const line of bannerLines(actual, file)) log.info(line);
        for (const warning of warnings) log.warning(warning);
      },
      inherited: { activated: activation.sockets, handover },
      notify,
      // deno-lint-ignore require-await -- an error in it is to reject
      reloadConfig: async () => {
        const again = load({ ...options, cwd: placeOf(options.cwd) });
        requireFileAgain(fileBefore, again.file);
        fileBefore = again.file;
        const fresh = requireConfig(again);
        requireManaged(fresh);
        requireAppFile(fresh);
        for (const warning of again.warnings) log.warning(warning);
        log.reconfigure(fresh);
        return activation.activate(fresh, log);
      },
      requireFile: () => {
        const again = load({ ...options, cwd: placeOf(options.cwd) });
        requireFileAgain(fileBefore, again.file);
      },
    });
  });
}

/** This process serves itself: under the app's configuration, where it can be started anew. */
async function startSolo(start: SoloStart): Promise<ExitCode> {
  const { becomeSolo } = await import("./launch/become_solo.ts");
  const { requireProject } = await import("./launch/deno_refusal.ts");
  const { openErrorLog } = await import("./log/error_log.ts");
  try {
    await requireProject(start.config);
  } catch (error) {
    const log = openErrorLog(start.config, "solo");
    return await withLog(start.config, log, () => Promise.reject(error));
  }
  const why = becomeSolo(start);
  const { serveSolo } = await import("./proc/solo_main.ts");
  const advice = `The app's own deno.json and package.json do not hold (${why}); ` +
    "where they have to, use workers: 1 and threads: 0";
  const warnings = why === null ? start.warnings : [...start.warnings, advice];
  const log = openErrorLog(start.config, "solo");
  return await withLog(start.config, log, () => serveSolo({ ...start, warnings }, log));
}

/** What follows a manager that serves has to be one, or nobody would serve in the end. */
function requireManaged({ workers }: Config) {
  if (workers > 0) return;
  const why = "workers: 0 is one process without a manager, which neither a reload nor USR2 can " +
    "make of a server that runs";
  throw new ConfigError(`${why}; stop that and start it anew, or take 1 or more`);
}

/** The file that is read where it is there: without it a server would leave its address for the default. */
function requireFileAgain(before: string | null, now: string | null) {
  if (before === null || now !== null) return;
  throw new ConfigError(
    `${before}, which was read before, is not there any more; put it back, or an empty one`,
  );
}

/** Says at once, instead of after the start of all procs, that the app's file is not there. */
function requireAppFile(config: Config) {
  const file = config.interface === "fetch" ? appFile(config.app) : null;
  if (file !== null) requireFile(file);
}

function print(text: string): ExitCode {
  say(Deno.stdout, text);
  return ExitCode.ok;
}
