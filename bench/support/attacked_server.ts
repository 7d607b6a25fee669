/** denicorn with the app that attacks aim at: one proc, one thread, warm. */

import { CASES } from "../table/cases.ts";
import { freePort, Server } from "./server.ts";

export interface Attacked extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

export interface AttackedOptions {
  /** Further options of the command line. */
  readonly args?: readonly string[];
  /** The directory of the program, where it is not this one. */
  readonly root?: string;
  /** It speaks TLS: it cannot be asked by plain HTTP whether it is there. */
  readonly tls?: boolean;
}

/** Starts it and waits until it answers. */
export async function startAttacked(
  { args = [], root = ".", tls = false }: AttackedOptions = {},
): Promise<Attacked> {
  const [port, plain] = [freePort(), freePort()];
  const server = new Server({
    program: "deno",
    args: [
      ...["run", "-A", `${root}/mod.ts`, "-w", "1", "-t", "1", "--log-level", "error"],
      ...["-b", `127.0.0.1:${port}`, ...args],
      ...(tls ? ["--redirect-bind", `127.0.0.1:${plain}`] : []),
      "bench/apps/attacked.ts",
    ],
  });
  const hello = CASES[0]!;
  // The address that leads to https answers when the other does.
  if (tls) await server.ready(`http://127.0.0.1:${plain}/`, { ...hello, status: 308, begin: "" });
  else await server.ready(`http://127.0.0.1:${port}/`, hello);
  return {
    port,
    pid: server.pid,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Deno's own server with the same app, to compare with. */
export async function startPlain(): Promise<Attacked> {
  const port = freePort();
  const server = new Server({
    program: "deno",
    args: ["run", "-A", "bench/apps/serve.ts", "./attacked.ts", `${port}`],
  });
  await server.ready(`http://127.0.0.1:${port}/`, CASES[0]!);
  return { port, pid: server.pid, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A certificate for 127.0.0.1, made with openssl, and its files. */
export async function makeCertificate(): Promise<{ certfile: string; keyfile: string }> {
  const directory = await Deno.makeTempDir();
  const [certfile, keyfile] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", keyfile, "-out", certfile],
    ],
  }).output();
  if (!success) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
  return { certfile, keyfile };
}
