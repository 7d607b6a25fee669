/** A group of processes that listen on one port, and the clients that count who answers. */

import { connect, local } from "../../support/http.ts";
import { Lines } from "../../unit/os/run_deno.ts";

const MEMBER = new URL("./member.ts", import.meta.url).pathname;

export class Member implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  /** Where it listens; 0 for a unix socket. */
  port = 0;

  private constructor(env: Record<string, string>) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--no-config", "--no-check", "--unstable-net", MEMBER],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = new Lines(this.#child.stdout);
    this.#writer = this.#child.stdin.getWriter();
  }

  /** Starts a member, and returns when it listens. It accepts only after the command "serve". */
  static async start(env: Record<string, string>): Promise<Member> {
    const member = new Member(env);
    const [word, port] = (await member.#lines.next() ?? "").split(" ");
    if (word !== "listening") throw new Error("a member of the group did not come to listen");
    member.port = Number(port);
    return member;
  }

  /** Sends a command and returns the line that answers it. */
  async tell(command: string, operand?: unknown): Promise<string> {
    const line = operand === undefined ? command : `${command} ${JSON.stringify(operand)}`;
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    const answer = await this.#lines.next();
    if (answer === null) throw new Error(`a member of the group died of the command ${line}`);
    return answer;
  }

  /** Dies as by `kill -9`. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  /** Stops or continues the process. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.abort().catch(() => {});
    await this.#lines.cancel();
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Dead already.
    }
    await this.#child.status;
  }
}

/** Members of one SO_REUSEPORT group, in the order of listen(), named by their index. */
export async function startGroup(size: number): Promise<Member[]> {
  const members: Member[] = [];
  for (let index = 0; index < size; index++) {
    const PORT = String(members[0]?.port ?? 0);
    members.push(await Member.start({ NAME: String(index), PORT }));
  }
  return members;
}

/** Connects and returns the name of who answers. */
export async function ask(address: Deno.Addr): Promise<string> {
  return await readName(await connect(address));
}

/** The name that comes over a connection, to its end. */
export async function readName(conn: Deno.Conn): Promise<string> {
  return await new Response(conn.readable).text();
}

/** How often each name answers `count` connections, a few at a time. */
export async function census(port: number, count: number): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  let left = count;
  const client = async () => {
    while (left-- > 0) {
      const name = await ask(local(port));
      answers[name] = (answers[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  return answers;
}
