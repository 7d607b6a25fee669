/** Settings of logging and of the process as the system sees it. */

import { compileAccessFormat } from "../../log/access_format.ts";
import { LEVELS } from "../../log/record.ts";
import { choice, type Kind, octal, optional, path, text } from "../values/kinds.ts";
import { setting } from "../setting.ts";

/** Checked at start: each proc compiles it again for itself. */
function accessFormat(): Kind<string> {
  const kind = text("FORMAT");
  return {
    ...kind,
    values: "gunicorn's atoms, or `json`",
    parse(raw) {
      const format = kind.parse(raw);
      compileAccessFormat(format);
      return format;
    },
  };
}

export const loggingSettings = {
  log_level: setting({
    section: "logging",
    // The synonyms are yimmo-wsgi's levels and those that other servers have.
    kind: choice(LEVELS, {
      trace: "debug",
      notice: "info",
      warn: "warning",
      err: "error",
      fatal: "critical",
    }),
    default: "info",
    short: "l",
    spellings: [{ env: ["YIMMO_LOG_LEVEL"] }],
    help: "The least level that is logged.",
  }),
  error_log: setting({
    section: "logging",
    kind: path("FILE", ["-"]),
    default: "-",
    spellings: [{ flags: ["error-logfile", "log-file"] }],
    help: "Where the server's own messages go; `-` is standard error.",
  }),
  log_format: setting({
    section: "logging",
    kind: choice(["auto", "text", "json"]),
    default: "auto",
    help: "Form of the error log: `auto` has colour on a terminal and is `text` elsewhere, " +
      "`json` is one object a line.",
  }),
  access_log: setting({
    section: "logging",
    kind: optional(path("FILE", ["-"])),
    default: null,
    defaultText: "off",
    spellings: [{ flags: ["access-logfile"] }],
    help: "Where requests are logged; `-` is standard output.",
  }),
  access_log_format: setting({
    section: "logging",
    kind: accessFormat(),
    default: '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    spellings: [{ flags: ["access-logformat"] }],
    help: "A line of the access log in gunicorn's atoms, or `json`.",
    example: `'%(h)s "%(r)s" %(s)s %(M)s ms'`,
  }),
} as const;

export const processSettings = {
  pid: setting({
    section: "process",
    kind: optional(path()),
    default: null,
    help:
      "Writes the process id of the manager, or with workers: 0 of the server, to this file. A " +
      "server that has it still, as it finishes, is waited for, as for an address in use: 5 seconds.",
  }),
  user: setting({
    section: "process",
    kind: optional(text("USER")),
    default: null,
    short: "u",
    help: "Runs the processes as this user, by name or number.",
  }),
  group: setting({
    section: "process",
    kind: optional(text("GROUP")),
    default: null,
    short: "g",
    help: "Runs the processes as this group, by name or number.",
  }),
  umask: setting({
    section: "process",
    kind: optional(octal()),
    default: null,
    defaultText: "as inherited",
    short: "m",
    help: "Permission bits that new files shall lack.",
  }),
  proc_name: setting({
    section: "process",
    kind: text("NAME"),
    default: "denicorn",
    short: "n",
    spellings: [{ flags: ["name"] }],
    help: "Name of the processes, as ps and top show it.",
  }),
} as const;
