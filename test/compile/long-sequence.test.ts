/** Trains on a sequence whose frames would exceed the memory limit. */
import { expect, it } from "vitest";
import { addingTask } from "../../cli/data/tasks/adding.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { testStreams } from "../data/draws.ts";
import { compile } from "../semantics/sources.ts";
import { tolerance } from "./tolerances.ts";

const T = 20_000;
const batch = 2;
const MEBIBYTE = 2 ** 20;

const { graph, dims } = compile(`cell lstm(D = 2, H = 8) {
  param Wx : [D, 4H] = xavier
  param Wh : [H, 4H] = orthogonal
  param b  : [4H] = blocks(1, 0, 0, 0)
  input x : [D]
  state h : [H] = 0
  state c : [H] = 0
  f, i, o, g = split(h @ Wh + x @ Wx + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  h' = sigmoid(o) * tanh(c')
  output h'
}

model adding(D = 2, H = 8, K = 1) {
  param V : [H, K] = xavier
  param a : [K] = 0
  input x : [D] over time
  target y : [K]
  hs = scan lstm(D, H) over x
  loss mse(last(hs) @ V + a, y)
}
`);

const compiled = (memory?: number): Executable =>
  compileGraph(graph, { dims, batch, time: T, path: "adding", memory, entries: ["train", "update"] }, wasm);

const mebibytes = ({ plan }: Executable): number =>
  (4 * Object.values(regionSizes(plan, T)).reduce((a, b) => a + b, 0)) / MEBIBYTE;

/** Losses of some training steps. */
async function losses(executable: Executable): Promise<readonly number[]> {
  const task = addingTask(T, testStreams);
  const backend = wasmBackend();
  const session = await Session.open(executable, backend, { seed: 5 });
  const found: number[] = [];
  for (let k = 0; k < 3; k++) {
    const indices = Uint32Array.from({ length: batch }, (_, e) => k * batch + e);
    found.push((await session.train(task.batch("train", indices), { lr: 0.01, clip: 1 })).loss);
  }
  backend.close();
  return found;
}

it("20,000 steps train in 2 MiB as they do in seven times as much, with all frames kept", async () => {
  const [whole, capped] = [compiled(), compiled(2 * MEBIBYTE)];
  expect(mebibytes(whole)).toBeGreaterThan(7 * 2);
  expect(mebibytes(capped)).toBeLessThanOrEqual(2);
  const [expected, found] = [await losses(whole), await losses(capped)];
  found.forEach((loss, k) => {
    expect(Math.abs(loss - expected[k])).toBeLessThan(tolerance.training * Math.max(1, expected[k]));
  });
  // They are steps: the loss of each batch is another.
  expect(new Set(found).size).toBe(3);
});
