/** Settings of the sockets that listen. */

import { parsePort } from "../values/bind.ts";
import { choice, integer, octal, optional, text } from "../values/kinds.ts";
import { binds } from "../values/kinds_many.ts";
import { setting } from "../setting.ts";

const onLoopback = (port: string) => `127.0.0.1:${parsePort(port)}`;
const onEveryAddress = (port: string) => `0.0.0.0:${parsePort(port)}`;

export const socketSettings = {
  bind: setting({
    section: "sockets",
    kind: binds(),
    default: [{ transport: "tcp", hostname: "127.0.0.1", port: 8000 }],
    defaultText: "127.0.0.1:8000, or 0.0.0.0:$PORT where PORT is set",
    find: ({ env }) => {
      const port = env("PORT");
      return port === undefined || port === ""
        ? null
        : { raw: port, from: "environment PORT", read: onEveryAddress };
    },
    short: "b",
    spellings: [
      {
        flags: ["port"],
        short: "P",
        env: ["DENICORN_PORT"],
        keys: ["port"],
        read: onLoopback,
        placeholder: "N",
        help: "short for --bind 127.0.0.1:N.",
      },
      // yimmo-wsgi listens on every address.
      { env: ["YIMMO_WSGI_PORT"], keys: ["wsgi.port"], read: onEveryAddress },
    ],
    help: "Address to listen on: HOST:PORT, [::1]:PORT, :PORT, unix:PATH, unix:@NAME, fd://N or " +
      "fd://NAME (a socket of systemd's). May be repeated. A port alone is on 127.0.0.1, `:PORT` " +
      "on every IPv4 address.",
    example: '[127.0.0.1:8000, "[::1]:8000", unix:/run/shop/app.sock]',
  }),
  backlog: setting({
    section: "sockets",
    kind: integer({ min: 1, max: 65_535 }),
    default: 2_048,
    help: "Connections that may wait to be accepted, on each listening socket.",
  }),
  listener: setting({
    section: "sockets",
    kind: choice(["reuseport", "shared"]),
    default: "reuseport",
    help: "`reuseport` gives each process its own listening socket; `shared` gives all of them " +
      "the same one, so that what waits in it survives a killed process.",
  }),
  steering: setting({
    section: "sockets",
    kind: choice(["load", "reload", "off"]),
    default: "load",
    help: "Which process gets a new connection (Linux, `listener: reuseport`). `load` keeps them " +
      "away from processes that leave, and from those whose threads are all held up while others " +
      "have one free (on shared and unix sockets too), and spares those that are busier than the " +
      "others; `reload` does the first alone; `off` leaves all to the kernel's hash.",
  }),
  unix_mode: setting({
    section: "sockets",
    kind: optional(octal()),
    default: null,
    defaultText: "what `umask` leaves",
    help: "Permission bits of unix sockets.",
    example: "0660",
  }),
  unix_user: setting({
    section: "sockets",
    kind: optional(text("USER")),
    default: null,
    defaultText: "that of `user`",
    help: "Owner of unix sockets, by name or number.",
  }),
  unix_group: setting({
    section: "sockets",
    kind: optional(text("GROUP")),
    default: null,
    defaultText: "that of `group`",
    help: "Group of unix sockets, by name or number.",
  }),
} as const;
