import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { targets } from "../../cli/targets.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import { openExecutable } from "../../runtime/node/index.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

const compile = ["compile", "examples/cells/lstm.cell", "--dims", "D=2,H=4", "--batch", "3", "--entries", "infer"];

const manifestIn = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "executable.json"), "utf8"));

describe("cellc compile", () => {
  test("writes the files of one target side by side, with all kernels in one, and says which there are", () =>
    withFolder(async (folder) => {
      const out = join(folder, "lstm");
      const { code, stdout } = await cellc([...compile, "--target", "wgsl", "--out", out, "--json"]);
      const files = await readdir(out);
      expect([code, [...JSON.parse(stdout).files].sort()]).toEqual([0, files.sort()]);
      expect(await manifestIn(out)).toEqual({
        format: 1,
        name: "lstm",
        targets: [{ target: "wgsl", plan: "plan.json", kind: "wgsl", kernels: "kernels.json" }],
      });
      const kernels = JSON.parse(await readFile(join(out, "kernels.json"), "utf8")) as Record<string, string>;
      expect(
        Object.keys(kernels)
          .map((name) => `${name}.wgsl`)
          .sort(),
      ).toEqual(files.filter((f) => f.endsWith(".wgsl")));
      for (const [name, text] of Object.entries(kernels))
        expect(await readFile(join(out, `${name}.wgsl`), "utf8")).toBe(text);
      const { executable, backend } = await openExecutable(out, { backend: "wgsl" });
      expect(executable.code).toEqual({ kind: "wgsl", modules: kernels });
      backend.close();
    }));

  test("writes several targets into one folder, each in its own", () =>
    withFolder(async (folder) => {
      const out = join(folder, "lstm");
      const { code, stdout } = await cellc([...compile, "--target", "wgsl+subgroups,wgsl,wasm", "--out", out]);
      expect([code, stdout]).toEqual([0, expect.stringContaining("wgsl-subgroups/plan.json")]);
      expect((await readdir(out)).sort()).toEqual(["executable.json", "wasm", "wgsl", "wgsl-subgroups"]);
      const manifest = await manifestIn(out);
      expect(manifest.targets.map(({ target, plan, features }) => [target, plan, features])).toEqual([
        [
          "wgsl+subgroups",
          "wgsl-subgroups/plan.json",
          expect.toSatisfy((some) => some === undefined || some[0] === "subgroups"),
        ],
        ["wgsl", "wgsl/plan.json", undefined],
        ["wasm", "wasm/plan.json", undefined],
      ]);
      for (const name of ["wgsl", "wasm"] as const) {
        const { executable, backend } = await openExecutable(out, { backend: name });
        expect([executable.plan.target, backend.name]).toEqual([name, name]);
        backend.close();
      }
    }));

  test("prints a stage for one target only", async () => {
    const refused = await cellc(["compile", "examples/cells/lstm.cell", "--target", "wgsl,wasm", "--emit", "kernels"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("--emit prints a stage for one target"),
    ]);
  });

  test("refuses a target that there is not, or that is named twice, and writes nothing", () =>
    withFolder(async (folder) => {
      for (const [list, words] of [
        ["wasm,cuda", `want ${Object.keys(targets).join(", ")}, got "cuda"`],
        ["wasm,wasm", "want each target once"],
        ["", 'got ""'],
        ["auto", 'got "auto"'],
      ]) {
        const { code, stderr } = await cellc([...compile, "--target", list, "--out", join(folder, "no")]);
        expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
      }
      expect(await readdir(folder)).toEqual([]);
    }));
});

describe("--target auto", () => {
  test("runs a command where it runs best here, and says where and why", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const { code, stderr } = await cellc([
        ...["train", "examples/cells/lstm.cell", "--task", "digits-rows", "--dims", "H=4", "--steps", "2"],
        ...["--target", "auto", "--out", out],
      ]);
      const [, name, reason] = /^target (wasm|wgsl)(?: \((.*)\))?$/m.exec(stderr)!;
      expect(code).toBe(0);
      // Where WebGPU is not taken, the line says why.
      expect(reason === undefined).toBe(name === "wgsl");
      const { options, machine } = JSON.parse(await readFile(join(out, "run.json"), "utf8"));
      expect([options.target, machine.target]).toEqual([name, name]);
    }));
});
