/** Whether a module's source asks whether it is the program itself. No app is: the server imports it. */

/** Comments, and strings, which may look like comments or contain code. */
const NO_CODE =
  /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/g;

const MAIN = /\b(import\.meta\.main|Deno\.mainModule|require\.main)\b/.source;

/** `if (…main…)`, of whose condition no parenthesis is closed before it but one that was opened there. */
const CONDITION = new RegExp(/\bif\s*\((?:[^;{}()]|\([^;{}()]*\)|\()*?/.source + MAIN);

/** `main &&`, or `main === module &&`. */
const CONJUNCTION = new RegExp(MAIN + /(?:\s*={2,3}\s*[\w.]+)?\s*&&/.source);

/**
 * The name that the first guard asks for, or null. Only a guard counts: who merely names it, in a
 * comment or a log line, may start a server all the same. What this overlooks is waited for longer.
 */
export function mainGuardIn(source: string): string | null {
  const code = source.replace(NO_CODE, (text) => text.startsWith("/") ? " " : '""');
  return (CONDITION.exec(code) ?? CONJUNCTION.exec(code))?.[1] ?? null;
}
