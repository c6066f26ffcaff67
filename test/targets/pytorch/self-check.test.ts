/** The check that a printed file runs by itself, where there are no outputs: of the loss. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { checkTensors } from "../../../cli/export/pytorch-check.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { encodeSafetensors } from "../../../runtime/safetensors.ts";
import type { SavedTensor } from "../../../runtime/state.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";
import { compile } from "../../semantics/sources.ts";
import { runPython } from "./python.ts";

it("a model that has a loss and no output is checked by its loss", () => {
  const { graph, dims } = compile(`model m(D = 3) {
  input x : [D] over time
  target y : [D] over time
  param w : [D] = 1
  loss mse(x * w, y)
}`);
  const files = { weights: "weights.safetensors", check: "check.safetensors" };
  const about = { about: [], source: "", dims, steps: 5, momentum: 0.1, isCell: false, files };
  const printed = pytorchModule(moduleForm(graph), about);
  const weights = new Map<string, SavedTensor>([["w", { shape: [3], data: Float32Array.of(1, 2, 3) }]]);
  const folder = mkdtempSync(join(inject("scratch"), "self-check-"));
  const write = (name: string, tensors: ReadonlyMap<string, SavedTensor>): void =>
    writeFileSync(join(folder, name), encodeSafetensors({ tensors, metadata: {} }));
  write(files.weights, weights);
  write(files.check, checkTensors(graph, { dims, steps: 5, weights, printed }));
  writeFileSync(join(folder, "m.py"), printed.text);
  expect(runPython([join(folder, "m.py")])).toMatch(/^(loss in .*\n){4}worst error \d\.\de-0[78]\n$/);
});
