/** The environment as a source of settings. */

import { ControlEnv, HANDOVER_ENV } from "../../protocol/control/control.ts";
import { type Given, meant } from "./given.ts";
import { nearest } from "../nearest.ts";
import { envNames, envOf } from "../registry.ts";

const PLACE = "environment";
const PREFIX = envOf("");

/** What denicorn itself puts there for its own processes. */
const OWN = new Set<string>([...Object.values(ControlEnv), HANDOVER_ENV]);

/**
 * Kubernetes gives every container such variables for a service that is called "denicorn":
 * DENICORN_PORT=tcp://10.0.0.1:80 is not meant for us.
 */
const SERVICE_LINK = /^DENICORN_(?:SERVICE_(?:HOST|PORT)|PORT_\d+_)/;
const SERVICE_URL = /^(?:tcp|udp|sctp):\/\//;

export interface FromEnvironment {
  readonly given: readonly Given[];
  /** One line each: names that begin as ours do and mean nothing. */
  readonly warnings: readonly string[];
}

export function fromEnvironment(env: Readonly<Record<string, string>>): FromEnvironment {
  // In the registry's order, in which DENICORN_NAME comes before what others call it: first wins.
  const given = new Map<string, Given>();
  for (const [variable, entry] of envNames) {
    const { name } = entry;
    const text = env[variable];
    // Empty is how a shell, a unit file or a compose file says "not set".
    if (text === undefined || text === "" || given.has(name) || isServiceLink(variable, text)) {
      continue;
    }
    given.set(name, {
      name,
      raw: meant(entry, text, PLACE, variable),
      place: PLACE,
      called: variable,
    });
  }
  const warnings = Object.keys(env).filter((variable) =>
    variable.startsWith(PREFIX) && !envNames.has(variable) && !OWN.has(variable) &&
    !SERVICE_LINK.test(variable)
  ).sort().map((variable) => {
    const near = nearest(
      variable.slice(PREFIX.length),
      [...envNames.keys()].flatMap(withoutPrefix),
    );
    const hint = near === null ? "it is ignored" : `did you mean ${PREFIX}${near}?`;
    return `${PLACE}: there is no setting ${variable}; ${hint}`;
  });
  if (env["GUNICORN_CMD_ARGS"]) {
    warnings.push(`${PLACE}: GUNICORN_CMD_ARGS is not read: each setting has its own ${PREFIX}…`);
  }
  return { given: [...given.values()], warnings };
}

function isServiceLink(variable: string, text: string): boolean {
  return variable.startsWith(PREFIX) && SERVICE_URL.test(text);
}

function withoutPrefix(variable: string): string[] {
  return variable.startsWith(PREFIX) ? [variable.slice(PREFIX.length)] : [];
}
