/** The table of targets: who else must say the same of each. */
import { expect, test } from "vitest";
import { defaultTarget, plainTargets, targetNames, targets } from "../../cli/targets.ts";
import { codeKinds } from "../../runtime/code-kinds.ts";
import * as runtime from "../../runtime/index.ts";
import * as forModules from "../../runtime/module/index.ts";
import { readTree } from "../house/tree.ts";

/** The cells of each line of a table that begins with a name in backticks. */
const rows = readTree("docs/cli.md")
  .split("\n")
  .filter((line) => /^\| `[\w+-]+` +\|/.test(line))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test.each(targetNames)("docs/cli.md says of %s what the table does", (name) => {
  const { doc, filesDoc } = targets[name];
  expect(rows).toContainEqual([`\`${name}\``, doc, filesDoc]);
});

test("the default runs on every machine", () => {
  expect([defaultTarget, targets[defaultTarget].features]).toEqual(["wasm", []]);
});

test("each kind of code has a target of its name, and a variant has the code of one", async () => {
  expect([...plainTargets].sort()).toEqual(Object.keys(codeKinds).sort());
  for (const name of targetNames) {
    const { kind, load } = targets[name];
    const { name: made, machine } = await load();
    expect([made, targets[kind].kind], name).toEqual([kind, kind]);
    expect(codeKinds[kind].halves, name).toBe(machine.halves);
  }
});

test("the package exports each target and the backend that runs its code", () => {
  const { exports } = JSON.parse(readTree("package.json")) as { readonly exports: Readonly<Record<string, unknown>> };
  for (const name of plainTargets) {
    expect(exports).toHaveProperty([`./targets/${name}`]);
    expect(runtime).toHaveProperty(targets[name].backend);
    expect(forModules).toHaveProperty(targets[name].moduleBackend);
  }
});
