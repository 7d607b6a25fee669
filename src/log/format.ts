/** How a record of the error log looks: one line, or several of which only the first can be one. */

import { clockOf, dayOf, perSecond, zoneOf } from "./clock.ts";
import type { Level, LogRecord } from "./record.ts";

/** Turns a record into text that ends in a line feed. */
export type Format = (record: LogRecord) => string;

/**
 * One line as gunicorn writes it: `[2026-11-21 06:23:00 +0000] [123] [INFO] [manager] message`.
 * Further lines are indented: no line of a message can pass for a record of its own.
 */
export function formatText({ time, level, message, pid, role }: LogRecord): string {
  return `[${localTime(time)}] [${pid}] [${level.toUpperCase()}] [${printable(role)}] ` +
    `${indented(message, "    ")}\n`;
}

/** One JSON object a line. */
export function formatJson({ time, level, message, pid, role }: LogRecord): string {
  const fields = { time: new Date(time).toISOString(), level, pid, role, message };
  return `${JSON.stringify(fields).replace(NOT_IN_JSON, escapeUnicode)}\n`;
}

const COLOURS: Readonly<Record<Level, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
  critical: "\x1b[1;31m",
};

/** For people at a terminal: short, in columns, with the level in colour. */
export function formatPretty({ time, level, role, message }: LogRecord): string {
  return `${dim(localClock(time))} ${COLOURS[level]}${level.padEnd(8)}\x1b[0m ` +
    `${dim(printable(role).padEnd(8))} ${indented(message, "    ")}\n`;
}

function dim(text: string): string {
  return `\x1b[2m${text}\x1b[0m`;
}

/** What can move a terminal's cursor or end a line in some reader, but for line feed and tab. */
// deno-lint-ignore no-control-regex -- that is what is looked for
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g;
const NOT_IN_JSON = /[\x7f-\x9f\u2028\u2029]/g;

function escapeControl(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? escapeUnicode(character) : `\\x${code.toString(16).padStart(2, "0")}`;
}

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function printable(text: string): string {
  return text.replace(/\n/g, "\\n").replace(CONTROLS, escapeControl);
}

function indented(message: string, indent: string): string {
  return message.replace(/\r\n/g, "\n").replace(/\n+$/, "").replace(CONTROLS, escapeControl)
    .replaceAll("\n", `\n${indent}`);
}

/** `2026-11-21 06:23:00 +0000`, in local time. */
const localTime = perSecond((date) => `${dayOf(date)} ${clockOf(date)} ${zoneOf(date)}`);
/** For a terminal: whoever looks at it knows the day. */
const localClock = perSecond(clockOf);
