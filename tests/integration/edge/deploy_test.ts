/** The files of deploy/ that no other test runs, as their own tools see them. */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { hasTool, runTool } from "../../support/tools.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);

/** systemd-analyze's points, 0 to 10: what an attacker could do who has taken the service over. */
const MOST_EXPOSURE = 2;

sceneTest(
  "systemd finds nothing wrong with the units, and the service well shut in",
  async (scene) => {
    const service = Deno.readTextFileSync(new URL("denicorn.service", DEPLOY));
    // It looks for the program, which is somewhere else here.
    const unit = scene.write(
      "denicorn.service",
      service.replaceAll("/usr/local/bin/deno", Deno.execPath()),
    );
    const socket = scene.write(
      "denicorn.socket",
      Deno.readTextFileSync(new URL("denicorn.socket", DEPLOY)),
    );
    const { success, output } = await runTool("systemd-analyze", "verify", unit, socket);
    assertEquals([success, output], [true, ""]);

    const security = await runTool("systemd-analyze", "security", "--offline=true", unit);
    const points = Number(/exposure level for \S+: ([0-9.]+)/.exec(security.output)?.[1]);
    assert(points <= MOST_EXPOSURE, `${points} points`);
  },
  { needs: hasTool("systemd-analyze") },
);
