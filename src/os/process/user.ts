/** Users and groups: look them up by name or number, become them for good. */

import { SystemError } from "../../errors.ts";
import { check, clearErrno, cString, errno, libc, LibcError } from "../libc.ts";

/** Whom to become. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The user's name, whose supplementary groups are taken; null where only a number is known. */
  readonly name: string | null;
}

/** `(uid_t) -1` and `(gid_t) -1` mean "leave it" to the kernel: never a user. */
const MAX_ID = 0xffff_fffe;

/**
 * Finds the user and the group by name or number. A user without a group gets the one of the user
 * database; a number that is in no database is taken as it is, as containers like to do it.
 * Returns null where neither is given.
 */
export function findIdentity(user: string | null, group: string | null): Identity | null {
  if (user === null && group === null) return null;
  const found = user === null ? null : findUser(user);
  const gid = group === null ? found?.gid : findGroup(group);
  if (gid === undefined) {
    throw new SystemError(
      `Cannot run as user ${user}: no such user in the user database, so that its group is ` +
        `unknown: set group as well`,
    );
  }
  return { uid: found?.uid ?? Deno.uid() ?? 0, gid, name: found?.name ?? null };
}

/**
 * Becomes that user and group, all threads of the process, for good. Nothing is called where they are
 * in force already, so that a server which was started as the right user needs no privilege.
 *
 * The order is the only one that works: groups while still root, the user last. Any parent death
 * signal is lost with it: set that anew.
 */
export function becomeIdentity(identity: Identity): void {
  const { uid, gid, name } = identity;
  if (Deno.uid() === uid && Deno.gid() === gid) return;
  const what = `Cannot become user ${name ?? uid}, group ${gid}${whoMay()}`;
  const c = libc();
  if (Deno.uid() === 0) {
    // glibc's wrappers change every thread; the bare system calls would change only this one.
    if (name === null) {
      const groups = new Uint32Array([gid]);
      check(c.setgroups(1n, groups), "setgroups", what);
    } else {
      check(c.initgroups(cString(name), gid), "initgroups", what);
    }
  }
  check(c.setgid(gid), "setgid", what);
  check(c.setuid(uid), "setuid", what);
  // A way back would mean that an app's bug is root's bug.
  if (uid !== 0 && c.setuid(0) === 0) throw new SystemError(`${what}: root could be regained`);
}

/** Advice for users other than root; empty for root. It is tried all the same: they may have the capability. */
export function whoMay(): string {
  return Deno.uid() === 0
    ? ""
    : " (that takes root: start denicorn as root, or leave user and group out)";
}

interface User {
  readonly uid: number;
  /** undefined where the number is in no database. */
  readonly gid: number | undefined;
  readonly name: string | null;
}

function findUser(user: string): User {
  const c = libc();
  const number = parseId(user);
  clearErrno();
  // struct passwd: char *name, *passwd; uid_t; gid_t; …
  const at = number === null ? c.getpwnam(cString(user)) : c.getpwuid(number);
  if (at !== null) {
    const view = new Deno.UnsafePointerView(at);
    const name = view.getPointer(0);
    return {
      uid: view.getUint32(16),
      gid: view.getUint32(20),
      name: name === null ? null : Deno.UnsafePointerView.getCString(name),
    };
  }
  if (number !== null) return { uid: number, gid: undefined, name: null };
  throw notFound("user", user, "getpwnam");
}

function findGroup(group: string): number {
  const number = parseId(group);
  if (number !== null) return number;
  clearErrno();
  // struct group: char *name, *passwd; gid_t; …
  const at = libc().getgrnam(cString(group));
  if (at === null) throw notFound("group", group, "getgrnam");
  return new Deno.UnsafePointerView(at).getUint32(16);
}

function notFound(kind: "user" | "group", name: string, call: string): SystemError {
  const found = errno();
  // getpwnam(3): "not found" leaves errno alone, or sets one of these, as the name service likes.
  const absent = [0, 1, 2, 3, 9].includes(found);
  return absent
    ? new SystemError(`Cannot find the ${kind} ${JSON.stringify(name)}: no such ${kind}`)
    : new LibcError(call, found, `Cannot find the ${kind} ${JSON.stringify(name)}`);
}

function parseId(value: string): number | null {
  if (!/^\d+$/.test(value)) return null;
  const id = Number(value);
  if (id > MAX_ID) throw new SystemError(`Cannot use ${value} as an id: it is above ${MAX_ID}`);
  return id;
}
