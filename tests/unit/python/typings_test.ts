/** The types that editors are given (examples/typings) are those of the module itself. */

import { assert, assertEquals } from "@std/assert";
import { run, systemPython } from "./pythons.ts";

/** Prints what a file's public names are: of functions and methods their arguments. */
const QUESTION = `
import ast, json, sys
def arguments(node):
    a = node.args
    return [it.arg for it in a.posonlyargs + a.args] + ["*"] + [it.arg for it in a.kwonlyargs]
def names(body):
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = arguments(node)
        elif isinstance(node, ast.ClassDef):
            found[node.name] = names(node.body)
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = "value"
        elif isinstance(node, ast.Assign):
            found.update((it.id, "value") for it in node.targets if isinstance(it, ast.Name))
    return {name: it for name, it in found.items() if not name.startswith("_")}
with open(FILE) as file:
    print(json.dumps(names(ast.parse(file.read()).body)))
`;

const python = systemPython();

interface Names {
  readonly [name: string]: Names | readonly string[] | "value";
}

function namesOf(path: string): Names {
  const file = new URL(`../../../${path}`, import.meta.url).pathname;
  return run(python!, QUESTION.replace("FILE", JSON.stringify(file)));
}

Deno.test({
  name: "examples/typings knows what the module denicorn has, and no more",
  ignore: python === null,
  fn: () => {
    const typed = namesOf("examples/typings/denicorn.pyi");
    const real = namesOf("src/wsgi/python/denicorn.py");
    const { Context, ...rest } = typed;
    for (const [name, what] of Object.entries(rest)) assertEquals(real[name], what, name);
    const constants = Object.keys(real).filter((name) => name.startsWith("YMO_"));
    for (const name of constants) assert(name in typed, `${name} is missing`);
    // The app's view of a context is part of what it has.
    const { Context: whole } = namesOf("src/wsgi/python/context.py");
    for (const [name, what] of Object.entries(Context as Names)) {
      if (what !== "value") assertEquals((whole as Names)[name], what, name);
    }
  },
});
