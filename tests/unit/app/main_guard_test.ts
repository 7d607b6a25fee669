import { assertEquals } from "@std/assert";
import { mainGuardIn } from "../../../src/app/main_guard.ts";

const finds = (guard: string | null, sources: readonly string[]) => () => {
  for (const source of sources) assertEquals(mainGuardIn(source), guard, source);
};

Deno.test(
  "a condition on being the program is found",
  finds("import.meta.main", [
    `if (import.meta.main) Deno.serve(f);`,
    `if(\n  !help && import.meta.main\n) {}`,
    `if (ready(1) && (import.meta.main)) {}`,
    `import.meta.main && Deno.serve(f);`,
    `const url = "http://host"; /* then */ if (/* main? */ import.meta.main) {}`,
    `say("it's /*"); if (import.meta.main) {} // */`,
  ]),
);

Deno.test("so are those of Deno's mainModule and Node's main", () => {
  finds("Deno.mainModule", [
    `if (import.meta.url === Deno.mainModule) {}`,
    `Deno.mainModule === import.meta.url && main();`,
  ])();
  finds("require.main", [`if (require.main === module) {}`, `require.main == module && main()`])();
});

Deno.test(
  "no guard is what only names it",
  finds(null, [
    `// if (import.meta.main) Deno.serve(f);`,
    `/*\n * import.meta.main && Deno.serve(f);\n */`,
    `console.log("if (import.meta.main)", 'import.meta.main &&', \`\nif (import.meta.main)\`);`,
    `console.log(import.meta.main);`,
    `if (verbose) console.log(import.meta.main);`,
    `if (verbose) { log() }\nconst main = import.meta.main;`,
    `if (import.meta.mainly) {}`,
    ``,
  ]),
);

Deno.test("a large source takes no time out of proportion", () => {
  assertEquals(mainGuardIn("if (" + "(a)(".repeat(50_000)), null);
  assertEquals(mainGuardIn("'`".repeat(50_000)), null);
});
