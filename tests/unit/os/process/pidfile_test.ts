import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../../src/errors.ts";
import { Pidfile } from "../../../../src/os/process/pidfile.ts";

function inDirectory(name: string, body: (path: string) => void): void {
  Deno.test(name, () => {
    const directory = Deno.makeTempDirSync();
    try {
      body(`${directory}/app.pid`);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

const read = (path: string) => Deno.readTextFileSync(path);
const directoryOf = (path: string) => [...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))];

inDirectory("the file holds the process id, and nothing else lies about", (path) => {
  const pidfile = Pidfile.create(path);
  assertEquals(read(path), `${Deno.pid}\n`);
  assertEquals(directoryOf(path).map(({ name }) => name), ["app.pid"]);
  pidfile.close();
  pidfile.close();
  assertEquals(directoryOf(path), []);
});

inDirectory("a server that runs keeps a second one out", (path) => {
  const first = Pidfile.create(path);
  const error = assertThrows(() => Pidfile.create(path), SystemError);
  assert(error.message.includes(`A server, pid ${Deno.pid}, runs already`), error.message);
  assertEquals(read(path), `${Deno.pid}\n`);
  first.close();
});

// A pid file that outlived its server: the number may be of nobody, or of any other program by now.
for (const content of ["999999999\n", "1\n", "", "not a number", "-5", "12 34"]) {
  inDirectory(`an old file with ${JSON.stringify(content)} is replaced`, (path) => {
    Deno.writeTextFileSync(path, content);
    const pidfile = Pidfile.create(path);
    assertEquals(read(path), `${Deno.pid}\n`);
    pidfile.close();
  });
}

for (const target of ["nowhere", "nowhere/at/all", "old.pid"]) {
  inDirectory(`a symbolic link to ${target} gives way to the file`, (path) => {
    const old = path.replace(/[^/]*$/, "old.pid");
    Deno.writeTextFileSync(old, "999999999\n");
    Deno.symlinkSync(target, path);
    const pidfile = Pidfile.create(path);
    assert(Deno.lstatSync(path).isFile);
    assertEquals(read(path), `${Deno.pid}\n`);
    assertEquals(read(old), "999999999\n");
    assertThrows(() => Pidfile.create(path), SystemError, "runs already");
    pidfile.close();
    assertEquals(directoryOf(path).map(({ name }) => name), ["old.pid"]);
  });
}

inDirectory("a file that cannot be a pid file is left alone", (path) => {
  const precious = "precious\n".repeat(10);
  Deno.writeTextFileSync(path, precious);
  const error = assertThrows(() => Pidfile.create(path), SystemError);
  assert(error.message.includes("it is no pid file"), error.message);
  assertEquals(read(path), precious);
});

inDirectory("a directory that is not there is an error that names the file", (path) => {
  const error = assertThrows(() => Pidfile.create(`${path}/none/app.pid`), SystemError);
  assert(error.message.includes(`${path}/none/app.pid`), error.message);
});

inDirectory("another server's file in its place is not removed", (path) => {
  const pidfile = Pidfile.create(path);
  Deno.removeSync(path);
  Deno.writeTextFileSync(path, "4321\n");
  pidfile.close();
  assertEquals(read(path), "4321\n");
});
