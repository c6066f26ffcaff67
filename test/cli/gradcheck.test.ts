import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GradientCheck } from "../../cli/gradient-check.ts";
import { smallDims } from "../../cli/small-dims.ts";
import { withFolder } from "../data/mnist.ts";
import { files } from "../semantics/sources.ts";
import { cellc } from "./run-here.ts";

interface Document {
  readonly ok: boolean;
  readonly dims: Readonly<Record<string, number>>;
  readonly madeUp: readonly string[];
  readonly target: string;
  readonly tolerance: number;
  readonly worst: number;
  readonly parameters: readonly GradientCheck[];
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

test("marks of steps are 0 or 1, so that a scan with resets has parts of several steps", () =>
  withFolder(async (folder) => {
    const path = join(folder, "packed.cell");
    await writeFile(
      path,
      `cell c(D = 2, H = 3) {
  param W : [D, H] = xavier
  param R : [H, H] = xavier
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ W + h @ R)
  output h'
}
model m(D = 2, H = 3) {
  input x : [D] over time
  input begins : [] over time
  target y : [H] over time
  loss mse(scan c(D, H) over x reset begins, y)
}
`,
    );
    const { parameters } = await gradcheck(path);
    const recurrent = parameters.find(({ name }) => name === "c/R")!;
    expect(recurrent.verdict).toBe("ok");
    // A gradient that no step carries would agree to the last bit.
    expect(recurrent.error).toBeGreaterThan(0);
  }));

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

/** Heads whose number divides what they share, and two parameters without a gradient: a bias and a shift before a batch norm. */
const heads = `cell heads(D, H, N) {
  dim P = H / N
  param W : [N, P, P] = normal(0.1)
  param U : [D, H] = xavier
  param b : [H] = 0
  input x : [D]
  state h : [H] = 0
  site hh = reshape(headwise(reshape(h, [N, P]), W), [H]) + b
  h' = tanh(hh + x @ U)
  output h'
  place hh : batch
}
`;

test("dimensions without a default get small sizes with which all extents are whole, and it says which", () =>
  withFolder(async (folder) => {
    const file = join(folder, "heads.cell");
    await writeFile(file, heads);
    const { dims, madeUp } = await gradcheck(file);
    expect(madeUp).toEqual(["D", "H", "N"]);
    expect(dims.H % dims.N).toBe(0);
    expect(new Set([dims.D, dims.H, dims.N]).size).toBe(3);
    const said = await cellc(["gradcheck", file, "--dims", "H=6"]);
    expect(said.code).toBe(0);
    expect(said.stdout).toMatch(/^sizes of dimensions without a default: D = \d+, N = [23]\n/);
  }));

test.each([
  [
    "cell c(H = 100, N = 5) { dim P = H / N; input x : [N, P]; state h : [H] = 0; h' = reshape(x, [H]); output h' }",
    { N: 4, H: 4 },
  ],
  [
    "cell c(N = 7, P = 30, H = N * P) { input x : [N, P]; state h : [H] = 0; h' = reshape(x, [H]); output h' }",
    { N: 4, P: 4, H: 16 },
  ],
  ["cell c(D, H) { input x : [D]; state h : [H] = 0; h' = h + concat(x, 0 * h[D:]); output h' }", { D: 3, H: 4 }],
])("%s takes %o", (text, dims) => {
  const made = smallDims("main.cell", files({ "main.cell": text }), {});
  expect({ ...made.dims }).toEqual(dims);
});

test("an error in the text is that error, whatever the sizes", () =>
  withFolder(async (folder) => {
    const file = join(folder, "wrong.cell");
    await writeFile(file, heads.replace("x @ U", "x @ W"));
    const ended = await cellc(["gradcheck", file]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("error[C0204]")]);
  }));

test("a gradient that is proven to be zero is not compared, and it says so", () =>
  withFolder(async (folder) => {
    const file = join(folder, "heads.cell");
    await writeFile(file, heads);
    for (const target of ["reference", "wasm"]) {
      const { ok, parameters } = await gradcheck(file, "--target", target);
      expect(ok).toBe(true);
      expect(parameters.filter(({ verdict }) => verdict === "zero").map(({ name }) => name)).toEqual(["b"]);
    }
    expect((await cellc(["gradcheck", file])).stdout).toContain("b: proven to be zero (W0604)");
  }));

test("an error that rounding explains is no fault, and both numbers are given", async () => {
  // Two features to a group: their difference, divided by its own size, is ill-conditioned.
  const args = ["examples/cells/fastgrnn.cell", "--entry", "fastrnn", "--place", "xh=group(2),hh=group(2)"];
  const { ok, tolerance, worst, parameters } = await gradcheck(...args, "--target", "wasm");
  expect([ok, worst > tolerance]).toEqual([true, true]);
  const [found] = parameters.filter(({ verdict }) => verdict === "rounding");
  expect(found.error).toBeGreaterThan(tolerance);
  expect(found.rounding).toBeGreaterThan(tolerance / 8);
});
