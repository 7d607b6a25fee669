/** The version, as deno.json states it too; a test compares them. */
export const VERSION = "0.1.0";
/** How it names itself to apps. */
export const SOFTWARE = `denicorn/${VERSION}`;
