/** Checks what comes over a control channel, so that the rest may rely on the types. */

import type { LogRecord } from "../../log/record.ts";
import { LEVELS } from "../../log/record.ts";
import {
  type HeardOfProc,
  type ManagerToProc,
  type ProcStats,
  REPLACE_CAUSES,
  type ReplaceCause,
} from "./control.ts";

/** Of the name of a message that is not known here, for the log. */
const MAX_NAME_CHARACTERS = 100;

type Fields = Readonly<Record<string, unknown>>;

/** Runs in the manager. Everything is looked at: an app that went mad must not confuse the manager. */
export function parseProcToManager(value: unknown): HeardOfProc {
  const fields = fieldsOf(value);
  const { type } = fields;
  switch (type) {
    case "hello":
      return { type, pid: number(fields, "pid"), token: string(fields, "token") };
    case "loaded":
    case "ready":
    case "unlistened":
    case "logs_reopened":
      return { type };
    case "boot_failed":
      return {
        type,
        exit_code: number(fields, "exit_code"),
        message: string(fields, "message"),
        trace: string(fields, "trace"),
      };
    case "heartbeat":
      return { type, stats: stats(fields["stats"]) };
    case "blocked":
      return { type, blocked: fields["blocked"] === true };
    case "log":
      return { type, records: list(fields, "records").map(record) };
    case "sources":
      return { type, files: list(fields, "files").filter((file) => typeof file === "string") };
    case "replace_me":
      return { type, why: string(fields, "why"), cause: replaceCause(fields["cause"]) };
    case "leaving":
      return { type, why: string(fields, "why"), graceful: fields["graceful"] === true };
    case "steered":
      return { type, error: fields["error"] === null ? null : string(fields, "error") };
    default:
      if (typeof type !== "string") throw unknown(type);
      return { type: "unknown", named: type.slice(0, MAX_NAME_CHARACTERS) };
  }
}

/** Runs in a proc, which trusts its manager: only the type is looked at. */
export function parseManagerToProc(value: unknown): ManagerToProc {
  const { type } = fieldsOf(value);
  switch (type as ManagerToProc["type"]) {
    case "boot":
    case "listen":
    case "drain":
    case "stop":
    case "reopen_logs":
    case "steer":
      return value as ManagerToProc;
    default:
      throw unknown(type);
  }
}

function stats(value: unknown): ProcStats {
  const fields = fieldsOf(value);
  return {
    requests: number(fields, "requests"),
    in_flight: number(fields, "in_flight"),
    queued: number(fields, "queued"),
    sessions: number(fields, "sessions"),
    rss: number(fields, "rss"),
  };
}

function record(value: unknown): LogRecord {
  const fields = fieldsOf(value);
  const level = LEVELS.find((level) => level === fields["level"]);
  if (level === undefined) throw new Error(`there is no log level ${String(fields["level"])}`);
  return {
    time: number(fields, "time"),
    level,
    message: string(fields, "message"),
    pid: number(fields, "pid"),
    role: string(fields, "role"),
  };
}

function replaceCause(value: unknown): ReplaceCause {
  if (typeof value !== "string") {
    throw new Error(`there is no cause ${JSON.stringify(value)} to be replaced`);
  }
  // One of a newer version's is a wish all the same, that says nothing against the app.
  return REPLACE_CAUSES.find((cause) => cause === value) ?? "work";
}

function fieldsOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error("a line on the control channel is no JSON object");
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === "number") return value;
  throw wrong(fields, name, "number");
}

function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw wrong(fields, name, "string");
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (Array.isArray(value)) return value;
  throw wrong(fields, name, "list");
}

function wrong(fields: Fields, name: string, expected: string): Error {
  return new Error(`"${String(fields["type"])}" on the control channel has no ${expected} ${name}`);
}

function unknown(type: unknown): Error {
  return new Error(`there is no message of type ${JSON.stringify(type)} on the control channel`);
}
