/** The command line: arguments to configuration to a running server, and errors to exit codes. */

import { appFile } from "./config/app.ts";
import type { Config } from "./config/config.ts";
import { helpText } from "./config/help.ts";
import { load, type LoadOptions, readArguments, requireConfig } from "./config/load.ts";
import { printedConfig } from "./config/print.ts";
import { VERSION } from "./config/version.ts";
import { AppLoadError, DenicornError, ExitCode, SystemError } from "./errors.ts";
import { Activation } from "./os/activation.ts";

/** Runs the program and ends the process. */
export async function main(argv: readonly string[]): Promise<void> {
  Deno.exit(await run(argv));
}

/** Runs the program; the result is its exit code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  try {
    return await answer(argv);
  } catch (error) {
    if (!(error instanceof DenicornError)) throw error;
    say(Deno.stderr, `denicorn: ${textOf(error)}\n`);
    return error.exitCode;
  }
}

async function answer(argv: readonly string[]): Promise<ExitCode> {
  const asked = readArguments(argv);
  if (asked.help) return say(Deno.stdout, helpText());
  if (asked.version) return say(Deno.stdout, `denicorn ${VERSION} (Deno ${Deno.version.deno})\n`);

  const options: LoadOptions = { argv, env: Deno.env.toObject(), cwd: currentDirectory() };
  const loaded = load(options);
  if (asked.printConfig) return say(Deno.stdout, printedConfig(loaded.values));
  if (asked.checkConfig) {
    for (const warning of loaded.warnings) say(Deno.stderr, `denicorn: warning: ${warning}\n`);
    if (loaded.config !== null) requireAppFile(loaded.config);
    return say(Deno.stdout, `denicorn: the configuration is right\n`);
  }
  const config = requireConfig(loaded);
  requireAppFile(config);
  return await serve(config, loaded, options);
}

/** Loaded only now, so that --help and usage errors come at once. */
async function serve(
  config: Config,
  { file, warnings }: { file: string | null; warnings: readonly string[] },
  options: LoadOptions,
): Promise<ExitCode> {
  const { openErrorLog } = await import("./log/error_log.ts");
  const { bannerLines } = await import("./log/banner.ts");
  const { takeHandover } = await import("./manager/handover.ts");
  const log = openErrorLog(config, config.workers === 0 ? "solo" : "manager");
  try {
    const handover = takeHandover();
    const activation = Activation.take(handover?.names);
    const activate = (config: Config) => {
      const activated = activation.apply(config);
      const unused = activation.unused(activated).describe();
      if (unused !== "") log.warning(`No bind names what systemd has passed: ${unused}`);
      return activated;
    };
    if (activation.sockets.length > 0) log.info(`From systemd: ${activation.describe()}`);
    const activated = activate(config);
    const announce = (actual: Config) => {
      for (const line of bannerLines(actual, file)) log.info(line);
      for (const warning of warnings) log.warning(warning);
    };
    if (config.workers === 0) {
      const { runSolo } = await import("./proc/main.ts");
      return await runSolo(activated, log, { announce, reopenLog: () => log.reopen() });
    }
    const { runManager } = await import("./manager/manager.ts");
    return await runManager(activated, log, {
      argv: options.argv,
      announce,
      inherited: { activated: activation.sockets, handover },
      // deno-lint-ignore require-await -- an error in it is to reject
      reloadConfig: async () => {
        const again = load(options);
        const fresh = requireConfig(again);
        requireAppFile(fresh);
        for (const warning of again.warnings) log.warning(warning);
        log.reconfigure(fresh);
        return activate(fresh);
      },
    });
  } catch (error) {
    // Standard error gets it too; who keeps the log in a file looks for the reason there.
    if (error instanceof DenicornError && config.error_log !== "-") log.critical(textOf(error));
    throw error;
  } finally {
    log.close();
  }
}

function textOf(error: DenicornError): string {
  const trace = error instanceof AppLoadError ? error.trace : "";
  return trace === "" ? error.message : `${error.message}\n${trace}`;
}

function currentDirectory(): string {
  try {
    return Deno.cwd();
  } catch (error) {
    throw new SystemError("Cannot start: the current directory does not exist any more", {
      cause: error,
    });
  }
}

/** Says at once, instead of after the start of all procs, that the app's file is not there. */
function requireAppFile(config: Config) {
  const file = config.interface === "fetch" ? appFile(config.app) : null;
  if (file === null) return;
  try {
    if (!Deno.statSync(file).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SystemError(`Cannot read the app ${file}: ${why}`, { cause: error });
    }
    throw new AppLoadError(`Cannot load the app: there is no file ${file}`, "");
  }
  throw new AppLoadError(`Cannot load the app: ${file} is a directory; name a file in it`, "");
}

/** Writes text as far as it can be written: `denicorn --help | head -1` is no error. */
function say(stream: { writeSync(bytes: Uint8Array): number }, text: string): ExitCode {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // Nobody reads.
  }
  return ExitCode.ok;
}
