import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { load, requireConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";
import { configIn, loadIn, refusalIn } from "./support.ts";

Deno.test("the command line wins over the environment, and that over the file and the default", () => {
  const file = "timeout: 2";
  const env = { DENICORN_TIMEOUT: "3" };
  const argv = ["--timeout", "4"];
  const from = (situation: Parameters<typeof loadIn>[0]) => {
    const { value, from } = loadIn(situation).values.get("timeout") ?? {};
    return [value, from];
  };
  assertEquals(from({}), [30, "default"]);
  assertEquals(from({ file }), [2, "denicorn.yaml:1"]);
  assertEquals(from({ file, env }), [3, "environment DENICORN_TIMEOUT"]);
  assertEquals(from({ file, env, argv }), [4, "command line --timeout"]);
});

Deno.test("a list of a higher source stands in for the lower one's", () => {
  const bind = configIn({ file: "bind: [':1', ':2']", argv: ["-b", ":3"] }).bind;
  assertEquals(bind, [{ transport: "tcp", hostname: "0.0.0.0", port: 3 }]);
});

Deno.test("an empty variable is none", () => {
  assertEquals(
    configIn({ env: { DENICORN_TIMEOUT: "", PORT: "", WEB_CONCURRENCY: "" } }).timeout,
    30,
  );
});

Deno.test("PORT and WEB_CONCURRENCY are defaults: whoever sets bind or workers wins", () => {
  const env = { PORT: "81", WEB_CONCURRENCY: "7" };
  const config = configIn({ env });
  assertEquals(config.bind, [{ transport: "tcp", hostname: "0.0.0.0", port: 81 }]);
  assertEquals(config.workers, 7);
  const own = configIn({ env, file: "workers: 2\nbind: :9" });
  assertEquals([own.workers, own.bind[0]], [2, { transport: "tcp", hostname: "0.0.0.0", port: 9 }]);
  assertEquals(configIn({ cpus: 5 }).workers, 5);
});

Deno.test("a bad default from the environment names its variable", () => {
  assertEquals(
    refusalIn({ env: { WEB_CONCURRENCY: "auto" } }),
    'environment: WEB_CONCURRENCY: "auto" is not a whole number from 0 to 1024',
  );
  assertEquals(
    refusalIn({ env: { PORT: "http" } }),
    'environment: PORT: "http" is not a port from 0 to 65535',
  );
});

Deno.test("yimmo-wsgi's environment is understood", () => {
  const env = {
    YIMMO_LOG_LEVEL: "NOTICE",
    YIMMO_SERVER_IDLE_TIMEOUT: "7.5",
    YIMMO_WSGI_NO_PROC: "3",
    YIMMO_WSGI_NO_THREADS: "4",
    YIMMO_WSGI_PORT: "8081",
    YIMMO_WSGI_MODULE: "shop.main",
    YIMMO_WSGI_APP: "create_app()",
    YIMMO_WSGI_USE_KQUEUE: "1",
  };
  const { config, warnings } = loadIn({ env, app: false });
  assertEquals([config?.app, config?.interface], ["shop.main:create_app()", "wsgi"]);
  assertEquals([config?.log_level, config?.keep_alive], ["info", 7.5]);
  assertEquals([config?.workers, config?.threads], [3, 4]);
  assertEquals(config?.bind, [{ transport: "tcp", hostname: "0.0.0.0", port: 8081 }]);
  assert(!warnings.some((warning) => warning.includes("KQUEUE")));
});

Deno.test("of two variables for one setting, DENICORN_ wins", () => {
  const env = { YIMMO_WSGI_NO_PROC: "3", DENICORN_WORKERS: "4" };
  assertEquals(configIn({ env }).workers, 4);
});

Deno.test("an unknown DENICORN_ variable is a warning with the nearest right one", () => {
  const { warnings } = loadIn({ env: { DENICORN_WORKRES: "2", DENICORN_XYZZY: "2", OTHER: "1" } });
  assertEquals(warnings, [
    "environment: there is no setting DENICORN_WORKRES; did you mean DENICORN_WORKERS?",
    "environment: there is no setting DENICORN_XYZZY; it is ignored",
  ]);
});

Deno.test("gunicorn's arguments in the environment are warned of, since they do nothing here", () => {
  const { warnings } = loadIn({ env: { GUNICORN_CMD_ARGS: "--workers 3" } });
  assertEquals(warnings, [
    "environment: GUNICORN_CMD_ARGS is not read: each setting has its own DENICORN_…",
  ]);
});

Deno.test("gunicorn's own file is warned of where a Python app has no other", () => {
  const written = { "gunicorn.conf.py": "workers = 3" };
  const warned = (app: string, more: Record<string, string> = {}) =>
    loadIn({ argv: [app], app: false, files: { ...written, ...more } }).warnings;
  assertEquals(warned("module:app"), [
    "gunicorn.conf.py is not read: write its settings into denicorn.yaml (docs/wsgi.md)",
  ]);
  assertEquals(warned("module:app", { "denicorn.yaml": "workers: 3" }), []);
  assertEquals(warned("app.ts"), []);
});

Deno.test("what Kubernetes says of a service called denicorn is not taken for settings", () => {
  const env = {
    DENICORN_PORT: "tcp://10.0.0.1:80",
    DENICORN_PORT_80_TCP_ADDR: "10.0.0.1",
    DENICORN_SERVICE_HOST: "10.0.0.1",
    DENICORN_SERVICE_PORT_HTTP: "80",
  };
  const { config, warnings } = loadIn({ env });
  assertEquals([config?.bind[0], warnings], [
    { transport: "tcp", hostname: "127.0.0.1", port: 8000 },
    [],
  ]);
  assertEquals(configIn({ env: { DENICORN_PORT: "81" } }).bind[0], {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: 81,
  });
});

Deno.test("relative paths are taken from chdir, chdir itself from the current directory", () => {
  const files = { "site/app.ts": "", "site/x.crt": "", "site/x.pem": "" };
  const file =
    "chdir: site\ncertfile: x.crt\nkeyfile: ./x.pem\npid: /run/x.pid\naccess_log: log/a\n" +
    "error_log: '-'\npythonpath: [lib, /opt]\nbind: 'unix:x.sock'\n";
  const config = configIn({ file, files });
  assertEquals(config.chdir, "DIR/site");
  assertEquals([config.app, config.certfile, config.keyfile], [
    "DIR/site/app.ts",
    "DIR/site/x.crt",
    "DIR/site/x.pem",
  ]);
  assertEquals([config.pid, config.access_log, config.error_log], [
    "/run/x.pid",
    "DIR/site/log/a",
    "-",
  ]);
  assertEquals(config.pythonpath, ["DIR/site/lib", "/opt"]);
  assertEquals(config.bind, [{ transport: "unix", path: "DIR/site/x.sock" }]);
});

Deno.test("a path that no unix socket can have is refused, with its length and the limit", () => {
  const long = `/${"x".repeat(120)}`;
  assertEquals(
    refusalIn({ argv: ["-b", `unix:${long}`] }),
    `bind (command line -b): unix:${long}: the path has 121 bytes, a unix socket takes 107: ` +
      "choose a shorter one",
  );
  // It is bound as an absolute path, however short it was written.
  const chdir = "d".repeat(110);
  const files = { [`${chdir}/app.sock.txt`]: "" };
  assertMatch(
    refusalIn({ file: `chdir: ${chdir}\nbind: unix:app.sock\n`, files }),
    /^bind \(denicorn.yaml:2\): unix:DIR\/d{110}\/app.sock: the path has 1\d\d bytes, /,
  );
  assertMatch(refusalIn({ argv: ["-b", `unix:@${"é".repeat(54)}`] }), /has 109 bytes/);
  assertEquals(configIn({ argv: ["-b", `unix:/${"x".repeat(106)}`] }).bind.length, 1);
});

Deno.test("a working directory that is none is refused", () => {
  assertEquals(
    refusalIn({ file: "chdir: nowhere" }),
    "chdir (denicorn.yaml:1): DIR/nowhere is not there",
  );
  assertEquals(
    refusalIn({ argv: ["--chdir", "app.ts"] }),
    "chdir (command line --chdir): DIR/app.ts is no directory",
  );
});

Deno.test("a certificate needs its key, and both have to be there", () => {
  assertEquals(
    refusalIn({ file: "certfile: app.ts" }),
    "certfile (denicorn.yaml:1): it needs keyfile beside it",
  );
  assertEquals(
    refusalIn({ file: "keyfile: app.ts" }),
    "keyfile (denicorn.yaml:1): it needs certfile beside it",
  );
  assertEquals(
    refusalIn({ file: "certfile: app.ts\nkeyfile: no.pem" }),
    "keyfile (denicorn.yaml:2): there is no file DIR/no.pem",
  );
  assertStringIncludes(
    refusalIn({ file: "redirect_bind: ':80'" }),
    "which needs certfile and keyfile",
  );
});

Deno.test("a PROXY header before TLS is refused, where no address is without TLS", () => {
  const tls = "certfile: app.ts\nkeyfile: app.ts\n";
  assertStringIncludes(
    refusalIn({ file: tls + "proxy_protocol: true" }),
    "proxy_protocol (denicorn.yaml:3): Deno's TLS begins with a connection's first byte",
  );
  assertEquals(configIn({ file: tls }).proxy_protocol, false);
  assertEquals(configIn({ file: "proxy_protocol: true" }).certfile, null);
  const plain = "proxy_protocol: true\nbind: [':443', 'unix:a.sock']";
  assertEquals(configIn({ file: tls + plain }).proxy_protocol, true);
});

Deno.test("one address twice is refused; port 0 is another one each time", () => {
  assertEquals(
    refusalIn({ argv: ["-b", "80", "-b", "127.0.0.1:80"] }),
    "bind (command line -b): 127.0.0.1:80 is there twice",
  );
  assertEquals(configIn({ argv: ["-b", "0", "-b", "0"] }).bind.length, 2);
  assertEquals(refusalIn({ file: "bind: []" }), "bind (denicorn.yaml:1): no address to listen on");
});

Deno.test("without an app there is no configuration, but its values can be shown", () => {
  const loaded = loadIn({ app: false });
  assertEquals(loaded.config, null);
  assertEquals(loaded.values.get("threads")?.value, 1);
  assertThrows(() => requireConfig(loaded), ConfigError, "name an APP");
});

Deno.test("the configuration is plain data, and frozen through and through", () => {
  const cwd = Deno.makeTempDirSync();
  try {
    const config = requireConfig(load({ argv: ["a.ts", "-e", "A=1"], env: {}, cwd }));
    assertEquals(JSON.parse(JSON.stringify(config)), config);
    assertEquals(structuredClone(config), config);
    for (const part of [config, config.bind, config.bind[0], config.env]) {
      assert(Object.isFrozen(part));
    }
  } finally {
    Deno.removeSync(cwd);
  }
});
