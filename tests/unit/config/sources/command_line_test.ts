import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configIn, loadIn, refusalIn } from "../support.ts";

const refused = (...argv: string[]) => refusalIn({ argv });

Deno.test("a flag takes its value behind a space, an equals sign, or (short) directly", () => {
  for (const argv of [["--workers", "3"], ["--workers=3"], ["-w", "3"], ["-w3"], ["-w=3"]]) {
    assertEquals(configIn({ argv }).workers, 3, argv.join(" "));
  }
});

Deno.test("flags may stand before and behind the app, and behind -- nothing is a flag", () => {
  const config = configIn({ argv: ["app.ts", "-w", "3"], app: false });
  assertEquals([config.app, config.workers], ["DIR/app.ts", 3]);
  assertEquals(configIn({ argv: ["-w3", "--", "-odd.ts"], app: false }).app, "DIR/-odd.ts");
});

Deno.test("yimmo-wsgi's and gunicorn's names for the same thing are understood", () => {
  assertEquals(configIn({ argv: ["-p", "3", "-t", "5", "-P", "81"] }).workers, 3);
  const config = configIn({
    argv: ["--no-proc", "3", "--no-threads=5", "--port", "81", "-l", "FATAL"],
  });
  assertEquals([config.workers, config.threads, config.log_level], [3, 5, "critical"]);
  assertEquals(config.bind, [{ transport: "tcp", hostname: "127.0.0.1", port: 81 }]);
  assertEquals(configIn({ argv: ["--access-logfile", "-"] }).access_log, "-");
  assertEquals(configIn({ argv: ["--name", "shop"] }).proc_name, "shop");
});

Deno.test("a value may be a dash, and an empty one turns an optional setting off", () => {
  assertEquals(configIn({ argv: ["--access-log", "-"] }).access_log, "-");
  assertEquals(configIn({ argv: ["--access-log="], file: "access_log: x" }).access_log, null);
});

Deno.test("a repeated flag adds to a list, in order; one text may have several with commas", () => {
  const argv = ["-b", ":1", "--port", "2", "-b", "[::1]:3,unix:x"];
  assertEquals(configIn({ argv }).bind, [
    { transport: "tcp", hostname: "0.0.0.0", port: 1 },
    { transport: "tcp", hostname: "127.0.0.1", port: 2 },
    { transport: "tcp", hostname: "::1", port: 3 },
    { transport: "unix", path: "DIR/x" },
  ]);
});

Deno.test("the last of several plain flags counts", () => {
  assertEquals(configIn({ argv: ["-w", "3", "--workers", "5"] }).workers, 5);
});

Deno.test("a switch is turned on by its name, off by --no-, and takes a value only with =", () => {
  const reload = (...argv: string[]) => configIn({ argv, file: "reload: true" }).reload;
  assertEquals(reload("--no-reload"), false);
  assertEquals(reload("--reload=off"), false);
  assertEquals(reload("--reload=1"), true);
  assertEquals(configIn({ argv: ["--reload"] }).reload, true);
  assertStringIncludes(refused("--reload=maybe"), `--reload: "maybe" is neither true nor false`);
  assertStringIncludes(refused("--no-reload=yes"), "there is no flag --no-reload");
});

Deno.test("pairs are gathered from repeated flags, and their values may hold anything", () => {
  assertEquals(configIn({ argv: ["-e", "A=1,2", "--env", "B==x y"] }).env, { A: "1,2", B: "=x y" });
  assertEquals(refused("-e", "A"), `command line: -e: "A" has no "=": write it as NAME=VALUE`);
});

Deno.test("an unknown flag is refused with the nearest right one", () => {
  const cases = [
    ["--prot", "--port"],
    ["--worker", "--workers"],
    ["--log_level", "--log-level"],
    ["--graceful-timout", "--graceful-timeout"],
    ["--Workers", "--workers"],
  ] as const;
  for (const [typed, meant] of cases) {
    const message = refused(typed, "80");
    assertEquals(message, `command line: there is no flag ${typed}; did you mean ${meant}?`);
  }
  assertEquals(
    refused("--xyzzy"),
    "command line: there is no flag --xyzzy; see --help for what there is",
  );
  assertEquals(refused("-x"), "command line: there is no flag -x; see --help for what there is");
});

Deno.test("a flag of gunicorn's without a counterpart says what to do instead", () => {
  const advice = "there is one kind of worker here";
  assertStringIncludes(refused("-k", "gevent"), `command line: -k: ${advice}`);
  assertStringIncludes(refused("--worker-class=gevent"), `command line: --worker-class: ${advice}`);
  assertStringIncludes(refused("--paste=app.ini"), 'loadapp("config:/path/to/the.ini")');
  assertStringIncludes(refused("-D"), "command line: -D: denicorn stays in the foreground");
});

Deno.test("flags of uvicorn, uWSGI, pm2 and Deno's serve say what to do instead", () => {
  const cases = {
    "--uds": "--bind unix:PATH",
    "--factory": "app.ts:create()",
    "--proxy-headers": "--forwarded-allow-ips",
    "--ssl-keyfile": "--keyfile",
    "--limit-max-requests": "--max-requests",
    "--http": "--bind HOST:PORT",
    "--wsgi-file": "package.module:callable",
    "--processes": "--workers",
    "-i": "--workers",
    "--instances": "--workers",
    "--parallel": "--workers",
    "--watch": "--reload",
    "--max-memory-restart": "--max-rss",
  };
  for (const [flag, advice] of Object.entries(cases)) {
    const message = refused(flag, "1");
    assertStringIncludes(message, `command line: ${flag}: `);
    assertStringIncludes(message, advice);
  }
});

Deno.test("a command in front of the app is refused, and says how the app is named", () => {
  assertEquals(
    refused("start", "app.ts"),
    'command line: there is no command start: name the app alone, as in "denicorn app.ts"',
  );
});

Deno.test("a flag of Deno's behind mod.ts says where it stands", () => {
  for (const flag of ["--allow-net", "--env-file=.env", "--unstable-kv", "-A"]) {
    const said = flag.replace(/=.*/, "");
    assertStringIncludes(
      refused(flag),
      `${said}: it is a flag of Deno's, and stands before mod.ts`,
    );
  }
});

Deno.test("-t with what looks like a timeout is warned of, since it is gunicorn's", () => {
  const warnings = (...argv: string[]) => loadIn({ argv }).warnings;
  assertStringIncludes(warnings("-t", "120").join(), "-t: 120 threads run in each process");
  assertEquals(warnings("-t", "8"), []);
  assertEquals(warnings("--threads", "120"), []);
});

/** Those of gunicorn 20 to 23, from its --help. */
const GUNICORN_FLAGS = `
  --access-logfile --access-logformat --backlog --bind --ca-certs --capture-output --cert-reqs
  --certfile --chdir --check-config --ciphers --config --daemon --disable-redirect-access-to-syslog
  --do-handshake-on-connect --dogstatsd-tags --enable-stdio-inheritance --env --error-logfile
  --forwarded-allow-ips --graceful-timeout --group --help --initgroups --keep-alive --keyfile
  --limit-request-fields --limit-request-line --log-config
  --log-config-json --log-file --log-level --log-syslog --log-syslog-facility --log-syslog-prefix
  --log-syslog-to --logger-class --max-requests --max-requests-jitter --name --no-sendfile --paste
  --paste-global --paster --pid --preload --print-config --proxy-allow-from --proxy-protocol
  --pythonpath --reload --reload-engine --reload-extra-file --reuse-port --spew --ssl-version
  --statsd-host --statsd-prefix --strip-header-spaces --suppress-ragged-eofs --threads --timeout
  --umask --user --version --worker-class --worker-connections --worker-tmp-dir --workers
  --permit-obsolete-folding --permit-unconventional-http-method --casefold-http-method
  --permit-unconventional-http-version --forwarder-headers --header-map
  -D -R -b -c -e -g -h -k -m -n -p -t -u -v -w`;

Deno.test("every flag of gunicorn's is known or answered, none is taken for a misspelling", () => {
  for (const flag of GUNICORN_FLAGS.trim().split(/\s+/)) {
    for (const value of [[], ["1"]]) {
      let message = "";
      try {
        loadIn({ argv: [flag, ...value] });
      } catch (error) {
        message = String(error);
      }
      assert(!message.includes("there is no flag"), message);
    }
  }
});

Deno.test("a flag without its value is refused, also when another flag follows", () => {
  assertEquals(
    refusalIn({ argv: ["app.ts", "-w"], app: false }),
    "command line: -w needs a value: -w N",
  );
  assertEquals(
    refusalIn({ argv: ["app.ts", "-P"], app: false }),
    "command line: -P needs a value: -P N",
  );
  assertEquals(
    refused("--workers", "--reload"),
    "command line: --workers needs a value: --workers N",
  );
  assertEquals(
    refused("--workers", "-t", "2"),
    "command line: --workers needs a value: --workers N",
  );
});

Deno.test("a second app is refused, since it is a value in the wrong place", () => {
  assertStringIncludes(refused("other.ts"), "one APP is expected, not 2: other.ts app.ts");
});
