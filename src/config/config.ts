/** The finished configuration: frozen plain data, the same in the manager, in procs and in threads. */

import type { Level } from "../log/record.ts";

/** Where to listen. */
export type Bind =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "fd"; readonly fd: number };

/** Every setting by its one name, which is its YAML key too. Times are seconds, sizes bytes. */
export interface Config {
  readonly app: string;
  readonly interface: "auto" | "fetch" | "wsgi";
  readonly bind: readonly Bind[];
  readonly workers: number;
  readonly threads: number;
  readonly affinity: "none" | "session";
  readonly backlog_per_thread: number;
  readonly log_level: Level;
  readonly timeout: number;
  readonly graceful_timeout: number;
  readonly boot_timeout: number;
  readonly heartbeat_timeout: number;
  readonly keep_alive: number;
  readonly header_timeout: number;
  readonly body_timeout: number;
  readonly write_timeout: number;
  readonly max_requests: number;
  readonly max_requests_jitter: number;
  readonly max_lifetime: number;
  readonly max_rss: number;
  readonly max_connections: number;
  readonly limit_request_line: number;
  readonly limit_request_fields: number;
  readonly limit_request_field_size: number;
  readonly limit_request_body: number;
  readonly pid: string | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly umask: number | null;
  readonly chdir: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly proc_name: string;
  readonly backlog: number;
  /** A path, "-" for standard output, or null for none. */
  readonly access_log: string | null;
  readonly access_log_format: string;
  /** A path, or "-" for standard error. */
  readonly error_log: string;
  readonly log_format: "auto" | "text" | "json";
  readonly reload: boolean;
  readonly reload_extra_files: readonly string[];
  readonly hooks: string | null;
  readonly python: string | null;
  readonly pythonpath: readonly string[];
  readonly script_name: string;
  readonly forwarded_allow_ips: readonly string[];
  readonly secure_scheme_headers: Readonly<Record<string, string>>;
  readonly proxy_protocol: boolean;
  readonly proxy_allow_ips: readonly string[];
  readonly header_map: "drop" | "refuse" | "keep";
  readonly certfile: string | null;
  readonly keyfile: string | null;
  readonly websocket_origins: readonly string[];
  readonly app_permissions: Readonly<Record<string, unknown>> | null;
  readonly listener: "reuseport" | "shared";
}
