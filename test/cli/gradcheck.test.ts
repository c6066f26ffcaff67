import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

interface Document {
  readonly ok: boolean;
  readonly target: string;
  readonly tolerance: number;
  readonly worst: number;
  readonly parameters: readonly { readonly name: string; readonly count: number; readonly error: number }[];
}

async function gradcheck(...args: readonly string[]): Promise<Document> {
  const ended = await cellc(["gradcheck", ...args, "--json"]);
  expect([ended.code, ended.stderr.includes("internal")]).toEqual([0, false]);
  return JSON.parse(ended.stdout) as Document;
}

test.each([
  ["reference", "examples/cells/bnlstm.cell", 1e-6],
  ["reference", "examples/cells/gru.cell", 1e-6],
  ["wasm", "examples/cells/lnlstm.cell", 1e-4],
  ["wasm", "examples/smnist.cell", 1e-4],
  ["wgsl", "examples/cells/bnlstm.cell", 1e-4],
  ["wgsl", "examples/smnist.cell", 1e-4],
] as const)("on %s the gradients of %s agree with differences of the reference within %f", async (...given) => {
  const [target, file, tolerance] = given;
  const { ok, parameters, worst, ...document } = await gradcheck(file, "--target", target, "--seed", "2");
  expect(document).toMatchObject({ target, tolerance });
  expect(parameters.length).toBeGreaterThan(2);
  expect(worst).toBe(Math.max(...parameters.map(({ error }) => error)));
  expect([ok, worst <= tolerance]).toEqual([true, true]);
  // Two computations of a number rarely agree to the last bit. If they do, the check compares something with itself.
  expect(worst).toBeGreaterThan(0);
});

test("with f16 storage gradients agree within its unit, and no closer", async () => {
  const args = ["examples/cells/bnlstm.cell", "--target", "wgsl", "--storage", "f16", "--dims", "H=8", "--seed", "2"];
  const { ok, tolerance, worst } = await gradcheck(...args);
  expect([ok, tolerance]).toEqual([true, 4e-3]);
  expect(worst).toBeGreaterThan(1e-4);
});

test("a gradient in f32 is distinguished from one in f64", async () => {
  const [reference, wasm] = [
    await gradcheck("examples/cells/rnn.cell"),
    await gradcheck("examples/cells/rnn.cell", "--target", "wasm"),
  ];
  expect(wasm.worst).toBeGreaterThan(10 * reference.worst);
});

test("what has no loss or no parameters has no gradients, and that is C0221", () =>
  withFolder(async (folder) => {
    const file = join(folder, "m.cell");
    for (const text of [
      "model m(D = 3) {\n  param W : [D, D] = 0.5\n  input x : [D]\n  output x @ W\n}\n",
      "cell c(D = 3) {\n  input x : [D]\n  state h : [D] = 0\n  h' = tanh(x + h)\n  output h'\n}\n",
    ]) {
      await writeFile(file, text);
      const ended = await cellc(["gradcheck", file]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("error[C0221]")]);
    }
  }));
