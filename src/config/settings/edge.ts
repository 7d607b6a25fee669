/** Settings of what stands between clients and app: proxies, TLS, HTTP/2, WebSockets. */

import { choice, optional, path, seconds, toggle } from "../values/kinds.ts";
import { binds, origins, pairs, peers } from "../values/kinds_many.ts";
import { setting } from "../setting.ts";

const DAY = 86_400;
/** The clients of a unix socket are on this machine too. */
const THIS_MACHINE = ["127.0.0.1", "::1", "unix"];

export const proxySettings = {
  forwarded_allow_ips: setting({
    section: "proxies",
    kind: peers(),
    default: THIS_MACHINE,
    help: "Peers whose X-Forwarded-For, -Proto, -Host, -Port and Forwarded fields are believed: " +
      "client address, scheme and host. May be repeated.",
    example: "[10.0.0.0/8, unix]",
  }),
  secure_scheme_headers: setting({
    section: "proxies",
    kind: pairs(),
    default: {
      "x-forwarded-protocol": "ssl",
      "x-forwarded-proto": "https",
      "x-forwarded-ssl": "on",
    },
    help: "Fields of a trusted peer, with the value that says that the client came by https.",
    example: "{ cloudfront-forwarded-proto: https }",
  }),
  header_map: setting({
    section: "proxies",
    kind: choice(["drop", "refuse", "keep"], { dangerous: "keep" }),
    default: "drop",
    help: "What becomes of header fields with an underscore in their name, which a WSGI app " +
      "cannot tell from a dash.",
  }),
  proxy_protocol: setting({
    section: "proxies",
    kind: toggle(),
    default: false,
    help:
      "Expects a PROXY header (version 1 or 2) at the beginning of each connection without TLS.",
  }),
  proxy_allow_ips: setting({
    section: "proxies",
    kind: peers(),
    default: THIS_MACHINE,
    spellings: [{ flags: ["proxy-allow-from"] }],
    help: "Peers that may send a PROXY header. May be repeated.",
  }),
} as const;

export const tlsSettings = {
  certfile: setting({
    section: "tls",
    kind: optional(path()),
    default: null,
    spellings: [{ env: ["YIMMO_TLS_CERT_PATH"], keys: ["wsgi.tls.cert"] }],
    help: "Certificate with its chain, PEM; turns TLS on, together with `keyfile`.",
  }),
  keyfile: setting({
    section: "tls",
    kind: optional(path()),
    default: null,
    spellings: [{ env: ["YIMMO_TLS_KEY_PATH"], keys: ["wsgi.tls.key"] }],
    help: "Private key of the certificate, PEM, without a passphrase.",
  }),
  tls_min_version: setting({
    section: "tls",
    kind: choice(["1.2", "1.3"], { "tlsv1.2": "1.2", "tlsv1.3": "1.3" }),
    default: "1.2",
    help:
      "Least version of TLS that is spoken. Deno speaks 1.2 and 1.3 and lets none be turned off, " +
      "so that 1.3 is refused.",
  }),
  tls_watch: setting({
    section: "tls",
    kind: toggle(),
    default: false,
    help: "Takes a new certificate as soon as its files change, not only at HUP.",
  }),
  redirect_bind: setting({
    section: "tls",
    kind: binds(),
    default: [],
    help: "Plain addresses that redirect every request to https. May be repeated.",
  }),
  http2: setting({
    section: "tls",
    kind: toggle(),
    default: true,
    help: "Speaks HTTP/2, by ALPN with TLS and with prior knowledge without it.",
  }),
} as const;

export const websocketSettings = {
  websocket_origins: setting({
    section: "websockets",
    kind: origins(),
    default: [],
    defaultText: "any",
    help: "Origins that may open a WebSocket, such as https://example.org or " +
      "https://*.example.org; who sends none is no browser and may. May be repeated.",
    example: '["https://example.org", "https://*.example.org"]',
  }),
  websocket_idle_timeout: setting({
    section: "websockets",
    kind: seconds({ min: 0, max: DAY }),
    default: 30,
    help: "A WebSocket that does not answer a ping within this time is closed; 0 never pings.",
  }),
} as const;
