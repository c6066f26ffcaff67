/** Every op that ONNX spells, in ONNX Runtime as in the reference; and why the others cannot be. */
import { describe, expect, it } from "vitest";
import { encodeOnnx } from "../../../cli/export/encode-onnx.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import { interpret } from "../../../compiler/ir/interpret.ts";
import { type Bindings, count, extents } from "../../../compiler/ir/tensor.ts";
import type { Graph, OpOf } from "../../../compiler/ir/types.ts";
import { onnxModel } from "../../../targets/onnx/model.ts";
import { whyNever } from "../../../targets/onnx/spellings.ts";
import { domainOf, opGraph, type TableOp, tableOps } from "../../compile/op-graph.ts";
import { floor, tolerance } from "../../compile/tolerances.ts";
import { sample, uniform } from "../../ir/numbers.ts";
import { type Fed, swapped } from "./exported.ts";
import { runOnnx } from "./runtime.ts";

const bound: Bindings = { H: 3, D: 4, V: 5 };
const dims: Bindings = { batch: 2, time: 3, steps: 4, T: 4 };

/** Marks are the identity, and leave no trace. */
const MARKS: readonly TableOp[] = ["stop"];
const spelt = tableOps.filter((op) => whyNever(op) === undefined);
const others = tableOps.filter((op) => whyNever(op) !== undefined);

/** The op's results as outputs, with an input over time that says how many steps there are. */
function graphOf(op: TableOp): Graph {
  const graph = opGraph(op === "exp" ? [op] : [op, "exp"], [bound]);
  return { ...graph, results: graph.results.filter(({ kind }) => kind === "output") };
}

/** Sixteenths: what is equal in f64 is equal in f32. */
function numbersOf(graph: Graph): ReadonlyMap<string, Float64Array> {
  const random = uniform(7);
  return new Map(
    graph.ops
      .filter((op): op is OpOf<"leaf"> => op.op === "leaf")
      .map(({ attrs: { leaf, type } }) => {
        const n = count(extents(type, dims));
        const below = type.below && extents({ ...type, time: false, batch: false, shape: [type.below] }, dims)[0];
        const numbers = below
          ? sample(n, [0, below], random).map(Math.floor)
          : sample(n, domainOf(leaf.name), random).map((x) => Math.round(x * 16) / 16);
        return [leaf.name, numbers] as const;
      }),
  );
}

async function worstError(op: TableOp): Promise<number> {
  const graph = graphOf(op);
  const numbers = numbersOf(graph);
  const truths = interpret(graph, { dims, leaf: (name) => numbers.get(name)! });
  const made = onnxModel(graph, { dims, numbers, version: "test" });
  const feeds: Record<string, Fed> = {};
  for (const { attrs } of graph.ops.filter((o): o is OpOf<"leaf"> => o.op === "leaf")) {
    const { leaf, type } = attrs;
    if (!made.inputs.includes(leaf.name)) continue;
    const shape = extents(type, dims);
    const both = type.time && type.batch;
    const given = both ? swapped(numbers.get(leaf.name)!, dims.time, dims.batch) : numbers.get(leaf.name)!;
    const turned = both ? [shape[1], shape[0], ...shape.slice(2)] : shape;
    feeds[leaf.name] =
      leaf.kind === "index"
        ? { element: "int64", dims: turned, data: BigInt64Array.from(Array.from(given, BigInt)) }
        : { element: "float32", dims: turned, data: Float32Array.from(given) };
  }
  const found = await runOnnx(encodeOnnx(made.model), feeds);
  let worst = 0;
  for (const { name, value } of graph.results) {
    const truth = truths.get(`output:${name}`)!;
    const { data } = found[name];
    const numbersFound = Float64Array.from(Array.from(data as ArrayLike<number>, Number));
    const both = value.type.time && value.type.batch;
    const ordered = both ? swapped(numbersFound, dims.batch, dims.time) : numbersFound;
    expect(ordered.length, name).toBe(truth.data.length);
    const error = relativeError(truth.data, ordered, floor.tensor);
    expect(error, name).not.toBeNaN();
    worst = Math.max(worst, error);
  }
  return worst;
}

describe("in ONNX Runtime as in the reference:", () => {
  it.each(spelt.filter((op) => !MARKS.includes(op)))("%s", async (op) => {
    expect(await worstError(op)).toBeLessThan(tolerance.forward);
  });
});

it("what is not spelt says why, and is refused", () => {
  expect(others.length).toBeGreaterThan(0);
  for (const op of others) {
    const graph = graphOf(op);
    const make = () => onnxModel(graph, { dims, numbers: numbersOf(graph), version: "test" });
    // A statistic's population is a leaf by then, and has numbers.
    if (graph.ops.some((o) => o.op === op && o.results.some(({ type }) => type.batch)))
      expect(make, op).toThrow(whyNever(op));
  }
});
