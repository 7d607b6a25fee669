/** A Hono router with a few routes and a middleware, as a small service has them. */
import { Hono } from "hono";

const app = new Hono();
app.use(async (context, next) => {
  await next();
  context.header("x-served-by", "bench");
});
app.get("/", (context) => context.text("Hello, world!\n"));
app.get("/users/:id", (context) => context.json({ id: context.req.param("id") }));
app.get("/users/:id/posts/:post", (context) => context.json(context.req.param()));
app.notFound((context) => context.json({ error: "not found" }, 404));

export default app;
