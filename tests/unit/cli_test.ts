/** The command line as a user types it: what is printed where, and the exit code. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const MOD = new URL("../../mod.ts", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs denicorn in a fresh directory that has `app.ts`. */
async function denicorn(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
  permissions: readonly string[] = ["-A"],
): Promise<Outcome> {
  const cwd = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries({ "app.ts": "", ...files })) {
      Deno.writeTextFileSync(`${cwd}/${name}`, text);
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", ...permissions, MOD, ...args],
      cwd,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(cwd, "DIR");
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

/** A usage error: code 2, one line, no trace. */
function assertUsage({ code, stdout, stderr }: Outcome, message: string) {
  assertEquals({ code, stdout, stderr }, { code: 2, stdout: "", stderr: `denicorn: ${message}\n` });
}

Deno.test("--help and --version print to standard output, also beside what is wrong elsewhere", async () => {
  const help = await denicorn(["--help", "-w", "two"], { "denicorn.yaml": "workrs: 1" });
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "Usage: denicorn [OPTIONS] APP");
  const version = await denicorn(["-v"]);
  assertMatch(version.stdout, /^denicorn \d+\.\d+\.\d+ \(Deno \d+\.\d+\.\d+\)\n$/);
});

Deno.test("a typo ends in one line and exit code 2, wherever it is", async () => {
  assertUsage(
    await denicorn(["--prot", "80", "app.ts"]),
    "command line: there is no flag --prot; did you mean --port?",
  );
  assertUsage(
    await denicorn(["app.ts"], { "denicorn.yaml": "threads: 1\nworkers: two\n" }),
    'denicorn.yaml:2: workers: "two" is not a whole number from 0 to 1024',
  );
  assertUsage(
    await denicorn(["app.ts"], {}, { DENICORN_TIMEOUT: "soon" }),
    'environment: DENICORN_TIMEOUT: "soon" is not a time: write it in seconds, or as 500ms, 30s, 2m, 1h or 1d',
  );
});

Deno.test("without permissions one line says which lack: exit code 2; --help needs none", async () => {
  assertUsage(
    await denicorn(["app.ts"], {}, {}, []),
    "Deno does not permit what a server needs: env, read, net, run, sys, write, ffi; " +
      'start it with "deno run -A", or with the permissions that SECURITY.md explains',
  );
  const some = await denicorn(["app.ts"], {}, {}, ["--allow-env", "--allow-net", "-R=/nowhere"]);
  assertStringIncludes(some.stderr, "a server needs: read, run, sys, write, ffi;");
  assertEquals((await denicorn(["--help"], {}, {}, [])).code, 0);
});

Deno.test("what people know from elsewhere is answered with its name here", async () => {
  assertUsage(
    await denicorn(["--host", "0.0.0.0", "app.ts"]),
    "command line: --host: it is part of the address: --bind HOST:PORT",
  );
  assertUsage(
    await denicorn(["-p", "8080", "app.ts"]),
    'command line: -p: "8080" is no number of processes; a port is given by -P or --port',
  );
  assertUsage(
    await denicorn(["-p", "/run/app.pid", "app.ts"]),
    'command line: -p: "/run/app.pid" is no number of processes; a pid file is given by --pid',
  );
  assertUsage(
    await denicorn(["app.ts"], { "denicorn.yaml": "workers: 2\naccess_log: -\n" }),
    'denicorn.yaml:2: access_log: a dash alone begins a list in YAML; quote it: access_log: "-"',
  );
});

Deno.test("without an app there is a hint and exit code 2", async () => {
  const { code, stderr } = await denicorn([]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'name an APP, as in "denicorn app.ts"');
});

Deno.test("an app whose file is not there cannot be loaded: exit code 4", async () => {
  const outcome = await denicorn(["missing.ts"]);
  assertEquals(outcome, {
    code: 4,
    stdout: "",
    stderr: "denicorn: Cannot load the app: there is no file DIR/missing.ts; name a .ts or .js " +
      "file (relative paths are taken from chdir), a URL, npm:NAME, or package.module:callable for " +
      "Python\n",
  });
  for (const args of [["--interface", "fetch", "."], ["."]]) {
    const { code, stderr } = await denicorn(args);
    assertEquals([code, stderr.includes("DIR is a directory; name a .ts or .js file")], [4, true]);
  }
});

Deno.test("a path that lacks its file's ending: the error has the whole", async () => {
  const { code, stderr } = await denicorn(["./app"]);
  assertEquals(code, 4);
  assertStringIncludes(stderr, "there is no file DIR/app; did you mean DIR/app.ts?");
});

Deno.test("an error log that cannot be opened is an error of the system: exit code 1", async () => {
  const { code, stderr } = await denicorn(["--error-log", "no/such/log", "app.ts"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "denicorn: Cannot open error_log DIR/no/such/log: ");
  assertEquals(stderr.split("\n").length, 2, stderr);
});

Deno.test("--check-config finds what a start would miss on this machine", async () => {
  const missing = [
    ["--hooks", "hooks.ts", "hooks (command line --hooks): there is no file DIR/hooks.ts"],
    ["--pid", "no/app.pid", "pid (command line --pid): there is no directory DIR/no"],
    [
      "--access-log",
      "no/a",
      "access_log (command line --access-log): there is no directory DIR/no",
    ],
    ["--error-log", "no/e", "error_log (command line --error-log): there is no directory DIR/no"],
    ["--pid", ".", "pid (command line --pid): DIR is a directory; name a file in it"],
    [
      "--bind",
      "unix:no/a.sock",
      "bind (command line --bind): unix:DIR/no/a.sock: there is no directory DIR/no",
    ],
    [
      "--websocket-origins",
      "https://a.org,foo bar",
      'command line: --websocket-origins: "foo bar" is no origin such as https://example.org or ' +
      "https://*.example.org",
    ],
    ["--user", "nobody-here", 'Cannot find the user "nobody-here": no such user'],
    ["--group", "nobody-here", 'Cannot find the group "nobody-here": no such group'],
  ] as const;
  for (const [flag, value, message] of missing) {
    assertUsage(await denicorn(["--check-config", flag, value, "app.ts"]), message);
  }
  const found = ["--hooks", "app.ts", "--pid", "app.pid", "--access-log", "-", "--user", "0"];
  assertEquals((await denicorn(["--check-config", ...found, "app.ts"])).code, 0);
});

Deno.test("--check-config says that there is no app, no Python, no certificate", async () => {
  const nothing = await denicorn(["--check-config"]);
  assertEquals(nothing.code, 2);
  assertStringIncludes(nothing.stderr, "Nothing to serve: name an APP");
  assertUsage(
    await denicorn(["--check-config", "--python", "no/python", "a:b"]),
    "python (command line --python): there is no file DIR/no/python",
  );
  const { code, stderr } = await denicorn(
    ["--check-config", "--certfile", "a.pem", "--keyfile", "a.pem", "app.ts"],
    { "a.pem": "no PEM" },
  );
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Cannot use the certificate DIR/a.pem with the private key DIR/a.");
});

Deno.test("--check-config says whether it is right, and what has no meaning", async () => {
  const right = await denicorn(["--check-config", "app.ts"], {}, { DENICORN_WORKRES: "2" });
  assertEquals([right.code, right.stdout], [0, "denicorn: the configuration is right\n"]);
  assertEquals(
    right.stderr,
    "denicorn: warning: environment: there is no setting DENICORN_WORKRES; did you mean DENICORN_WORKERS?\n",
  );
  assertEquals((await denicorn(["--check-config", "--workers=-1"])).code, 2);
});

Deno.test("--print-config prints every setting with where it came from", async () => {
  const { code, stdout } = await denicorn(["--print-config", "-w3"], {
    "denicorn.yaml": "app: app.ts",
  });
  assertEquals(code, 0);
  assertMatch(stdout, /^app: DIR\/app\.ts +# denicorn\.yaml:1$/m);
  assertMatch(stdout, /^workers: 3 +# command line -w$/m);
  assertMatch(stdout, /^timeout: 30 +# default$/m);
});

Deno.test("a reader that goes away does not make an error of --help", async () => {
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-c", `"$DENO" run -A "$MOD" --help 2>&1 | head -1; exit 0`],
    env: { DENO: Deno.execPath(), MOD },
  }).output();
  assertEquals(code, 0);
  assert(!new TextDecoder().decode(stdout).includes("rror"));
});

Deno.test("the example of a configuration file is right", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MOD, "--check-config", "-c", "examples/denicorn.yaml"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const text = new TextDecoder();
  assertEquals([code, text.decode(stdout)], [0, "denicorn: the configuration is right\n"]);
  assert(!text.decode(stderr).includes("there is no setting"));
});
