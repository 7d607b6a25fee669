// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** A Koa app. */

import Koa from "npm:koa@3.3.0";

const app = new Koa();
app.use(async (ctx, next) => {
  await next();
  ctx.set("x-koa", "yes");
});
app.use((ctx) => {
  if (ctx.path === "/throws") ctx.throw(418, "short and stout");
  ctx.body = { method: ctx.method, path: ctx.path, ip: ctx.ip };
});
app.on("error", () => {});

app.listen(3000);
