/**
 * Ops about which little is known, or nothing: whatever must know what an op does asks its row, and refuses what the row does not
 * say. Nothing takes such an op for an elementwise one.
 */
import { describe, expect, it, vi } from "vitest";
import { compileGraph, type GraphOptions } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Bindings, Tensor } from "../../compiler/ir/tensor.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { IrSyntaxError } from "../../compiler/ir/text-reader.ts";
import type { Graph, Op, Type, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { exportable, lower, segmented, streamed } from "../../compiler/lower.ts";
import { loopOrder } from "../../compiler/passes/loop-order.ts";
import { units } from "../../compiler/passes/units.ts";
import { exported, pipelinesOf } from "../../compiler/pipelines.ts";
import { degenerateStatistics } from "../../compiler/proofs/degenerate-statistics.ts";
import { withMeanAxes } from "../../compiler/proofs/mean-axes.ts";
import { prove } from "../../compiler/proofs/prove.ts";
import { resultHashes } from "../../compiler/structural-hash.ts";
import { places } from "../compile/backends.ts";
import { type } from "../ir/op-samples.ts";
import { expectSameMeaning, numbersFor, tolerance } from "./meaning.ts";
import { passes } from "./passes.ts";
import { runPieces } from "./run-pieces.ts";

/** Rows that say what the types ask for, and of the rest only how a result depends on the operand. */
vi.mock("../../compiler/ir/ops/structural.ts", async (original) => {
  const [{ structural }, { none }, { anything }, { inPlace }] = await Promise.all([
    original<typeof import("../../compiler/ir/ops/structural.ts")>(),
    import("../../compiler/ir/attributes.ts"),
    import("../../compiler/ir/range.ts"),
    import("../../compiler/ir/ops/row.ts"),
  ]);
  /** `from`: which entries of `n` along the first axis the entry `i` is made of, added up. */
  const row = (axis: "time" | "batch", how: string, from: (i: number, n: number) => readonly number[]) => ({
    doc: "made up",
    operands: ["x"],
    attributes: none,
    infer: ([x]: readonly Type[]) => [how === "reduce" ? { ...x, [axis]: false } : x],
    axes: ([x]: readonly Type[]) => [{ ...inPlace(x), [axis]: how }],
    range: () => anything,
    form: "point",
    evaluate: ([x]: readonly Tensor[], _: unknown, [of]: readonly Type[], dims: Bindings) => {
      const rows = x.type[axis] ? dims[axis] : 1;
      const outer = axis === "batch" && x.type.time ? dims.time : 1;
      const n = x.data.length / rows / outer;
      const made = how === "reduce" ? 1 : rows;
      const data = new Float64Array(outer * made * n);
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < made; i++)
          for (const k of from(i, rows))
            for (let j = 0; j < n; j++) data[(o * made + i) * n + j] += x.data[(o * rows + k) * n + j];
      return [{ type: of, shape: x.shape.slice(how === "reduce" && x.type[axis] ? 1 : 0), data }];
    },
    grad: "zero",
  });
  const upTo = (n: number): readonly number[] => [...Array(n).keys()];
  return {
    structural: {
      ...structural,
      running: row("time", "scan", (i) => upTo(i + 1)),
      turned: row("time", "gather", (i, n) => [n - 1 - i]),
      pooled: row("time", "reduce", (_, n) => upTo(n)),
      shuffled: row("batch", "gather", (i, n) => [(i + 1) % n]),
    },
  };
});

const withRows = ["running", "turned", "pooled", "shuffled"] as const;
const wheres = ["behind a loop", "in a loop"] as const;
type Where = (typeof wheres)[number];

const dims = { batch: 3, time: 4, H: 2 };

/** h' = tanh(h @ W + x), its states y, and a mean of y², with an op of this name on the states or in the body. */
function graphWith(name: string, where: Where): Graph {
  const b = new Builder();
  const madeUp = (at: Builder, v: Value): Value => {
    const reduced = name === "pooled" && v.type.time;
    const result = at.value(reduced ? { ...v.type, time: false } : v.type);
    at.ops.push({ op: name, operands: [v], attrs: {}, results: [result] } as unknown as Op);
    return result;
  };
  const leaf = (kind: "input" | "param", of: string, t: string): Value =>
    b.one(
      "leaf",
      [],
      {
        leaf: kind === "input" ? { kind, name: of } : { kind, name: of, init: { kind: "constant", value: 0.5 } },
        type: type(t),
      },
      of,
    );
  const x = leaf("input", "x", "time batch H");
  const W = leaf("param", "W", "H H");
  const inner = b.body();
  const [h, xt] = [inner.value(type("batch H"), "h"), inner.value(type("batch H"), "xt")];
  const sum = inner.add(inner.dot(h, W, { a: "k", b: "kn", out: "n" }), where === "in a loop" ? madeUp(inner, xt) : xt);
  const next = inner.elementwise("tanh", [sum], "h");
  const { outputs } = b.scan(
    [b.zeros(type("batch H"))],
    [x],
    { params: [h, xt], ops: inner.ops, results: [next, next] },
    { reverse: false },
  );
  const y = where === "in a loop" ? outputs[0] : madeUp(b, outputs[0]);
  const { time, batch } = y.type;
  const loss = b.div(
    b.sum(b.square(y), { time, batch, features: [0] }),
    b.extent([...(batch ? ["batch"] : []), ...(time ? ["time"] : []), "H"]),
  );
  return {
    name: "made_up",
    ops: b.ops,
    results: [
      { kind: "output", name: "y", value: y },
      { kind: "loss", name: "loss", value: loss },
    ],
    norms: new Map(),
  };
}

/** What `run` makes, or undefined where it refuses; that must be with an error of our own. */
function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(InternalError);
    return undefined;
  }
}

const run = (name: string, graph: Graph): Graph => passes[name].run(name === "ragged" ? loopOrder.run(graph) : graph);

const entries: readonly (readonly [what: string, options: Partial<GraphOptions>])[] = [
  ["to train", { entries: ["train"] }],
  ["to train with little memory", { entries: ["train"], memory: 700 }],
  ["to train on parts of sequences", { entries: ["train"], carry: true }],
  ["to train ragged batches", { entries: ["train"], ragged: true }],
  ["to train in parts", { entries: ["train"], parts: 2 }],
  ["to train with half-precision residuals", { entries: ["train"], storage: "f16" }],
  ["to estimate", { entries: ["estimate"] }],
  ["to infer", { entries: ["infer"] }],
  ["as a stream", { entries: ["start", "step"] }],
];
const targets = [places.wasm.target, places.wgsl.target];

describe.each(wheres)("an op without a row, %s,", (where) => {
  const graph = graphWith("unheard_of", where);

  // `carry` changes only where loops begin, whatever is in them; two others look for certain ops alone.
  const certain = ["carry", "mean-noise", "shared-statistics"];
  const looking = Object.keys(passes).filter((name) => !certain.includes(name));

  it.each(looking)("is refused by %s, or left as it is", (name) => {
    const after = unlessRefused(() => run(name, graph));
    if (after !== undefined) expect(printGraph(after)).toBe(printGraph(graph));
  });

  it.each(entries)("is not compiled %s", (_, options) => {
    for (const target of targets) {
      if (options.storage === "f16" && !target.machine.halves) continue;
      expect(() => compileGraph(graph, { dims: { H: 2 }, path: "", batch: 3, time: 4, ...options }, target)).toThrow(
        InternalError,
      );
    }
  });

  it("is refused by whoever reads a graph", () => {
    const readers: readonly (() => unknown)[] = [
      () => verify(graph),
      () => interpret(graph, { dims, leaf: (name) => numbersFor(graph, dims)[name] }),
      () => resultHashes(graph, dims),
      () => units({ H: 1 }).run(graph),
      () => lower(graph),
      () => exportable(graph, { dims: {} }),
      () => segmented(graph),
      () => streamed(graph),
      () => withMeanAxes(graph),
      () => prove({ graph, sources: new Map(), sites: [] }),
    ];
    for (const reader of readers) expect(reader, String(reader)).toThrow(InternalError);
  });

  it("can be printed, to show the fault, and is not read", () => {
    expect(printGraph(graph)).toContain("unheard_of %");
    expect(() => parseGraph(printGraph(graph))).toThrow(IrSyntaxError);
  });
});

it("every pass of every pipeline is tried", () => {
  const { stream, segments, ...entries } = pipelinesOf({ ragged: true, parts: 2, batch: 3 }, true);
  const all = [
    ...[...Object.values(entries), ...Object.values(stream), ...Object.values(segments)].flat(),
    ...exported({ ragged: true, carry: true }),
  ];
  expect(Object.values(passes).map(({ name }) => name)).toEqual(
    expect.arrayContaining([...new Set(all.map(({ name }) => name))]),
  );
});

it("an op without a row in a norm is refused where its statistics are tried", () => {
  const b = new Builder();
  const x = b.one("leaf", [], { leaf: { kind: "input", name: "x" }, type: type("batch H") });
  const y = b.value(x.type);
  b.ops.push({ op: "unheard_of", operands: [x], attrs: {}, results: [y] } as unknown as Op);
  const mean = b.one("stat", [b.sum(y, { batch: true })], { name: "m", policy: { kind: "shared" } });
  const norm: Graph = {
    name: "norm",
    ops: b.ops,
    results: [{ kind: "output", name: "y", value: b.sub(x, mean) }],
    norms: new Map(),
  };
  const graph = { ...graphWith("unheard_of", "behind a loop"), norms: new Map([["hh", norm]]) };
  expect(() => degenerateStatistics(graph, { H: 2 })).toThrow(InternalError);
});

describe.each(withRows)("the op `%s`, whose row says only how it looks along an axis,", (op) => {
  describe.each(wheres)("%s", (where) => {
    const graph = graphWith(op, where);
    const leaves = numbersFor(graph, dims);

    it.each(Object.keys(passes))("means the same behind %s, or is refused", (name) => {
      const after = unlessRefused(() => run(name, graph));
      if (after !== undefined) expectSameMeaning(graph, after, dims, leaves);
    });

    it("means the same in every lowered graph, or is refused", () => {
      for (const entry of ["train", "estimate", "infer"] as const)
        for (const ragged of [false, true]) {
          const lowered = unlessRefused(() => lower(graph, { ragged }, [entry]));
          if (lowered !== undefined) expectSameMeaning(graph, lowered.entries[entry], dims, leaves);
        }
    });

    it("means the same in segments, or is refused", () => {
      const pieces = unlessRefused(() => segmented(graph));
      const whole = interpret(graph, { dims, leaf: (leaf) => leaves[leaf] });
      for (const parts of Object.values(pieces ?? {})) {
        if (parts === undefined) continue;
        for (const length of [1, 2, dims.time]) {
          const found = runPieces(parts, length, { dims, leaves });
          for (const [name, { data }] of whole)
            data.forEach((v, i) => {
              expect(Math.abs(v - found.get(name)![i]), `${name}, ${length} steps a segment`).toBeLessThan(tolerance);
            });
        }
      }
    });

    it.each(entries)("is not compiled %s", (_, options) => {
      for (const target of targets) {
        if (options.storage === "f16" && !target.machine.halves) continue;
        const compiled = () => compileGraph(graph, { dims: { H: 2 }, path: "", batch: 3, time: 4, ...options }, target);
        let error: unknown;
        try {
          compiled();
        } catch (caught) {
          error = caught;
        }
        // A stream may have been refused in the user's words.
        expect(error instanceof InternalError || error instanceof CompileError, String(error)).toBe(true);
      }
    });

    it("is verified where it means in a body what it means outside", () => {
      const looksAlongTime = op !== "shuffled";
      if (where === "in a loop" && looksAlongTime) expect(() => verify(graph)).toThrow(InternalError);
      else expect(() => verify(graph)).not.toThrow();
    });
  });
});

it("what waits for the whole sequence waits in segments, too", () => {
  for (const op of withRows) expect(segmented(graphWith(op, "behind a loop")).infer?.pieces.length).toBeGreaterThan(1);
});

it("no stream is made of an op that looks along time, and no mean of one that looks along the batch", () => {
  for (const op of ["running", "turned", "pooled"])
    expect(streamed(graphWith(op, "behind a loop"))).toHaveProperty("refused");
  const overOf = (op: string) =>
    withMeanAxes(graphWith(op, "behind a loop")).results.find((r) => r.kind === "loss")?.over;
  expect(overOf("running")).toBe("steps");
  expect(overOf("shuffled")).toBeUndefined();
});
