/** The WSGI apps of these tests, tests/apps/wsgi, started on the system's Python. */

import type { Running } from "../../support/running.ts";
import type { Scene } from "../../support/scene.ts";
import { pythons, systemPython } from "../../unit/python/pythons.ts";

export const APPS = new URL("../../apps/wsgi/", import.meta.url).pathname;

/** Debian's, which has Flask and Django; else any that can be embedded. TEST_PYTHON names another. */
export const PYTHON = Deno.env.get("TEST_PYTHON") ?? systemPython() ?? pythons()[0] ?? "python3";

export interface Start {
  readonly threads?: number;
  readonly workers?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The command line for an app. */
export function wsgiArgs(app: string, { threads = 1, workers = 1, args = [] }: Start = {}) {
  const bind = args.some((arg) => arg === "-b" || arg === "--bind") ? [] : ["-b", "127.0.0.1:0"];
  return [
    ...bind,
    "-w",
    String(workers),
    "-t",
    String(threads),
    "--python",
    PYTHON,
    "--chdir",
    APPS,
    ...args,
    app,
  ];
}

/** Starts an app and waits until it is served. */
export async function startWsgi(
  scene: Scene,
  app = "conformance",
  start: Start = {},
): Promise<Running> {
  const server = scene.run(["--interface", "wsgi", ...wsgiArgs(app, start)], {
    env: { PYTHONDONTWRITEBYTECODE: "1", ...start.env },
  });
  await server.ready(start.workers ?? 1);
  return server;
}

/** What the apps of conformance/ count. */
export async function stateOf(server: Running): Promise<Record<string, unknown>> {
  return JSON.parse(await server.get("/state"));
}
