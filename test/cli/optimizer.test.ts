/** Optimisers with options, from the command line to the checkpoint and back. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optimizerNames } from "../../compiler/optimizers.ts";
import { readCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

const SMALL = ["examples/smnist.cell", "--task", "digits-rows", "--dims", "H=4", "--batch", "64", "--estimate", "64"];
const ADAMW = ["--optimizer", "adamw", "--weight-decay", "0.5", "--betas", "0.8,0.9"];

describe("an optimiser's options", () => {
  test("are recorded, kept by the checkpoint, and must be the same to go on, unless the change is meant", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const checkpoint = join(out, "model.safetensors");
      const train = (steps: string, ...more: readonly string[]) =>
        cellc(["train", ...SMALL, "--steps", steps, "--out", out, ...more]);
      expect((await train("2", ...ADAMW)).code).toBe(0);
      const record = JSON.parse(await readFile(join(out, "run.json"), "utf8"));
      expect(record.options.optimizer).toEqual({ name: "adamw", weightDecay: 0.5, betas: [0.8, 0.9] });
      expect(record.options).not.toHaveProperty("betas");
      expect(await readFile(join(out, "curve.svg"), "utf8")).toContain("adamw, betas 0.8,0.9, weightDecay 0.5");
      const { optimizer, optimizerOptions } = await readCheckpoint(checkpoint);
      expect([optimizer, optimizerOptions]).toEqual(["adamw", { betas: "0.8,0.9", weightDecay: "0.5" }]);

      // Neither command line names the optimiser.
      const measured = await cellc(["eval", ...SMALL, "--checkpoint", checkpoint, "--json"]);
      expect(measured.code).toBe(0);
      expect(JSON.parse(measured.stdout).loss).toBe(record.result.loss);
      expect((await cellc(["stats", out, "--estimate", "--batches", "1"])).code).toBe(0);
      expect((await readCheckpoint(checkpoint)).optimizerOptions).toEqual(optimizerOptions);

      const other = await train("3", "--optimizer", "adamw", "--betas", "0.8,0.9", "--resume");
      expect([other.code, other.stderr]).toEqual([
        1,
        expect.stringMatching(/error\[C0403\]: .*its adamw has weightDecay 0.5, this one's 0.01\n.*--allow-other-equ/),
      ]);
      const meant = await train("3", "--optimizer", "adamw", "--resume", "--allow-other-equations");
      expect([meant.code, meant.stderr]).toEqual([0, expect.stringContaining("its adamw has betas 0.8,0.9")]);
      expect((await readCheckpoint(checkpoint)).optimizerOptions).toEqual({ weightDecay: "0.01" });
      const asked = await cellc(["eval", ...SMALL, "--checkpoint", checkpoint, "--optimizer", "adam"]);
      expect([asked.code, asked.stderr]).toEqual([
        1,
        expect.stringContaining("its optimiser is adamw, this one's adam"),
      ]);
    }));

  test("that make an optimiser keep more make a checkpoint have it, and one without it is not gone on from", () =>
    withFolder(async (folder) => {
      const rmsprop = (out: string, ...more: readonly string[]) =>
        cellc(["train", ...SMALL, "--optimizer", "rmsprop", "--out", join(folder, out), ...more]);
      const slotsIn = async (out: string): Promise<ReadonlySet<string>> => {
        const { tensors } = await readCheckpoint(join(folder, out, "model.safetensors"));
        return new Set([...tensors.keys()].flatMap((name) => /^slot\/([^/]*)/.exec(name)?.[1] ?? []));
      };
      const momentum = ["--momentum-factor", "0.9"];
      for (const [out, ...more] of [["plain"], ["none", "--momentum-factor", "0"], ["heavy", ...momentum]])
        expect((await rmsprop(out, "--steps", "2", ...more)).code).toBe(0);
      expect([...(await slotsIn("plain"))]).toEqual(["r"]);
      expect([...(await slotsIn("heavy"))].sort()).toEqual(["m", "r"]);
      const [plain, none] = ["plain", "none"].map((out) => readFile(join(folder, out, "model.safetensors")));
      expect((await plain).equals(await none)).toBe(true);
      const other = await rmsprop("plain", "--steps", "3", ...momentum, "--resume", "--allow-other-equations");
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("it lacks `slot/m/")]);
      const whole = await rmsprop("whole", "--steps", "4", ...momentum);
      const resumed = await rmsprop("heavy", "--steps", "4", ...momentum, "--resume");
      expect([whole.code, resumed.code]).toEqual([0, 0]);
      const [once, twice] = ["whole", "heavy"].map((out) => readCheckpoint(join(folder, out, "model.safetensors")));
      expect((await twice).tensors).toEqual((await once).tensors);
    }));

  test.each([
    [["--weight-decay", "0.1"], "--weight-decay is no option of adam", "--optimizer adamw"],
    [["--optimizer", "sgd", "--eps", "1e-8"], "--eps is no option of sgd", "--optimizer rmsprop or adam or adamw"],
    [["--betas", "0.9"], "'0.9' is invalid. want two numbers from 0 to below 1", "--betas <number,number>"],
    [["--betas", "0.9,1"], "'0.9,1' is invalid", ""],
    [["--eps", "0"], "want a number above 0", ""],
    [["--optimizer", "adamw", "--weight-decay", "-1"], "want a number of at least 0", ""],
    [["--optimizer", "newton"], `Allowed choices are ${optimizerNames.join(", ")}`, ""],
  ])("that do not exist are refused before anything is done: %j", (given, message, help) =>
    withFolder(async (folder) => {
      const ended = await cellc(["train", ...SMALL, "--steps", "1", "--out", join(folder, "run"), ...given]);
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(message)]);
      expect(ended.stderr).toContain("error[C0301]");
      expect(ended.stderr).toContain(help);
      expect(await readdir(folder)).toEqual([]);
    }),
  );
});
