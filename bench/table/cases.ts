/** The apps that every server serves, with the request that is sent and the answer that is due. */

export interface Case {
  /** What `--only` calls it. */
  readonly name: "hello" | "body" | "echo" | "hono" | "wsgi-hello" | "wsgi-body" | "flask";
  readonly kind: "fetch" | "wsgi";
  readonly title: string;
  /** A file (fetch) or module:callable (wsgi). */
  readonly app: string;
  readonly path: string;
  /** A Lua script for wrk; without one it sends GET. */
  readonly script?: string;
  /** The status of an answer to GET, and how its body begins: a server of errors is not measured. */
  readonly status: number;
  readonly begin: string;
}

const HELLO = { path: "/", status: 200, begin: "Hello, world!\n" };
const PAGE = { path: "/", status: 200, begin: "0123456789abcde\n" };

export const CASES: readonly Case[] = [
  { name: "hello", kind: "fetch", title: "Hello", app: "bench/apps/hello.ts", ...HELLO },
  { name: "body", kind: "fetch", title: "10 KiB of bytes", app: "bench/apps/body.ts", ...PAGE },
  {
    name: "echo",
    kind: "fetch",
    title: "POST of 1 KiB JSON, parsed and sent back",
    app: "bench/apps/echo.ts",
    path: "/",
    script: "bench/apps/echo.lua",
    status: 200,
    begin: '{"name":"denicorn"',
  },
  {
    name: "hono",
    kind: "fetch",
    title: "A Hono router: a middleware, a parameter, JSON",
    app: "bench/apps/hono.ts",
    path: "/users/42",
    status: 200,
    begin: '{"id":"42"}',
  },
  { name: "wsgi-hello", kind: "wsgi", title: "WSGI hello", app: "wsgi:hello", ...HELLO },
  { name: "wsgi-body", kind: "wsgi", title: "WSGI 10 KiB", app: "wsgi:page", ...PAGE },
  { name: "flask", kind: "wsgi", title: "Flask hello", app: "flask_app:app", ...HELLO },
];

/** A body that the case accepts, to ask once; null where it is asked with GET. */
export function probeBody({ name }: Case): string | null {
  return name === "echo" ? '{"name":"denicorn"}' : null;
}
