/** The cost of fixed statistics at inference: nothing that a cell without norms would not pay. */

import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph, Op, OpOf } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { foldWeights } from "../../compiler/passes/fold-weights.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import type { Plan } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { uniform } from "../ir/numbers.ts";
import { cells, elaborated, type Placed, planned } from "../schedule/cells.ts";
import { numbersFor } from "./meaning.ts";

const everywhere = (norm: string, ...sites: readonly string[]): string =>
  sites.map((site) => `${site}=${norm}`).join(",");
const shared = "batch(stats = shared)";

const placed: readonly Placed[] = [
  cells.bnlstm,
  { ...cells.bnlstm, place: everywhere(shared, "hh", "xh", "cc") },
  { file: "smnist", entry: "smnist" },
  { ...cells.lstm, place: everywhere("batch", "hh", "xh", "cc") },
  { ...cells.lstm, place: everywhere("batch_renorm", "hh", "xh", "cc") },
  { ...cells.lstm, place: everywhere("batch_renorm(stats = shared)", "hh", "xh", "cc") },
  { ...cells.lstm, place: "hh=batch,xh=sequence,cc=layer" },
  cells.lnlstm,
  { ...cells.gru_before, place: everywhere(shared, "hh", "xh", "rh") },
  { ...cells.gru_after, place: everywhere("batch", "hh", "xh") },
  { ...cells.gru_after, place: everywhere(shared, "hh", "xh") },
];

const title = ({ file, entry, place: norms }: Placed): string => `${entry ?? file}${norms ? ` with ${norms}` : ""}`;
const named = placed.map((cell) => [title(cell), cell] as const);

/** As placed for inference, the statistics still in the equations. */
const unfolded = (cell: Placed): Graph =>
  [hoist, place("infer"), simplify].reduce((g, pass) => pass.run(g), elaborated(cell).graph);
const infer = (cell: Placed): Graph => lower(elaborated(cell).graph).entries.infer;
const all = (ops: readonly Op[]): readonly Op[] => ops.flatMap((op) => [op, ...all(op.body?.ops ?? [])]);
const inLoops = (graph: Graph): readonly Op[] => graph.ops.flatMap((op) => op.body?.ops ?? []);

describe("folded, a graph means what it meant", () => {
  it.each(named)("%s", (_, cell) => {
    const before = unfolded(cell);
    const dims = { batch: 3, time: 4, steps: 4, D: 2, H: 3, K: 3 };
    const leaves = numbersFor(before, dims);
    const leaf = (name: string): ArrayLike<number> => leaves[name];
    const after = interpret(simplify.run(foldWeights.run(before)), { dims, leaf });
    for (const [name, { data }] of interpret(before, { dims, leaf }))
      expect(relativeError(data, after.get(name)!.data), name).toBeLessThan(1e-12);
  });
});

describe("no statistic is looked at in a loop, nor the batch anywhere but in a loss", () => {
  const isRoot = (op: Op): boolean => op.op === "rsqrt" || op.op === "sqrt" || op.op === "recip";
  const overBatch = (op: Op): op is OpOf<"sum"> => op.op === "sum" && op.attrs.axes.batch;
  it.each(named)("%s", (_, cell) => {
    const { results, ops } = infer(cell);
    const loops = ops.flatMap((op) => op.body?.ops ?? []);
    expect(loops.filter((op) => isRoot(op) && !op.results[0].type.batch)).toEqual([]);
    expect(loops.filter(overBatch)).toEqual([]);
    const outputs = simplify.run({
      name: "",
      norms: new Map(),
      ops,
      results: results.filter((r) => r.kind === "output"),
    });
    expect(all(outputs.ops).filter(overBatch)).toEqual([]);
  });
});

describe("the loop of a cell with shared statistics has", () => {
  const count = (cell: Placed): number =>
    inLoops(infer(cell)).filter((op) => op.op !== "split" && op.op !== "const").length;
  const lstm = count(cells.lstm);

  it("as many ops as that of the LSTM without norms, where they stand on products", () => {
    expect(count({ ...cells.bnlstm, place: `${everywhere(shared, "hh", "xh")},cc=none` })).toBe(lstm);
    expect(count({ ...cells.lstm, place: everywhere("batch_renorm(stats = shared)", "hh", "xh") })).toBe(lstm);
  });

  it("a difference, a product and a sum more, where one stands on the cell's state", () => {
    expect(count({ ...cells.bnlstm, place: everywhere(shared, "hh", "xh", "cc") })).toBe(lstm + 3);
  });

  it("and with statistics of each step a difference and a product a gate more", () => {
    expect(count({ ...cells.bnlstm, place: "cc=none" })).toBe(lstm + 2 * 4);
    expect(count(cells.bnlstm)).toBe(lstm + 2 * 4 + 3);
  });

  /** Of one step, as the plan has it. */
  const work = ({ entries, kernels }: Plan): readonly number[] =>
    entries.infer!.commands.flatMap((command) =>
      command.do !== "steps"
        ? []
        : command.commands.map((c) =>
            c.do === "dispatch" ? kernels.find(({ name }) => name === c.kernel)!.work.fixed : 0,
          ),
    );

  it.each([wasm, wgsl].map((target) => [target.name, target] as const))("the same work a step on %s", (_, target) => {
    const options = { entries: ["infer"], loops: { forward: "column" } } as const;
    const norms = { ...cells.bnlstm, place: `${everywhere(shared, "hh", "xh")},cc=none` };
    const plain = work(planned(cells.lstm, target, options).plan);
    expect(plain.length).toBeGreaterThan(0);
    expect(Math.min(...plain)).toBeGreaterThan(0);
    expect(work(planned(norms, target, options).plan)).toEqual(plain);
  });
});

describe("in f32", () => {
  const f = Math.fround;
  const [gamma, k, eps] = [f(0.1), f(0.3), f(1e-5)];
  /** Worst errors over many x around m of what is computed about the rounded x. */
  function errors(m: number, v: number): { readonly centred: number; readonly folded: number } {
    const random = uniform(7);
    const worst = { centred: 0, folded: 0 };
    const s = f(gamma * f(1 / f(Math.sqrt(f(v + eps)))));
    const shift = f(k - f(m * s));
    for (let i = 0; i < 2000; i++) {
      const x = m + (random() - 0.5) * 4 * Math.sqrt(v + eps);
      const truth = (gamma * (x - m)) / Math.sqrt(v + eps) + k;
      worst.centred = Math.max(worst.centred, Math.abs(f(f(f(f(x) - m) * s) + k) - truth));
      worst.folded = Math.max(worst.folded, Math.abs(f(f(f(x) * s) + shift) - truth));
    }
    return worst;
  }
  const means = [0, 0.1, 1, 30, 1000];

  it("x·s + (k − m·s) errs by at most four times what (x − m)·s + k does, where x is off by a rounding", () => {
    for (const v of [0, 1e-6, 1e-3, 1])
      for (const m of means) {
        const { centred, folded } = errors(f(m), f(v));
        expect(folded, `m = ${m}, v = ${v}`).toBeLessThan(4 * centred);
      }
  });

  it("but where all examples are alike (x − m)·s is exactly 0, and x·s − m·s off by half a millionth of m", () => {
    const s = f(gamma * f(1 / f(Math.sqrt(eps))));
    const random = uniform(3);
    const off = Array.from({ length: 1000 }, () => {
      const m = f(1 + random());
      expect(f(f(m - m) * s)).toBe(0);
      return Math.abs(f(f(m * s) + f(k - f(m * s))) - k) / m;
    });
    expect(Math.max(...off)).toBeGreaterThan(5e-7);
  });
});
