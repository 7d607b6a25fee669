/** Settings of gunicorn and others that denicorn has no use for, and what to do instead. */

const ADVICE: Readonly<Record<string, string>> = {
  host: "it is part of the address: --bind HOST:PORT",
  hostname: "it is part of the address: --bind HOST:PORT",
  worker_class: "there is one kind of worker here; --threads sets how many requests run at a time",
  preload: "each process loads the app itself; nothing is forked from a loaded one",
  preload_app: "each process loads the app itself; nothing is forked from a loaded one",
  daemon: "denicorn stays in the foreground; let systemd, a container or nohup put it behind",
  worker_tmp_dir: "heartbeats go over a socket here, not through files",
  reuse_port: "each process has its own SO_REUSEPORT socket by default; see --listener",
  ca_certs: "Deno's TLS cannot ask clients for certificates; let a proxy in front do it",
  cert_reqs: "Deno's TLS cannot ask clients for certificates; let a proxy in front do it",
  ssl_version: "Deno's TLS speaks 1.2 and 1.3, and the client chooses",
  ciphers: "Deno's TLS chooses the ciphers itself",
  keyfile_password: "Deno's TLS takes keys without a passphrase; decrypt it with openssl pkey",
  capture_output: "what the app writes to standard output and error goes there as it is",
  initgroups: "the groups of --user are always set",
  sendfile: "files are always sent chunk by chunk",
  reload_engine: "there is one way to watch files here, the system's",
  statsd_host: "statistics are not sent; count the access log's lines",
  logger_class: "log to standard error or a file, in text or JSON: --log-format",
  logconfig: "log to standard error or a file, in text or JSON: --log-format",
  log_syslog: "log to standard error, and let systemd or a log driver pass it on",
  paste: "name the app as package.module:callable",
};

/** gunicorn's short flags for them. */
const SHORT: Readonly<Record<string, string>> = { k: "worker_class", D: "daemon" };

/** What to tell somebody who uses such a name as a flag or key, or null. */
export function foreignAdvice(name: string): string | null {
  const key = SHORT[name] ?? name.toLowerCase().replaceAll("-", "_");
  return Object.hasOwn(ADVICE, key) ? ADVICE[key] ?? null : null;
}
