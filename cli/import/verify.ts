/** Compares what a cell computes with the numbers that it was given with what the library's layers compute. */
import { interpret } from "../../compiler/ir/interpret.ts";
import { type Bindings, tensor } from "../../compiler/ir/tensor.ts";
import type { Graph, Op } from "../../compiler/ir/types.ts";
import { withoutDead } from "../../compiler/passes/simplify.ts";
import { keyOf, normalAt } from "../../runtime/random.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import type { CellLayers } from "./cell-layers.ts";
import { type Run, runUnit } from "./library-steps.ts";
import type { Unit } from "./units.ts";

/** As many sequences and steps as show every term: a second step has a state, a third one of a state. */
export const run: Run = { steps: 4, examples: 2 };

/** What is the same but for the order of sums, in f64, and for two biases that were added and rounded to f32, differs by far less. */
const TOLERANCE = 1e-6;

/** Throws C0413 if the cell computes anything else than the units do: then nothing may be written. */
export function requireEqual(...of: Parameters<typeof differenceOf>): void {
  const error = differenceOf(...of);
  if (error <= TOLERANCE) return;
  const [{ graph }, [[unit]]] = of;
  throw cannotTakeOver(
    `with numbers as ${unit.name} has them, ${graph.name} differs from it by ${error.toExponential(1)} of the largest output on random inputs`,
    "this is a fault of cellc: nothing was written; please report it with the cell",
  );
}

/**
 * The largest difference of an output of any layer, relative to its largest number: of the cell with the numbers that `parameter` says
 * from the library's own equations with those of the units. Both are computed in f64, on the same random inputs.
 */
export function differenceOf(
  { graph, layers }: Pick<CellLayers, "graph" | "layers">,
  units: readonly (readonly Unit[])[],
  parameter: (name: string) => ArrayLike<number>,
  extents: Bindings,
): number {
  const x = Float64Array.from({ length: run.steps * run.examples * units[0][0].inputSize }, (_, i) => normalAt(KEY, i));
  const outputs = interpretLayers({ graph, layers }, x, parameter, extents);
  let below = x;
  let worst = 0;
  layers.forEach((layer, at) => {
    const wanted = layer.map(({ cell }, i) => {
      const unit = { ...units[at][i], reverse: cell.reverse };
      return runUnit(unit, below, run, cell.kind === "rnn" ? cell.activation : "tanh");
    });
    wanted.forEach((output, i) => {
      const found = outputs[at][i];
      const largest = output.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE);
      const error = output.reduce((most, value, k) => Math.max(most, Math.abs(value - found[k])), 0) / largest;
      // NaN is no agreement.
      worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
    });
    below = joined(wanted, run.steps * run.examples);
  });
  return worst;
}

const KEY = keyOf(1, "inputs to compare with");

/** The outputs of each layer in each direction, [T, B, H], for inputs x [T, B, D] to the first. */
function interpretLayers(
  { graph, layers }: Pick<CellLayers, "graph" | "layers">,
  x: Float64Array,
  parameter: (name: string) => ArrayLike<number>,
  extents: Bindings,
): readonly (readonly Float64Array[])[] {
  const input = layers[0][0].cell.input!;
  const values = layers.flatMap((layer) => layer.map(({ output }) => output));
  const leaf: Op = {
    op: "leaf",
    operands: [],
    attrs: { leaf: { kind: "input", name: INPUT }, type: input.type },
    results: [input],
  };
  // Whatever the first layer's input is computed from is cut off.
  const others = graph.ops.filter(({ results }) => !results.includes(input));
  const cut: Graph = {
    ...graph,
    ops: withoutDead([leaf, ...others], values),
    results: values.map((value, i) => ({ kind: "output", name: String(i), value })),
  };
  const dims = { ...extents, time: run.steps, batch: run.examples };
  const found = interpret(cut, {
    dims,
    leaf(name, { kind, ...rest }, type) {
      if (kind === "input" && name === INPUT) return x;
      if (kind === "param") return parameter(name);
      // Masks of dropout between layers, which inference leaves out.
      if (kind === "noise" && "keep" in rest) return tensor(type, dims).data.fill(Number(rest.keep));
      throw new Error(`the layers of ${graph.name} read the ${kind} ${name}`);
    },
  });
  let next = 0;
  return layers.map((layer) => layer.map(() => found.get(`output:${next++}`)!.data));
}

/** No cell's input can have this name. */
const INPUT = "library/x";
/** The outputs of both directions side by side: [T, B, 2H]. */
function joined(parts: readonly Float64Array[], rows: number): Float64Array<ArrayBuffer> {
  const widths = parts.map(({ length }) => length / rows);
  const width = widths.reduce((a, b) => a + b, 0);
  const whole = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    parts.forEach((part, i) => {
      whole.set(part.subarray(row * widths[i], (row + 1) * widths[i]), at);
      at += widths[i];
    });
  }
  return whole;
}
