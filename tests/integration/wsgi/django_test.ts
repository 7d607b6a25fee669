/** A Django project on Debian's Django: examples/django, migrated on SQLite. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Browser } from "../../support/browser.ts";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasPackage } from "../../unit/python/packages.ts";
import { PYTHON, startWsgi } from "./app.ts";

const PROJECT = new URL("../../../examples/django", import.meta.url).pathname;
const NEEDED = { needs: hasPackage("django") };

/** Runs a command of manage.py. */
async function manage(env: Record<string, string>, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(PYTHON, {
    args: ["manage.py", ...args],
    cwd: PROJECT,
    env,
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

async function startDjango(scene: Scene): Promise<Running> {
  const env = {
    DATABASE: `${scene.directory}/notes.sqlite3`,
    SECRET_KEY: "of the test",
    PYTHONDONTWRITEBYTECODE: "1",
    DJANGO_SUPERUSER_PASSWORD: "ada's password",
  };
  await manage(env, "migrate", "--verbosity", "0");
  await manage(env, "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@x.org");
  return await startWsgi(scene, "site_project.wsgi", {
    workers: 2,
    threads: 2,
    args: ["--chdir", PROJECT],
    env,
  });
}

/** The CSRF token in a page's form. */
function tokenIn(html: string): string {
  const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(html)?.[1];
  if (token === undefined) throw new Error(`no token in ${html}`);
  return token;
}

async function logIn(browser: Browser): Promise<void> {
  const form = await browser.get("/admin/login/?next=/admin/");
  assertEquals(form.status, 200);
  const answer = await browser.post("/admin/login/?next=/admin/", {
    csrfmiddlewaretoken: tokenIn(form.text),
    username: "ada",
    password: "ada's password",
  });
  assertEquals([answer.status, answer.headers.get("location")], [302, "/admin/"]);
}

sceneTest("Django: the admin is logged into by its CSRF form, and used", async (scene) => {
  const server = await startDjango(scene);
  const browser = new Browser(server.url);
  assertEquals(
    (await browser.get("/admin/")).headers.get("location"),
    "/admin/login/?next=/admin/",
  );
  await logIn(browser);
  assert(browser.cookie("sessionid") !== undefined);
  assertStringIncludes((await browser.get("/admin/")).text, "Site administration");
  const form = await browser.get("/admin/notes/note/add/");
  const added = await browser.post("/admin/notes/note/add/", {
    csrfmiddlewaretoken: tokenIn(form.text),
    text: "from the admin: é ☃",
  });
  assertEquals([added.status, added.headers.get("location")], [302, "/admin/notes/note/"]);
  assertStringIncludes((await browser.get("/")).text, "from the admin: é ☃");
}, NEEDED);

sceneTest("Django: a form without its token is refused, with it it is taken", async (scene) => {
  const server = await startDjango(scene);
  const browser = new Browser(server.url);
  assertEquals((await browser.post("/", { text: "forged" })).status, 403);
  for (let i = 0; i < 10; i++) {
    const csrfmiddlewaretoken = tokenIn((await browser.get("/")).text);
    const answer = await browser.post("/", { csrfmiddlewaretoken, text: `note ${i}` });
    assertEquals([answer.status, answer.headers.get("location")], [302, "/"]);
  }
  const { text } = await browser.get("/");
  assertEquals(text.match(/<li>note \d<\/li>/g)?.length, 10);
  assert(!text.includes("forged"));
}, NEEDED);

sceneTest("Django: static files, whole and unchanged", async (scene) => {
  const server = await startDjango(scene);
  const files = await new Deno.Command(PYTHON, {
    args: ["-c", "import django.contrib.admin as a, os; print(os.path.dirname(a.__file__))"],
  }).output();
  const folder = new TextDecoder().decode(files.stdout).trim() + "/static/";
  for (const path of ["admin/css/base.css", "admin/img/search.svg", "admin/js/core.js"]) {
    const response = await server.fetch(`/static/${path}`);
    const expected = await Deno.readFile(folder + path);
    assertEquals(response.status, 200, path);
    assertEquals(await response.bytes(), expected, path);
    const since = response.headers.get("last-modified")!;
    const again = await server.fetch(`/static/${path}`, {
      headers: { "if-modified-since": since },
    });
    assertEquals([again.status, await again.text()], [304, ""]);
  }
}, NEEDED);

sceneTest("Django: a streamed export, and a failing view in the error log", async (scene) => {
  const server = await startDjango(scene);
  const browser = new Browser(server.url);
  const csrfmiddlewaretoken = tokenIn((await browser.get("/")).text);
  for (const text of ["one", "two"]) await browser.post("/", { csrfmiddlewaretoken, text });
  const page = await browser.get("/export/");
  assertEquals(page.headers.get("content-type"), "text/csv");
  assertMatch(page.text, /^\d+,one\r\n\d+,two\r\n$/);
  const failed = await browser.get("/fail/");
  assertEquals(failed.status, 500);
  assert(!failed.text.includes("a view failed"));
  await server.says(/Internal Server Error: \/fail\/\n[^]*RuntimeError: a view failed/);
}, NEEDED);
