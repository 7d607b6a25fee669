/** An app's error as text for the error log: its message, stack and causes, without frames of ours. */

import { clipped } from "../log/record.ts";

/** Where denicorn's own code lies, as stack frames show it. */
const OWN_ROOT = new URL("../", import.meta.url).href;

const OWN_FRAME = new RegExp(`^\\s+at .*${escape(OWN_ROOT)}`);

/** Frames of the runtime below ours say nothing once ours are gone. */
const RUNTIME_FRAME = /^\s+at .*\(?(?:ext|node):[^)]*\)?$/;

// Deno colours some messages of its loader even where no terminal is.
// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[[0-9;]*m/g;

/** A place outside of any function. */
const PLACE = /^\s+at [^(\s]+:\d+:\d+$/;

/** What Deno's loader adds to every error, wrong syntax among them. */
const LOADER_CODE = / \{\n {2}code: "ERR_MODULE_NOT_FOUND"\n\}\s*$/;

/** Depth of `cause` chains and of extra properties that are shown. */
const INSPECT_DEPTH = 4;

/** Whatever was thrown (not all of it is an Error), as lines for the log. Never throws itself. */
export function traceOf(thrown: unknown): string {
  try {
    const text = clipped(Deno.inspect(thrown, { colors: false, depth: INSPECT_DEPTH }));
    return cleanTrace(thrown instanceof Error ? text : `thrown: ${text}`);
  } catch {
    // A Proxy or a getter that throws, and what it throws may do so again: whoever logs an error has
    // yet to answer its request.
    return "thrown: something that throws when it is looked at";
  }
}

/** What was thrown, for a message that names it (its first line) and a trace below that (the rest). */
export function toldOf(thrown: unknown): { readonly summary: string; readonly trace: string } {
  const [first = "", ...rest] = traceOf(thrown).split("\n");
  // "Uncaught (in promise)" and the class that the loader wraps around a SyntaxError say nothing.
  const prefix = /^(?:Uncaught (?:\(in promise\) )?)?(?:TypeError: )?(?=SyntaxError)/;
  return { summary: first.replace(prefix, ""), trace: rest.join("\n") };
}

/** Removes our frames, and those of the runtime directly around them. */
export function cleanTrace(trace: string): string {
  const kept: string[] = [];
  let belowOurs = false;
  for (const line of trace.replace(COLOUR, "").split("\n")) {
    if (belowOurs && RUNTIME_FRAME.test(line)) continue;
    belowOurs = OWN_FRAME.test(line);
    if (!belowOurs) {
      // Deno names the place of an import twice: in the error's message, and as its stack.
      if (PLACE.test(line) && line === kept.at(-1)) continue;
      kept.push(line);
      continue;
    }
    while (kept.length > 1 && RUNTIME_FRAME.test(kept.at(-1)!)) kept.pop();
    // An inspected error opens the braces of its properties behind its last frame.
    if (line.endsWith(" {")) kept.push(kept.pop() + " {");
  }
  return kept.join("\n").replace(LOADER_CODE, "").trimEnd();
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
