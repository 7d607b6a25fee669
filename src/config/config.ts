/**
 * The finished configuration: frozen plain data, the same in the manager, in procs and in threads.
 *
 * Its fields are made from the registry's records, so a new setting is one record in
 * src/config/settings/. Only types are imported here: procs and threads do not load the registry.
 */

import type { settings } from "./registry.ts";
import type { Setting } from "./setting.ts";

export type { Bind } from "./values/bind.ts";
export type { AppPermissions } from "./values/kinds_many.ts";

/** Every setting by its one name, before it is known that there is an app. */
export type Settings = {
  readonly [Name in keyof typeof settings]: typeof settings[Name] extends Setting<infer T> ? T
    : never;
};

/**
 * Every setting by its one name, which is its YAML key too. Times are seconds, sizes bytes, paths
 * absolute. `app` is there and `interface` is decided: no Config is made otherwise.
 */
export interface Config extends Settings {
  readonly app: string;
  readonly interface: "fetch" | "wsgi";
}
