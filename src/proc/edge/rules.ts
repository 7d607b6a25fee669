/**
 * Why a request is refused before any app code sees it: one table, with the status and the source of
 * each rule. Deno's own parser has refused the rest before (docs/internals.md lists both sides).
 */

export interface Rule {
  readonly status: 400 | 403 | 413 | 414 | 417 | 421 | 426 | 431 | 501 | 505;
  /** Where it is written. */
  readonly source: string;
  /** For the error log; the client learns the status alone. */
  readonly why: string;
}

export const Rules = {
  hostMissing: {
    status: 400,
    source: "RFC 9112, 3.2",
    why: "no Host field",
  },
  hostDoubled: {
    status: 400,
    source: "RFC 9112, 3.2",
    why: "more than one Host field",
  },
  hostInvalid: {
    status: 400,
    source: "RFC 9112, 3.2; RFC 3986, 3.2.2",
    why: "the Host field is not a host with an optional port",
  },
  targetAgainstHost: {
    status: 400,
    source: "RFC 9112, 3.2.2; RFC 9113, 8.3.1",
    why: "the target names another host than the Host field",
  },
  targetScheme: {
    status: 400,
    source: "RFC 9110, 4.2",
    why: "the target's scheme is neither http nor https",
  },
  misdirected: {
    status: 421,
    source: "RFC 9110, 7.4 and 15.5.20",
    why: "the target's scheme is not the connection's",
  },
  targetInvalid: {
    status: 400,
    source: "RFC 9112, 3.2; RFC 3986, 3.3",
    why: "the target has a fragment, a backslash in its path, or is an asterisk",
  },
  methodUnsupported: {
    status: 501,
    source: "RFC 9110, 9.3.6, 9.3.8 and 15.6.2",
    why: "CONNECT, TRACE and TRACK are served to no one",
  },
  contentLengthDoubled: {
    status: 400,
    source: "RFC 9110, 8.6; RFC 9112, 6.3",
    why: "more than one Content-Length field",
  },
  contentTypeDoubled: {
    status: 400,
    source: "RFC 9110, 5.3 and 8.3",
    why: "more than one Content-Type field",
  },
  authorizationDoubled: {
    status: 400,
    source: "RFC 9110, 5.3 and 11.6.2",
    why: "more than one Authorization field",
  },
  transferCoding: {
    status: 501,
    source: "RFC 9112, 6.1",
    why: "a transfer coding other than chunked",
  },
  expectation: {
    status: 417,
    source: "RFC 9110, 10.1.1",
    why: "an expectation other than 100-continue",
  },
  http2: {
    status: 505,
    source: "RFC 9110, 15.6.6; setting http2",
    why: "HTTP/2 is turned off",
  },
  nameWithUnderscore: {
    status: 400,
    source: "setting header_map: refuse",
    why: "a field's name has an underscore, which CGI and WSGI cannot tell from a hyphen",
  },
  requestLineTooLong: {
    status: 414,
    source: "RFC 9112, 3; setting limit_request_line",
    why: "the request line is too long",
  },
  tooManyFields: {
    status: 431,
    source: "RFC 6585, 5; setting limit_request_fields",
    why: "too many header fields",
  },
  fieldTooLarge: {
    status: 431,
    source: "RFC 6585, 5; setting limit_request_field_size",
    why: "a header field is too large",
  },
  bodyTooLarge: {
    status: 413,
    source: "RFC 9110, 15.5.14; setting limit_request_body",
    why: "the body is too large",
  },
  socketMethod: {
    status: 400,
    source: "RFC 6455, 4.1",
    why: "the handshake of a WebSocket is not a GET",
  },
  socketVersion: {
    status: 426,
    source: "RFC 6455, 4.2.2 and 4.4",
    why: "a WebSocket of another version than 13",
  },
  socketKey: {
    status: 400,
    source: "RFC 6455, 4.2.1",
    why: "the key of a WebSocket is not 16 bytes in base64",
  },
  socketOrigin: {
    status: 403,
    source: "RFC 6455, 4.2.2; setting websocket_origins",
    why: "a WebSocket from an origin that is not allowed",
  },
  forwardedConflict: {
    status: 400,
    source: "RFC 7239, 4 and 8.1",
    why: "a trusted proxy's header fields contradict one another",
  },
} as const satisfies Record<string, Rule>;
