/** The lock that threads of Python write under (src/wsgi/python/room.py), by itself. */

import { assertEquals } from "@std/assert";
import { PYTHON } from "../../integration/wsgi/app.ts";

const SOURCE = new URL("../../../src/wsgi/python/room.py", import.meta.url);

async function run(code: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(PYTHON, {
    args: ["-c", `${await Deno.readTextFile(SOURCE)}\n${code}`],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("the collector never runs in a thread that holds the room, and runs while it waits", async () => {
  const output = await run(`
import sys
room, inside, outside = Room(), [], []
gc.callbacks.append(lambda phase, info: (inside if room.owned() else outside).append(phase))
gc.set_threshold(1, 1, 1)
sys.setswitchinterval(1e-6)
def go():
    for i in range(300):
        with room:
            made = [[] for _ in range(20)]
            room.notify_all()
            with room:
                room.wait(0.0001)
            made = [[] for _ in range(20)]
threads = [threading.Thread(target=go) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(inside), len(outside) > 0, gc.isenabled(), len(room._waiters))
`);
  assertEquals(output, "0 True True 0\n");
});

Deno.test("of several that want it still the last one lets the collector go on, if the app does", async () => {
  const output = await run(`
one, other, seen = Room(), Room(), []
def tell(): seen.append(int(gc.isenabled()))
one.acquire(); other.acquire(); one.release(); tell()
other.release(); tell()
gc.disable()
with one: tell()
tell()
gc.enable()
one.acquire()
taken = []
thread = threading.Thread(target=lambda: taken.append(one.acquire(True, 0.001)))
thread.start(); thread.join(); tell()
one.release(); tell()
print(seen, taken)
`);
  assertEquals(output, "[0, 1, 0, 0, 0, 1] [False]\n");
});

Deno.test("a thread that is notified goes on", async () => {
  const output = await run(`
room, seen = Room(), []
def go():
    with room:
        seen.append("waits")
        room.notify_all()
        room.wait()
        seen.append("goes on")
with room:
    thread = threading.Thread(target=go); thread.start()
    while not seen: room.wait()
with room: room.notify_all()
thread.join()
print(seen)
`);
  assertEquals(output, "['waits', 'goes on']\n");
});
