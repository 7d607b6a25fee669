/** Settings of gunicorn and others that denicorn has no use for, and what to do instead. */

const NO_SYSLOG = "log to standard error, and let systemd or a log driver pass it on";
const NO_STATSD = "statistics are not sent; count the access log's lines";
const LOG_FORM = "log to standard error or a file, in text or JSON: --log-format";
const BY_MODULE = "name the app as package.module:callable";
const BY_LOADING = `${BY_MODULE}, of a module with ` +
  'application = paste.deploy.loadapp("config:/path/to/the.ini")';
const NO_CLIENT_CERTIFICATES =
  "Deno's TLS cannot ask clients for certificates; let a proxy in front do it";
const STRICT = "what is ambiguous on the wire is always refused";
const HOOK = "functions are given by a TypeScript module: hooks, see docs/hooks.md";

const BIND_UNIX = "it is an address like others: --bind unix:PATH";
const WORKERS = "it is called --workers here";
const FACTORY = "name the app with its call: app.ts:create(), or module:create()";
const PROXY = "it is on by itself for the proxies that --forwarded-allow-ips names";
const RELOAD = "it is called --reload here; --reload-extra-file watches more";

const ADVICE: Readonly<Record<string, string>> = {
  host: "it is part of the address: --bind HOST:PORT",
  hostname: "it is part of the address: --bind HOST:PORT",
  worker_class: "there is one kind of worker here; --threads sets how many requests run at a time",
  preload: "each process loads the app itself; nothing is forked from a loaded one",
  preload_app: "each process loads the app itself; nothing is forked from a loaded one",
  daemon: "denicorn stays in the foreground; let systemd, a container or nohup put it behind",
  worker_tmp_dir: "heartbeats go over a socket here, not through files",
  tmp_upload_dir: "uploads are streamed to the app, not written to files",
  reuse_port: "each process has its own SO_REUSEPORT socket by default; see --listener",
  ca_certs: NO_CLIENT_CERTIFICATES,
  cert_reqs: NO_CLIENT_CERTIFICATES,
  ssl_version: "Deno's TLS speaks 1.2 and 1.3, and the client chooses",
  ciphers: "Deno's TLS chooses the ciphers itself",
  do_handshake_on_connect: "the handshake never holds others up; see handshake_timeout",
  suppress_ragged_eofs: "Deno's TLS decides it",
  keyfile_password: "Deno's TLS takes keys without a passphrase; decrypt it with openssl pkey",
  capture_output: "what the app writes to standard output and error goes there as it is",
  enable_stdio_inheritance: "what the app prints goes to standard output at once",
  initgroups: "the groups of --user are always set",
  sendfile: "files are always sent chunk by chunk",
  no_sendfile: "files are always sent chunk by chunk",
  reload_engine: "there is one way to watch files here, the system's",
  spew: "no line of the app is traced; log_level debug tells most",
  statsd_host: NO_STATSD,
  statsd_prefix: NO_STATSD,
  dogstatsd_tags: NO_STATSD,
  logger_class: LOG_FORM,
  logconfig: LOG_FORM,
  logconfig_dict: LOG_FORM,
  logconfig_json: LOG_FORM,
  log_config: LOG_FORM,
  log_config_json: LOG_FORM,
  log_syslog: NO_SYSLOG,
  log_syslog_to: NO_SYSLOG,
  log_syslog_prefix: NO_SYSLOG,
  log_syslog_facility: NO_SYSLOG,
  syslog: NO_SYSLOG,
  syslog_addr: NO_SYSLOG,
  syslog_prefix: NO_SYSLOG,
  syslog_facility: NO_SYSLOG,
  disable_redirect_access_to_syslog: NO_SYSLOG,
  paste: BY_LOADING,
  paster: BY_LOADING,
  paste_global: BY_MODULE,
  wsgi_app: "it is called app here: app: package.module:callable",
  raw_env: "it is called env here: a map of names to values",
  pidfile: "it is called pid here",
  default_proc_name: "it is called proc_name here",
  strip_header_spaces: STRICT,
  tolerate_dangerous_framing: STRICT,
  permit_obsolete_folding: STRICT,
  permit_unconventional_http_method: STRICT,
  permit_unconventional_http_version: STRICT,
  casefold_http_method: "methods reach the app as the client wrote them",
  // uvicorn's, hypercorn's and granian's
  uds: BIND_UNIX,
  factory: FACTORY,
  proxy_headers: PROXY,
  ssl_keyfile: "it is called --keyfile here",
  ssl_certfile: "it is called --certfile here",
  ssl_ca_certs: NO_CLIENT_CERTIFICATES,
  reload_dir: RELOAD,
  root_path: "requests reach the app with the path that the client has sent",
  app_dir: "it is --pythonpath for Python; a TypeScript app is named by its path",
  lifespan:
    "there is no ASGI here; what an app does as it is loaded, it does before the first request",
  timeout_keep_alive: "it is called --keep-alive here",
  timeout_graceful_shutdown: "it is called --graceful-timeout here",
  limit_concurrency: "it is --max-connections here, or --backlog-per-thread",
  limit_max_requests: "it is called --max-requests here",
  // uWSGI's
  http: "it is part of the address: --bind HOST:PORT",
  http_socket: "it is part of the address: --bind HOST:PORT",
  wsgi_file: BY_MODULE,
  module: BY_MODULE,
  processes: WORKERS,
  harakiri: "it is called --timeout here",
  // pm2's, and those of `deno serve` and node
  instances: WORKERS,
  parallel: "--workers starts processes, --threads threads in each",
  watch: RELOAD,
  max_memory_restart: "it is called --max-rss here",
  no_daemon: "denicorn stays in the foreground",
  max_old_space_size:
    "it is a flag of V8's, and stands before mod.ts: --v8-flags=--max-old-space-size=N",
  forwarder_headers: "fields with an underscore in their name are header_map's affair",
};

/** gunicorn's hooks: settings of its Python file. */
const HOOKS =
  /^(?:on_(?:starting|reload|exit)|when_ready|(?:pre|post)_(?:fork|exec|request|worker_init)|post_worker_init|worker_(?:int|abort|exit)|child_exit|nworkers_changed|ssl_context)$/;

/** gunicorn's short flags for them. */
const SHORT: Readonly<Record<string, string>> = {
  k: "worker_class",
  D: "daemon",
  R: "enable_stdio_inheritance",
  i: "instances",
};

/** Deno's own flags, as far as one may want them for an app. */
const DENO =
  /^(?:A|(?:allow|deny)-[a-z]+|unstable(?:-[a-z-]+)?|env-file|import-map|(?:no-)?lock|frozen|cached-only|(?:no-)?check|no-prompt|no-remote|no-npm|node-modules-dir|v8-flags|inspect(?:-brk|-wait)?)$/;

/** What to tell somebody who gives such a flag to denicorn, or null. */
export function denoAdvice(flag: string): string | null {
  return DENO.test(flag) ? "it is a flag of Deno's, and stands before mod.ts" : null;
}

/** What to tell somebody who uses such a name as a flag or key, or null. */
export function foreignAdvice(name: string): string | null {
  const key = SHORT[name] ?? name.toLowerCase().replaceAll("-", "_");
  if (HOOKS.test(key)) return HOOK;
  return Object.hasOwn(ADVICE, key) ? ADVICE[key] ?? null : null;
}
