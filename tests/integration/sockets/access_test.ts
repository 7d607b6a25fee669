/** Who may use a unix socket, over a reload that leaves the socket where it is. */

import { assert, assertEquals } from "@std/assert";
import { ask } from "../../support/http.ts";
import { descriptorsOf } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { HELLO, type Scene, sceneTest as playScene } from "../../support/scene.ts";
import { hasTool, WITHOUT_CHOWN } from "../../support/tools.ts";

const sceneTest = (name: string, play: (scene: Scene) => Promise<void>, tool = "setpriv") =>
  playScene(name, play, { needs: Deno.uid() === 0 && hasTool(tool) });

/** A server on a unix socket, whose configuration is written anew for each reload. */
class Stage {
  readonly path: string;
  readonly server: Running;
  readonly #scene: Scene;

  private constructor(scene: Scene, settings: string, prefix: readonly string[]) {
    this.#scene = scene;
    this.path = `${scene.directory}/app.sock`;
    scene.write("app.ts", HELLO);
    this.write(settings);
    this.server = scene.run([], { prefix });
  }

  static async set(scene: Scene, settings: string, prefix: readonly string[] = []): Promise<Stage> {
    const stage = new Stage(scene, settings, prefix);
    await stage.server.ready(1);
    return stage;
  }

  write(settings: string): void {
    const text = `app: app.ts\nworkers: 1\nbind: "unix:${this.path}"\n${settings}\n`;
    this.#scene.write("denicorn.yaml", text);
  }

  reload(settings: string): void {
    this.write(settings);
    this.server.signal("SIGHUP");
  }

  /** Mode, owner and group of the file. */
  get access(): string {
    const { mode, uid, gid } = Deno.lstatSync(this.path);
    return `${(mode! & 0o777).toString(8)} ${uid} ${gid}`;
  }
}

sceneTest("HUP changes mode and owner of a unix socket that stays", async (scene) => {
  const stage = await Stage.set(scene, "unix_mode: 0600");
  const { ino } = Deno.lstatSync(stage.path);
  assertEquals(stage.access, "600 0 0");
  const steps = [
    [`unix_mode: 0660\nunix_user: "2"\nunix_group: "3"`, "660 2 3"],
    [`unix_mode: 0660\nuser: "12345"\ngroup: "54321"`, "660 12345 54321"],
    ["umask: 0027", "750 0 0"],
    ["", `${(0o777 & ~Deno.umask()).toString(8)} 0 0`],
  ] as const;
  // The new user has to find the app.
  Deno.chmodSync(scene.directory, 0o755);
  for (const [i, [settings, access]] of steps.entries()) {
    stage.reload(settings);
    await stage.server.says(/Reloaded: /, i + 1);
    assertEquals(stage.access, access);
  }
  assertEquals(Deno.lstatSync(stage.path).ino, ino);
  assertEquals((await ask({ transport: "unix", path: stage.path })).slice(0, 4), "pid ");
});

sceneTest("HUP leaves what was changed by hand, where no setting says otherwise", async (scene) => {
  const stage = await Stage.set(scene, "unix_mode: 0600");
  Deno.chownSync(stage.path, null, 33);
  stage.reload("unix_mode: 0660");
  await stage.server.says(/Reloaded: /);
  assertEquals(stage.access, "660 0 33");
  Deno.chmodSync(stage.path, 0o666);
  stage.reload("unix_mode: 0660\nunix_user: 2");
  await stage.server.says(/Reloaded: /, 2);
  // A user brings its group along.
  assertEquals(stage.access, "666 2 2");
});

sceneTest("a reload that fails leaves a unix socket its mode and owner", async (scene) => {
  const stage = await Stage.set(scene, "unix_mode: 0600");
  stage.reload("unix_mode: 0666\nunix_user: nobody-of-that-name");
  await stage.server.says(/all stays as it was: Cannot find the user "nobody-of-that-name"/);
  scene.write("app.ts", "throw new Error('broken');\n");
  stage.reload("unix_mode: 0666");
  await stage.server.says(/all stays as it was: .*broken/);
  assertEquals(stage.access, "600 0 0");
});

sceneTest("a socket that HUP cannot give away stays as it was, which is said", async (scene) => {
  const stage = await Stage.set(scene, "unix_mode: 0600", WITHOUT_CHOWN);
  const descriptors: number[] = [];
  for (let times = 1; times <= 21; times++) {
    stage.reload(`unix_mode: 0666\nunix_user: "2"`);
    await stage.server.says(
      /Cannot give unix:\S* to user 2 and group 2: .*; it stays as it was/,
      times,
    );
    assertEquals(stage.access, "600 0 0");
    await stage.server.says(/Reloaded: /, times);
    await stage.server.says(/has left/, times);
    descriptors.push(descriptorsOf(stage.server.pid));
  }
  // One for each would be twenty; a few come and go.
  assert(descriptors.at(-1)! < descriptors[0]! + 10, descriptors.join());
});

sceneTest("HUP follows no link that was put in the place of a unix socket", async (scene) => {
  const stage = await Stage.set(scene, "unix_mode: 0600");
  const secret = scene.write("secret", "");
  Deno.chmodSync(secret, 0o600);
  Deno.removeSync(stage.path);
  Deno.symlinkSync(secret, stage.path);
  stage.reload(`unix_mode: 0666\nunix_user: "2"`);
  await stage.server.says(
    /all stays as it was: Cannot listen on unix:\S*: a file that is no socket/,
  );
  const { mode, uid } = Deno.statSync(secret);
  assertEquals([mode! & 0o777, uid], [0o600, 0]);
});

sceneTest("HUP changes the backlog of a socket that stays", async (scene) => {
  const stage = await Stage.set(scene, "backlog: 7");
  stage.reload("backlog: 9");
  await stage.server.says(/Reloaded: /);
  const { stdout } = await new Deno.Command("ss", { args: ["-Hlx", "src", stage.path] }).output();
  // Netid, State, Recv-Q, and Send-Q, which is the backlog of a socket that listens.
  assertEquals(new TextDecoder().decode(stdout).trim().split(/\s+/)[3], "9");
}, "ss");
