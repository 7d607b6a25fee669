import { assertEquals, assertStringIncludes } from "@std/assert";
import { configIn, loadIn, refusalIn } from "../support.ts";

const refused = (file: string) => refusalIn({ file });

Deno.test("settings are keys of the file; the app may be one of them", () => {
  const file = "# comment\napp: main.ts\nworkers: 3\nbind:\n  - :80\n  - '[::1]:81'\n" +
    "env:\n  A: 1\n  B: 'yes'\naccess_log: ~\n";
  const config = configIn({ file, app: false });
  assertEquals([config.app, config.workers, config.access_log], ["DIR/main.ts", 3, null]);
  assertEquals(config.bind.length, 2);
  assertEquals(config.env, { A: "1", B: "yes" });
});

Deno.test("an empty file, and one of comments alone, says nothing", () => {
  for (const file of ["", "\n", "# nothing\n", "---\n", "\ufeff"]) {
    assertEquals(configIn({ file }).threads, 1, JSON.stringify(file));
  }
});

Deno.test("yimmo-wsgi's file is understood; its port is on every address", () => {
  const file = "---\nlog_level: INFO\nwsgi:\n  port: 8081\n  no_proc: 2\n  no_threads: 3\n" +
    "  tls:\n    cert: site.crt\n    key: site.pem\n";
  const config = configIn({ file, files: { "site.crt": "", "site.pem": "" } });
  assertEquals(config.bind, [{ transport: "tcp", hostname: "0.0.0.0", port: 8081 }]);
  assertEquals([config.log_level, config.workers, config.threads], ["info", 2, 3]);
  assertEquals([config.certfile, config.keyfile], ["DIR/site.crt", "DIR/site.pem"]);
});

Deno.test("numbers mean what was written, not what YAML makes of them", () => {
  assertEquals(configIn({ file: "umask: 022" }).umask, 0o22);
  assertEquals(configIn({ file: "umask: 22" }).umask, 0o22);
  assertEquals(configIn({ file: "proc_name: 1e3" }).proc_name, "1e3");
  assertEquals(
    refused("workers: 1e1"),
    `denicorn.yaml:1: workers: "1e1" is not a whole number from 0 to 1024`,
  );
  assertStringIncludes(refused("workers: 0x2"), "is not a whole number");
});

Deno.test("an unknown key is refused with file, line and the nearest right key", () => {
  const cases = [
    [
      "threads: 1\n\nworkrs: 2\n",
      "denicorn.yaml:3: there is no setting workrs; did you mean workers?",
    ],
    [
      "log-level: info\n",
      "denicorn.yaml:1: there is no setting log-level; did you mean log_level?",
    ],
    [
      "wsgi:\n  port: 80\n  no_prc: 2\n",
      "denicorn.yaml:3: there is no setting wsgi.no_prc; did you mean wsgi.no_proc?",
    ],
    [
      "wsgi:\n  tls:\n    crt: x\n",
      "denicorn.yaml:3: there is no setting wsgi.tls.crt; did you mean wsgi.tls.cert?",
    ],
    ["xyzzy: 1\n", "denicorn.yaml:1: there is no setting xyzzy; see --help for what there is"],
    [
      "{ threads: 1, wokers: 2 }\n",
      "denicorn.yaml:1: there is no setting wokers; did you mean workers?",
    ],
    [
      "__proto__: 1\n",
      "denicorn.yaml:1: there is no setting __proto__; see --help for what there is",
    ],
  ] as const;
  for (const [file, message] of cases) assertEquals(refused(file), message);
});

Deno.test("a key of gunicorn's without a counterpart says what to do instead", () => {
  assertStringIncludes(
    refused("worker_class: gevent"),
    "denicorn.yaml:1: worker_class: there is one kind",
  );
  assertEquals(refused("pidfile: x"), "denicorn.yaml:1: pidfile: it is called pid here");
  assertStringIncludes(refused("post_fork: x"), "post_fork: functions are given by a TypeScript");
  assertStringIncludes(
    refusalIn({ argv: ["-c", "gunicorn.conf.py"], files: { "gunicorn.conf.py": "workers = 2\n" } }),
    "gunicorn.conf.py (command line -c): settings are read from a YAML file, not from Python",
  );
});

Deno.test("the line is the key's own, also where its text stands elsewhere", () => {
  assertStringIncludes(
    refused("# workers: 1\nenv:\n  workers: 2\nworkers: two\n"),
    "denicorn.yaml:4: ",
  );
  assertStringIncludes(refused("workers: 1\r\nthreads: x\r\n"), "denicorn.yaml:2: threads");
  assertStringIncludes(refused('"threads": x\n'), "denicorn.yaml:1: threads");
});

Deno.test("a value of the wrong form is refused: none, list, map", () => {
  assertEquals(refused("workers:\n"), "denicorn.yaml:1: workers: it has no value");
  assertEquals(
    refused("workers: [1, 2]\n"),
    "denicorn.yaml:1: workers: its value is a list, where one value is expected",
  );
  assertEquals(
    refused("timeout: {a: 1}\n"),
    "denicorn.yaml:1: timeout: its value is a map, where one value is expected",
  );
  assertEquals(refused("wsgi: 3\n"), "denicorn.yaml:1: wsgi: a map is expected");
  assertStringIncludes(refused("- workers\n"), "denicorn.yaml: a map of settings is expected");
  assertStringIncludes(refused("workers 2\n"), "denicorn.yaml: a map of settings is expected");
});

Deno.test("bad YAML is refused with its line", () => {
  const cases = [
    ["a: [1\nworkers: 2\n", "denicorn.yaml:2: bad YAML: "],
    ['workers: "2\n', "denicorn.yaml:2: bad YAML: Unexpected end of the stream"],
    [
      "threads: 1\nenv:\n\tA: 1\n",
      "denicorn.yaml:3: bad YAML: the line begins with a tab; indent with spaces",
    ],
    [
      "workers: *x\n",
      'denicorn.yaml:1: bad YAML: Cannot read alias: unidentified alias "x", near "workers: *x"',
    ],
    ["workers: 1\n---\nworkers: 2\n", "denicorn.yaml:2: bad YAML: Found more than 1 document"],
    ["workers: 1: 2\n", "denicorn.yaml:1: bad YAML"],
  ] as const;
  for (const [file, message] of cases) assertStringIncludes(refused(file), message);
});

Deno.test("a key that is there twice is refused, by its own name or by two", () => {
  const twice = "bind: :1\nworkers: 2\n\n# more\nworkers: 3\nthreads: 1\n";
  assertEquals(refused(twice), "denicorn.yaml:5: workers: this key is there twice");
  assertEquals(
    refused("wsgi:\n  port: 80\nbind: :81\n"),
    "denicorn.yaml:3: bind: wsgi.port (denicorn.yaml:2) sets the same",
  );
});

Deno.test("a file that cannot be read is refused with who named it", () => {
  assertEquals(
    refusalIn({ argv: ["-c", "no.yaml"] }),
    "Cannot read no.yaml (command line -c): there is no such file",
  );
  assertEquals(
    refusalIn({ env: { DENICORN_CONFIG: "no.yaml" } }),
    "Cannot read no.yaml (environment DENICORN_CONFIG): there is no such file",
  );
  assertEquals(
    refusalIn({ argv: ["-c", "."] }),
    "Cannot read . (command line -c): it is a directory",
  );
  assertEquals(
    refusalIn({ files: { "denicorn.yaml/x": "" } }),
    "Cannot read denicorn.yaml: it is a directory",
  );
  const big = refusalIn({ file: "#".repeat(2_000_000) });
  assertEquals(big, "Cannot read denicorn.yaml: it has 2000000 bytes, too many for settings");
});

Deno.test("a file that is no UTF-8 text is refused", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, Uint8Array.of(0x61, 0xff, 0x3a));
    assertStringIncludes(refusalIn({ argv: ["-c", path] }), "it is not UTF-8 text");
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a named file stands in for denicorn.yaml, which is then not read", () => {
  const situation = {
    argv: ["-c", "etc/x.yaml"],
    file: "workrs: 2",
    files: { "etc/x.yaml": "workers: 3" },
  };
  assertEquals(loadIn(situation).file, "etc/x.yaml");
  assertEquals(configIn(situation).workers, 3);
});

Deno.test("a variable of env cannot be nothing, and can be the text of it", () => {
  assertEquals(
    refusalIn({ file: "workers: 1\nenv:\n  A: 1\n  B: null\n" }),
    'denicorn.yaml:2: env: "null" is nothing in YAML: leave B out, or for that very text write ' +
      'env: ["B=null"]',
  );
  assertEquals(configIn({ file: 'env: ["B=null"]' }).env, { B: "null" });
  assertEquals(configIn({ file: "env: { B: }" }).env, { B: "" });
});
