/** Settings that bound what a client, an app or a process may take: time, size, number. */

import { bytes, integer, seconds, share } from "../values/kinds.ts";
import { setting } from "../setting.ts";

const DAY = 86_400;
const GIB = 1024 ** 3;

/** A time that 0 turns off. */
const optionalTime = () => seconds({ min: 0, max: DAY });
/** A time that has to end. */
const boundedTime = () => seconds({ min: 0.1, max: DAY });

export const timeoutSettings = {
  timeout: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 30,
    help:
      "An exchange that takes longer, once its body has come, gets 504. A thread that hangs for as long, " +
      "whether a client waits for it or not, is replaced with its process. 0: no limit.",
  }),
  timeout_warning: setting({
    section: "timeouts",
    kind: share(),
    default: 0,
    help:
      "Warns of an exchange that has taken this share of `timeout`, and says where in the app " +
      "it is, if that is Python's; 0 never does.",
    example: "50%",
  }),
  graceful_timeout: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 30,
    help:
      "How long exchanges in flight may take to finish at a stop or reload; 0 cuts them at once.",
  }),
  boot_timeout: setting({
    section: "timeouts",
    kind: boundedTime(),
    default: 60,
    help: "How long a process may take to load the app and become ready.",
  }),
  heartbeat_timeout: setting({
    section: "timeouts",
    kind: seconds({ min: 2, max: DAY }),
    default: 30,
    help: "A process that has been silent for so long is killed and replaced.",
  }),
  keep_alive: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 5,
    spellings: [{ env: ["YIMMO_SERVER_IDLE_TIMEOUT"] }],
    help: "How long an idle connection is kept open; 0 closes it after each response.",
  }),
  handshake_timeout: setting({
    section: "timeouts",
    kind: boundedTime(),
    default: 10,
    help: "How long a TLS handshake or a PROXY header may take.",
  }),
  header_timeout: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 10,
    help: "How long a client may take to send a request's head. 0: no limit.",
  }),
  body_timeout: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 30,
    help: "How long a request body may go without progress. 0: no limit.",
  }),
  write_timeout: setting({
    section: "timeouts",
    kind: optionalTime(),
    default: 60,
    help: "How long a client may go without reading its response. 0: no limit.",
  }),
} as const;

export const limitSettings = {
  limit_request_line: setting({
    section: "limits",
    kind: bytes({ min: 0, max: 65_536 }),
    default: 4_094,
    help: "Longest request line; past it 414. 0: what Deno itself allows.",
  }),
  limit_request_fields: setting({
    section: "limits",
    kind: integer({ min: 0, max: 128 }),
    default: 100,
    help: "Most header fields in a request; past it 431. 0: what Deno itself allows.",
  }),
  limit_request_field_size: setting({
    section: "limits",
    kind: bytes({ min: 0, max: 65_536 }),
    default: 8_190,
    help: "Longest header field; past it 431. 0: what Deno itself allows.",
  }),
  limit_request_body: setting({
    section: "limits",
    kind: bytes({ min: 0, max: 1_024 * GIB }),
    default: 0,
    help: "Largest request body; past it 413. 0: no limit.",
  }),
  body_min_rate: setting({
    section: "limits",
    kind: bytes({ min: 0, max: GIB }),
    default: 240,
    help: "Least bytes per second of a request body, on average after the first 5 seconds. " +
      "0: no limit.",
  }),
  keep_alive_requests: setting({
    section: "limits",
    kind: integer({ min: 0, max: 1e12 }),
    default: 0,
    help: "Most requests on one connection, which is then closed. 0: no limit.",
  }),
  max_connections: setting({
    section: "limits",
    kind: integer({ min: 0, max: 10_000_000 }),
    default: 0,
    spellings: [{ flags: ["worker-connections"] }],
    help: "Most open connections in each process; more wait to be accepted, or go to another " +
      "process (`listener: shared`). " +
      "0: as many as descriptors allow.",
  }),
} as const;
