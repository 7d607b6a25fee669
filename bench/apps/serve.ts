/** The app named by the first argument on plain Deno.serve, on the port of the second. */
const [app, port] = Deno.args;
const { default: { fetch } } = await import(new URL(app!, import.meta.url).href);
Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, fetch);
