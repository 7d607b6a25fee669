import { assertEquals } from "@std/assert";
import type { Config } from "../../../src/config/config.ts";
import { createLog } from "../../../src/log/record.ts";
import { openListener } from "../../../src/proc/listen/open_listener.ts";
import { getSocketOption } from "../../../src/os/sockets/socket.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

Deno.test("connections send at once, with TLS too: they inherit it", async () => {
  const bind = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  const config = { backlog: 16, bind: [bind], redirect_bind: [] } as unknown as Config;
  const log = createLog("error", "test", () => {});
  for (const reusePort of [false, true]) {
    const { listener, fd } = await openListener(bind, { reusePort, config, log, tls: null });
    assertEquals(getSocketOption(fd!, IPPROTO_TCP, TCP_NODELAY), 1);
    listener.close();
  }
});
