/**
 * A test that starts the real program. It gets a directory of its own; what it starts is stopped at
 * its end, and has to leave nothing behind. When it fails, the output of the programs is printed, and
 * the directory is kept and named.
 */

import { Running, type StartOptions } from "./running.ts";

/** The smallest app; it tells which process answers. */
export const HELLO = `export default {
  fetch: () => new Response("pid " + Deno.pid),
};
`;

type Start = Partial<Pick<StartOptions, "env" | "cwd" | "group" | "prefix" | "denoFlags">> & {
  /** TypeScript of the app. */
  readonly app?: string;
  readonly workers?: number;
  /** Options of the command line, before the app. */
  readonly args?: readonly string[];
};

export class Scene {
  readonly directory = Deno.makeTempDirSync({ prefix: "denicorn-test-" });
  readonly #mark = crypto.randomUUID();
  readonly #started: Running[] = [];

  /** Writes a file in the scene's directory, and returns its path. */
  write(name: string, text: string): string {
    const path = `${this.directory}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** Makes a certificate for localhost and its key; a new pair each time. */
  async certificate(name = "localhost"): Promise<{ certfile: string; keyfile: string }> {
    const [certfile, keyfile] = [`${this.directory}/${name}.pem`, `${this.directory}/${name}.key`];
    const { success, stderr } = await new Deno.Command("openssl", {
      args: [
        ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ...["-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost"],
        // So that a client of Deno's takes it for a server's.
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-keyout", keyfile, "-out", certfile],
      ],
    }).output();
    if (!success) throw new Error(`openssl req failed: ${new TextDecoder().decode(stderr)}`);
    return { certfile, keyfile };
  }

  /** Starts the program with exactly these arguments. */
  run(args: readonly string[], options: Partial<StartOptions> = {}): Running {
    const mark = `${this.#mark}-${this.#started.length}`;
    const running = new Running({ cwd: this.directory, ...options, args, mark });
    this.#started.push(running);
    return running;
  }

  /** Starts the program with an app on a free port, without waiting. */
  launch({ app = HELLO, workers = 2, args = [], ...rest }: Start = {}): Running {
    const bind = args.some((arg) => arg === "-b" || arg === "--bind") ? [] : ["-b", "127.0.0.1:0"];
    const path = this.write("app.ts", app);
    return this.run([...bind, "-w", String(workers), ...args, path], rest);
  }

  /** Starts the program and waits until all its procs are ready. */
  async start(options: Start = {}): Promise<Running> {
    const running = this.launch(options);
    await running.ready(options.workers ?? 2);
    return running;
  }

  /** Ends well: everything has to stop as asked. */
  async close(): Promise<void> {
    for (const running of this.#started) {
      if (running.ended === null) await running.stop();
      else await running.leavesNothing();
    }
    Deno.removeSync(this.directory, { recursive: true });
  }

  /** Ends badly: shows what there was to see. */
  async fail(): Promise<void> {
    for (const running of this.#started) {
      await running.destroy();
      console.error(`\n--- output of process ${running.pid}:\n${running.output}---`);
    }
    console.error(`The directory is kept: ${this.directory}`);
  }
}

/**
 * Registers a test that plays in a {@linkcode Scene}. `needs`: whether the machine has what it needs;
 * where it has not, the test says that it is skipped.
 */
export function sceneTest(
  name: string,
  play: (scene: Scene) => Promise<void>,
  { needs = true }: { readonly needs?: boolean } = {},
): void {
  Deno.test({
    name,
    ignore: !needs,
    async fn() {
      const scene = new Scene();
      try {
        await play(scene);
        await scene.close();
      } catch (error) {
        await scene.fail();
        throw error;
      }
    },
  });
}
