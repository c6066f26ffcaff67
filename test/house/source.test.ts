import { expect, test } from "vitest";
import { sourceObjections } from "./source-rules.ts";
import { readTree, treeFiles } from "./tree.ts";

/** Vite reads its configuration from a default export. */
const NEEDS_DEFAULT_EXPORT = new Set(["vitest.config.ts"]);

test("no source file switches the type checker off, leaves a test out, or holds what cannot be erased", () => {
  const files = treeFiles(".ts").filter((file) => !NEEDS_DEFAULT_EXPORT.has(file));
  expect(files.flatMap((file) => sourceObjections(file, readTree(file)).map((wrong) => `${file}:${wrong}`))).toEqual(
    [],
  );
});

test.each([
  ["any", "const a: any = 1;"],
  ["any inside a type", "type A = readonly any[];"],
  ["a skipped test", 'test.skip("a", () => {});'],
  ["the only test", 'describe.concurrent.only("a", () => {});'],
  ["a test for later", 'it.todo("a");'],
  ["a silenced error", `// @ts-${"ignore"}\nconst a = 1;`],
  ["an enum", "enum Colour { Red }"],
  ["a parameter property", "class A { constructor(readonly a: number) {} }"],
  ["a default export", "export default 1;"],
  ["a default function", "export default function a() {}"],
  ["a machine known by its lanes", `if (machine.lanes ${">"} 1) b();`],
  ["a machine known by one invocation", `const cpu = invocationsOf(machine) ${"==="} 1;`],
  ["a machine known by its name", `if (machine.name ${"==="} "WebGPU") b();`],
  ["a note to oneself", `// ${"TO"}${"DO"}: later`],
])("%s is found", (_claim, text) => {
  expect(sourceObjections("a.ts", text)).toHaveLength(1);
});

test("a count of lanes is nobody's business, nor is one in the machine's own file", () => {
  expect(sourceObjections("a.ts", "if (results * 2 <= lanes || i < lanes) b();")).toEqual([]);
  expect(sourceObjections("compiler/machine.ts", `const one = lanes ${"==="} 1;`)).toEqual([]);
});

test("a switch's default and a method named `only` are nobody's business", () => {
  expect(sourceObjections("a.ts", "switch (a) { default: b.only(); }")).toEqual([]);
});
