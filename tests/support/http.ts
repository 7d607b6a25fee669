/** One request over a connection of its own, to any address, unix sockets too. */

/** The address of a port on loopback. */
export function local(port: number): Deno.Addr {
  return { transport: "tcp", hostname: "127.0.0.1", port };
}

export async function connect(address: Deno.Addr): Promise<Deno.Conn> {
  if (address.transport === "unix") {
    return await Deno.connect({ transport: "unix", path: address.path });
  }
  const { hostname, port } = address as Deno.NetAddr;
  return await Deno.connect({ hostname, port });
}

/** The body of a GET that has to succeed. */
export async function ask(address: Deno.Addr, path = "/"): Promise<string> {
  using conn = await connect(address);
  return await askOver(conn, path);
}

/** The same over a connection that is there, which is the server's to close. */
export async function askOver(conn: Deno.Conn, path = "/"): Promise<string> {
  const request = `GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`;
  await conn.write(new TextEncoder().encode(request));
  const answer = await readAll(conn);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${JSON.stringify(head)}`);
  return body;
}

/** Everything up to its end. Read by hand: the streams of a connection close it under each other. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16_384);
  let text = "";
  for (let size = await conn.read(buffer); size !== null; size = await conn.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, size), { stream: true });
  }
  return text;
}
