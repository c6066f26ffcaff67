import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { root } from "./tree.ts";

/** Runs a package's command with this very Node; [exit code, everything it printed]. */
function run(script: string, ...args: readonly string[]): readonly [number | null, string] {
  const done = spawnSync(process.execPath, [`node_modules/${script}`, ...args], { cwd: root, encoding: "utf8" });
  return [done.status, done.stdout + done.stderr];
}

test.each(["tsconfig.json", "tsconfig.pages.json"])("the tree type-checks, by %s", (config) => {
  const [status, output] = run("typescript/bin/tsc", "--noEmit", "-p", config);
  expect(status, output).toBe(0);
});

test("the tree is formatted and has no lint errors", () => {
  const [status, output] = run("@biomejs/biome/bin/biome", "ci", "--colors=off", ".");
  expect(status, output).toBe(0);
});
