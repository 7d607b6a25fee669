/** What the probe finds, for a process with permissions of its own. */

import { probe } from "../../../src/deno/probe.ts";

console.log(JSON.stringify(await probe()));
