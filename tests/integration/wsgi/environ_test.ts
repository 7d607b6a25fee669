/** The environ, compared with gunicorn's for the same bytes on the wire. */

import { assertEquals } from "@std/assert";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { systemPython } from "../../unit/python/pythons.ts";
import { APPS, type Start, startWsgi } from "./app.ts";
import { exists } from "../../support/files.ts";

type Environ = Record<string, unknown>;

const GUNICORN = "/usr/bin/gunicorn";

/** Debian's gunicorn, run by Debian's Python; the address that it serves. */
class Gunicorn implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  constructor(args: readonly string[]) {
    using probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (probe.addr as Deno.NetAddr).port;
    probe.close();
    this.#child = new Deno.Command("/usr/bin/python3", {
      args: [GUNICORN, "-b", `127.0.0.1:${this.port}`, "--chdir", APPS, ...args, "environs"],
      env: { PYTHONDONTWRITEBYTECODE: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async ready(): Promise<void> {
    await until("gunicorn listens", async () => {
      try {
        (await Wire.connect(this.port)).connection.close();
        return true;
      } catch {
        return false;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

async function environOf(port: number, request: string): Promise<Environ> {
  using wire = await Wire.connect(port);
  await wire.send(request.replaceAll("PORT", String(port)));
  const response = await wire.response();
  if (response?.status !== 200) throw new Error(`${response?.status} to ${request}`);
  return JSON.parse(response.body);
}

/** What differs between two servers whatever they do. */
function comparable(environ: Environ, port: number): Environ {
  const { SERVER_SOFTWARE: _s, REMOTE_PORT: remotePort, ...rest } = environ;
  // gunicorn's own, and of each its own class.
  for (const key of ["gunicorn.socket", "wsgi.input", "wsgi.errors", "wsgi.file_wrapper"]) {
    delete rest[key];
  }
  // Whether gunicorn has these depends on its version.
  for (const key of ["wsgi.input_terminated", "wsgi.early_hints"]) delete rest[key];
  const text = JSON.stringify({ ...rest, remotePort: typeof remotePort });
  return JSON.parse(text.replaceAll(`"${port}"`, '"PORT"').replaceAll(`:${port}`, ":PORT"));
}

const HOST = "Host: 127.0.0.1:PORT\r\n";

/** Requests as they go over the wire; PORT stands for the server's. */
const REQUESTS: Readonly<Record<string, string>> = {
  "the least": `GET / HTTP/1.1\r\n${HOST}\r\n`,
  "a query": `GET /a/b?x=1&y=%20+&x=%c3%a9 HTTP/1.1\r\n${HOST}\r\n`,
  "a query in UTF-8, not escaped": `GET /a?q=\xe6\x9c\xac&r=%C3%A9\xc3\xa9 HTTP/1.1\r\n${HOST}\r\n`,
  "an empty query": `GET /a? HTTP/1.1\r\n${HOST}\r\n`,
  "two question marks": `GET /a?b?c HTTP/1.1\r\n${HOST}\r\n`,
  "a path in UTF-8, escaped": `GET /caf%C3%A9/%E2%98%83 HTTP/1.1\r\n${HOST}\r\n`,
  "a path that is no UTF-8": `GET /%ff%fe/%00 HTTP/1.1\r\n${HOST}\r\n`,
  "an escaped slash and percent": `GET /a%2Fb%25c/%zz/% HTTP/1.1\r\n${HOST}\r\n`,
  "a path with a semicolon": `GET /a;v=1/b;w HTTP/1.1\r\n${HOST}\r\n`,
  "a plus and a space": `GET /a+b%20c HTTP/1.1\r\n${HOST}\r\n`,
  "dots that stay": `GET /a/../b/./c//d HTTP/1.1\r\n${HOST}\r\n`,
  "two slashes at the front": `GET //host/path HTTP/1.1\r\n${HOST}\r\n`,
  "an odd method": `PROPFIND /dav HTTP/1.1\r\n${HOST}Depth: 1\r\n\r\n`,
  "HEAD as GET": `GET /head HTTP/1.1\r\n${HOST}Accept: */*\r\n\r\n`,
  "many fields": `GET / HTTP/1.1\r\n${HOST}User-Agent: Mozilla/5.0 (X11)\r\nAccept: text/html\r\n` +
    `Accept-Language: en\r\nCookie: a=1; b=2\r\nReferer: http://x/y?z\r\nX-Requested-With: x\r\n\r\n`,
  "fields of one name": `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\nX-B: b\r\nX-A: 2\r\nx-a: 3\r\n\r\n`,
  "latin-1 in a field": `GET / HTTP/1.1\r\n${HOST}X-Name: caf\xe9 \xff\r\n\r\n`,
  "an empty field": `GET / HTTP/1.1\r\n${HOST}X-Empty:\r\n\r\n`,
  "a field with space before it": `GET / HTTP/1.1\r\n${HOST}X-Space: \t a  b\r\n\r\n`,
  "a body": `POST /form HTTP/1.1\r\n${HOST}Content-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: 5\r\n\r\na=1&b`,
  "an empty body": `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
  "a chunked body": `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
    `3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n`,
  "a body of GET": `GET /search HTTP/1.1\r\n${HOST}Content-Length: 7\r\n\r\n{"a":1}`,
  "a body of GET, chunked": `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
    `3\r\nabc\r\n0\r\n\r\n`,
  "a content type without a body": `GET / HTTP/1.1\r\n${HOST}Content-Type: a/b\r\n\r\n`,
  "another host": `GET / HTTP/1.1\r\nHost: example.org\r\n\r\n`,
  "a proxy's scheme": `GET / HTTP/1.1\r\n${HOST}X-Forwarded-Proto: https\r\n\r\n`,
  "authorization": `GET / HTTP/1.1\r\n${HOST}Authorization: Basic YTpi\r\n\r\n`,
};

async function compare(scene: Scene, own: Start, others: readonly string[]): Promise<void> {
  await using gunicorn = new Gunicorn(others);
  const server = await startWsgi(scene, "environs", own);
  await gunicorn.ready();
  for (const [name, request] of Object.entries(REQUESTS)) {
    const expected = comparable(await environOf(gunicorn.port, request), gunicorn.port);
    const environ = comparable(await environOf(server.port, request), server.port);
    assertEquals(environ, expected, name);
  }
}

const needs = systemPython() !== null && exists(GUNICORN);

sceneTest("the environ is gunicorn's", (scene) => compare(scene, {}, ["-w", "1"]), { needs });

sceneTest(
  "the environ is gunicorn's, with several workers and threads",
  (scene) => compare(scene, { workers: 2, threads: 2 }, ["-w", "2", "--threads", "2"]),
  { needs },
);

/** The environ of a GET with these fields. */
async function get(port: number, path: string, fields = ""): Promise<Environ> {
  return await environOf(port, `GET ${path} HTTP/1.1\r\n${HOST}${fields}\r\n`);
}

/** Some of an environ's values. */
function pick(environ: Environ, ...keys: string[]): unknown[] {
  return keys.map((key) => environ[key]);
}

sceneTest("a path in UTF-8 that is not escaped is the same bytes in the environ", async (scene) => {
  const { port } = await startWsgi(scene, "environs");
  // gunicorn 20 gives them encoded once more.
  const path = "/caf\xc3\xa9/\xe6\x97\xa5";
  for (const [sent, escaped] of [[path, path], [`${path}%20%ff`, `${path} \xff`]] as const) {
    const environ = await get(port, `${sent}?\xc3\xa9`);
    assertEquals(pick(environ, "PATH_INFO", "QUERY_STRING", "RAW_URI"), [
      escaped,
      "\xc3\xa9",
      `${sent}?\xc3\xa9`,
    ]);
  }
});

sceneTest("--script-name splits the path", async (scene) => {
  const { port } = await startWsgi(scene, "environs", { args: ["--script-name", "/app"] });
  const split = async (path: string) =>
    pick(await get(port, path), "SCRIPT_NAME", "PATH_INFO", "RAW_URI");
  assertEquals(await split("/app/a%20b?x"), ["/app", "/a b", "/app/a%20b?x"]);
  assertEquals(await split("/app"), ["/app", "", "/app"]);
  // Not below it: nothing to split off.
  assertEquals(await split("/apple"), ["/app", "/apple", "/apple"]);
});

sceneTest("a trusted proxy says who the client is, and where the app is mounted", async (scene) => {
  const { port } = await startWsgi(scene, "environs");
  const fields = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n" +
    "X-Forwarded-Host: example.org\r\nSCRIPT_NAME: /mounted\r\n";
  const environ = await get(port, "/mounted/here", fields);
  assertEquals(pick(environ, "REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "HTTP_HOST"), [
    "192.0.2.7",
    undefined,
    "https",
    "example.org",
  ]);
  assertEquals(pick(environ, "SCRIPT_NAME", "PATH_INFO"), ["/mounted", "/here"]);
  assertEquals(pick(await get(port, "/mounted/here"), "SCRIPT_NAME", "PATH_INFO"), [
    "",
    "/mounted/here",
  ]);
});

sceneTest("anyone else says nothing", async (scene) => {
  const { port } = await startWsgi(scene, "environs", {
    args: ["--forwarded-allow-ips", "192.0.2.1"],
  });
  const fields = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n" +
    "SCRIPT_NAME: /mounted\r\nRemote_Addr: 192.0.2.7\r\n";
  const environ = await get(port, "/mounted/here", fields);
  assertEquals(pick(environ, "REMOTE_ADDR", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO"), [
    "127.0.0.1",
    "http",
    "",
    "/mounted/here",
  ]);
  assertEquals(pick(environ, "HTTP_SCRIPT_NAME", "HTTP_REMOTE_ADDR"), [undefined, undefined]);
});

sceneTest("over a unix socket the server's name is the one that was asked for", async (scene) => {
  const path = `${scene.directory}/socket`;
  await startWsgi(scene, "environs", { args: ["-b", `unix:${path}`] });
  for (
    const [host, name, port] of [["example.org:8080", "example.org", "8080"], [
      "[::1]",
      "[::1]",
      "80",
    ]]
  ) {
    using wire = new Wire(await Deno.connect({ transport: "unix", path }));
    await wire.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const environ = JSON.parse((await wire.response())!.body);
    assertEquals(pick(environ, "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT"), [
      name,
      port,
      "",
      undefined,
    ]);
  }
});

sceneTest("the environ of one request is not the next one's", async (scene) => {
  const { port } = await startWsgi(scene, "environs");
  using wire = await Wire.connect(port);
  for (let i = 0; i < 600; i++) {
    // More different heads than any cache keeps, in turn with one that is the same each time.
    const fields = i % 2 === 0 ? "X-Same: 1\r\n" : `X-${i}: ${i}\r\nCookie: a=${i}\r\n`;
    await wire.send(`GET /${i % 2 ? i : ""} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    const environ = JSON.parse((await wire.response())!.body);
    const own = Object.entries(environ).filter(([key]) => /^HTTP_(?!HOST)|PATH_INFO/.test(key));
    assertEquals(
      Object.fromEntries(own),
      i % 2 === 0
        ? { PATH_INFO: "/", HTTP_X_SAME: "1" }
        : { PATH_INFO: `/${i}`, [`HTTP_X_${i}`]: `${i}`, HTTP_COOKIE: `a=${i}` },
    );
  }
});

sceneTest("no flood of names hides the type and the length of a body", async (scene) => {
  const { port } = await startWsgi(scene, "environs");
  using wire = await Wire.connect(port);
  for (let round = 0; round < 8; round++) {
    // Together more different names than are kept.
    const fields = Array.from({ length: 80 }, (_, i) => `X-${round}-${i}: 1\r\n`).join("");
    await wire.send(`GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    await wire.response();
    // Each time of another type, so that its head is not known from before.
    const head = `Content-Type: a/b${round}\r\nContent-Length: 5`;
    await wire.send(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\nhello`);
    const environ = JSON.parse((await wire.response())!.body);
    const keys = ["CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"];
    assertEquals(pick(environ, ...keys), [`a/b${round}`, "5", undefined, undefined]);
  }
});
