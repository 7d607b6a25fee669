/** What only the command line can say (and, for `config`, the environment): it is no part of Config. */

import { optional, path, toggle } from "../values/kinds.ts";
import { setting } from "../setting.ts";

export const commandSettings = {
  config: setting({
    section: "command",
    kind: optional(path()),
    default: null,
    defaultText: "./denicorn.yaml if there",
    short: "c",
    spellings: [{ env: ["YIMMO_WSGI_CONFIG"] }],
    help: "Reads settings from this YAML file.",
  }),
  check_config: setting({
    section: "command",
    kind: toggle(),
    default: false,
    help: "Checks the configuration, says whether it is right, and ends.",
  }),
  print_config: setting({
    section: "command",
    kind: toggle(),
    default: false,
    help: "Prints every setting, its value and where that came from, and ends.",
  }),
  help: setting({
    section: "command",
    kind: toggle(),
    default: false,
    short: "h",
    help: "Shows this text.",
  }),
  version: setting({
    section: "command",
    kind: toggle(),
    default: false,
    short: "v",
    help: "Shows the version.",
  }),
} as const;
