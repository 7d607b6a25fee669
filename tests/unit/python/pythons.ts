/** The Pythons of the machine that runs the tests. */

/** Interpreters of different versions, with a shared library and a GIL, by what they call themselves. */
export function pythons(): string[] {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const pyenv = Deno.env.get("PYENV_ROOT");
  if (pyenv !== undefined) {
    for (const { name } of entries(`${pyenv}/versions`)) {
      folders.push(`${pyenv}/versions/${name}/bin`);
    }
  }
  const found = new Map<string, string>();
  for (const folder of folders) {
    for (const { name } of entries(folder)) {
      if (!/^python3\.\d+$/.test(name)) continue;
      const about = ask(`${folder}/${name}`);
      if (about !== null && about.minor >= 9 && !found.has(about.version)) {
        found.set(about.version, about.executable);
      }
    }
  }
  return [...found.values()];
}

/** Debian's, whose packages (Flask, Django, numpy) the tests use; null where there is none. */
export function systemPython(): string | null {
  const about = ask("/usr/bin/python3");
  return about !== null && about.minor >= 9 ? about.executable : null;
}

/** Runs Python code, which prints JSON, under an interpreter itself. */
export function run<T>(
  executable: string,
  code: string,
  env: Record<string, string> = {},
): T {
  const { success, stdout, stderr } = new Deno.Command(executable, { args: ["-c", code], env })
    .outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

interface About {
  readonly executable: string;
  readonly version: string;
  readonly minor: number;
}

function ask(executable: string): About | null {
  try {
    const about = run<About & { fit: boolean }>(
      executable,
      `import json, os, sys, sysconfig as s
v = lambda n: s.get_config_var(n) or ""
print(json.dumps({"executable": sys.executable, "version": sys.version, "minor": sys.version_info[1],
  "fit": os.path.exists(os.path.join(v("LIBDIR"), v("INSTSONAME"))) and not v("Py_GIL_DISABLED")}))`,
    );
    return about.fit ? about : null;
  } catch {
    // A shim whose version is not installed, or no Python at all.
    return null;
  }
}

function entries(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
}
