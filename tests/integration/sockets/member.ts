/**
 * One process of a group of listeners, driven by the lines it reads: it answers every connection
 * with its own name and closes it. With LISTEN_FD it adopts that socket, otherwise it joins the
 * SO_REUSEPORT group of PORT.
 */

import { type AdoptedListener, adoptListener } from "../../../src/os/listen/adopt.ts";
import { startListening } from "../../../src/os/listen/bound_socket.ts";
import { findListenerFd } from "../../../src/os/sockets/fd_table.ts";
import { getTcpInfo } from "../../../src/os/connections/connection.ts";
import { steer } from "../../../src/os/listen/steering.ts";

const name = Deno.env.get("NAME") ?? "";
const inherited = Deno.env.get("LISTEN_FD");

let adopted: AdoptedListener | undefined;
let listener: Deno.Listener;
if (inherited === undefined) {
  const port = Number(Deno.env.get("PORT"));
  listener = Deno.listen({ hostname: "127.0.0.1", port, reusePort: true });
} else {
  adopted = adoptListener(Number(inherited));
  listener = adopted.listener;
}
const fd = adopted?.fd ?? findListenerFd(listener);

async function serve(): Promise<void> {
  for await (const conn of listener) {
    await conn.write(new TextEncoder().encode(name));
    conn.close();
  }
}

console.log("listening", (listener.addr as Deno.NetAddr).port ?? 0);
let buffered = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (buffered + text).split("\n");
  buffered = lines.pop() ?? "";
  for (const line of lines) {
    const [command, operand = "null"] = line.split(" ");
    const value = JSON.parse(operand);
    if (command === "serve") serve();
    else if (command === "steer") steer(fd, { weights: value });
    else if (command === "backlog") startListening(fd, value);
    else if (command === "queued") {
      const { unacked, sacked } = getTcpInfo(fd);
      console.log("queued", unacked, sacked);
      continue;
    } else if (command === "pause") adopted?.pause();
    else if (command === "rearm") adopted?.rearm();
    else if (command === "close") listener.close();
    console.log("done");
  }
}
