/** Compares the compiler's gradients, computed by the reference or by a target, with central differences in f64. */

import type { Compilation } from "../compiler/compile.ts";
import * as dim from "../compiler/ir/dim.ts";
import { finiteDifferences, relativeError } from "../compiler/ir/finite-differences.ts";
import { interpret } from "../compiler/ir/interpret.ts";
import { type Bindings, count } from "../compiler/ir/tensor.ts";
import { isTrained } from "../compiler/ir/trained.ts";
import type { Graph, Leaf, Op, OpOf, Type, Value } from "../compiler/ir/types.ts";
import { type Lowered, lower } from "../compiler/lower.ts";
import { deadParameters } from "../compiler/proofs/dead-parameters.ts";
import { type ElaborateOptions, elaborate } from "../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../compiler/source-host.ts";
import type { Backend } from "../runtime/backend.ts";
import { existing } from "../runtime/existing.ts";
import { type FirstValue, initialise } from "../runtime/initialise.ts";
import { floatsIn, rangeOf } from "../runtime/layout.ts";
import { markOf } from "../runtime/lengths.ts";
import type { Executable } from "../runtime/plan.ts";
import { type Key, keyOf, noiseAt, normalAt, uniformAt } from "../runtime/random.ts";
import { exit, Failure } from "./failure.ts";

export interface GradientCheck {
  /** The parameter's name. */
  readonly name: string;
  readonly count: number;
  /** Largest difference, relative to the largest gradient. */
  readonly error: number;
  /**
   * How far rounding alone takes the reference's gradient, likewise: with every number rounded to f32, or a target's storage type, and
   * inputs and parameters a unit off. 0 for the reference.
   */
  readonly rounding: number;
  /** How far the differences are from those with another step. Only computed if the error is beyond the tolerance. */
  readonly differences?: number;
  /**
   * `zero`: proven to be zero whatever the numbers are (W0604), so that there is only rounding to compare. `rounding`: beyond the
   * tolerance, but no further than rounding or the differences explain.
   */
  readonly verdict: "ok" | "zero" | "rounding" | "wrong";
}

export interface GradientOptions extends ElaborateOptions {
  readonly batch: number;
  readonly time: number;
  readonly seed: number;
  /** Compile for sequences of different lengths, and check with such sequences. */
  readonly ragged?: boolean;
  /** Largest accepted error, relative to a parameter's largest gradient, where rounding does not explain more. */
  readonly tolerance: number;
  /** The unit of the storage type: how far, relatively, numbers are off if they are rounded to it. Default: f32's. */
  readonly unit?: number;
}

/** An executable compiled from the same cell with the same options, and the backend that runs it. */
export interface TargetUnderTest {
  readonly executable: Compilation["executable"];
  readonly backend: Backend;
}

/**
 * Parameters start a little off their initial values, because at an identity matrix or at zero some mistakes cancel. The same
 * holds for the gains of a norm.
 */
const JITTER = 0.1;

/** A normal number above it marks a step: about a third do. */
const MARKED = 0.5;

/**
 * Step h of the differences. It is smaller than ∛ε, the best step for derivatives near 1, because after a batch norm with a
 * small variance the third derivative reaches 1e6. Truncation is then h² times that, 1e-6 at most, and rounding is ε/h = 2e-10.
 */
const STEP = 1e-6;

/** Other steps, by which the differences say how accurate they are. */
const OTHER_STEPS = [STEP * 4, STEP / 4];

const F32_UNIT = 2 ** -23;

/** What a gradient that is zero may be in f32, beside the largest gradient of all parameters. */
const NEARLY_ZERO = 1e-2;

/** In how many ways numbers are rounded. A single one may be lucky. */
const ROUNDINGS = 4;

/** An error is explained by rounding up to this many times what rounding did to the reference: targets add up in other orders. */
const EXPLAINED = 8;

/** Numbers by leaf name, in row-major order of [time?, batch?, ...features]. */
type Numbers = Readonly<Record<string, Float64Array>>;

/**
 * Checks the gradient of every parameter of a cell or model in training, as `target` computes it. Default: as the reference
 * computes it in f64. Throws `CompileError` for errors in the text, C0221 if there is nothing to differentiate, and whatever the
 * target's backend throws.
 */
export async function checkGradients(
  path: string,
  options: GradientOptions,
  host: SourceHost,
  target?: TargetUnderTest,
): Promise<readonly GradientCheck[]> {
  const elaborated = elaborate(path, host, options);
  const dims: Bindings = { ...elaborated.dims, batch: options.batch, time: options.time, steps: options.time };
  const { ragged } = options;
  const { placed, entries }: Lowered = lower(elaborated.graph, { ragged });
  if (!placed.results.some(({ kind }) => kind === "loss")) {
    throw new Failure("C0221", exit.input, `${placed.name} has no loss, so there is nothing to differentiate`);
  }
  const leaves = new Map([...leavesOf(placed), ...leavesOf(entries.train)]);
  const parameters = [...leavesOf(placed).values()].filter(({ leaf }) => isTrained(leaf));
  if (parameters.length === 0) {
    throw new Failure("C0221", exit.input, `${placed.name} has no parameters to train, so it has no gradients`);
  }
  const first = (name: string): Float32Array => {
    const { leaf, type } = leaves.get(name)!;
    if (leaf.kind !== "param") throw new Error(`${name} is not a parameter`);
    return initialise(leaf.init, shapeOf(type, dims), keyOf(options.seed, name), first);
  };
  const marks = marksOf(placed);
  // Rounded to f32, so that all sides compute at exactly the same point.
  const numbers = Object.fromEntries(
    [...leaves].map(([name, { leaf, type }]) => [
      name,
      numbersFor(leaf, type, dims, keyOf(options.seed, name), first).map((x) =>
        marks.has(name) ? Number(x > MARKED) : Math.fround(x),
      ),
    ]),
  );
  const derived =
    target === undefined
      ? referenceGradients(entries.train, dims, numbers)
      : await deviceGradients(target, options.time, numbers);
  const zero = new Set(deadParameters(placed).map(({ name }) => name));
  const largest = Math.max(...parameters.map(({ leaf: { name } }) => size(derived.get(name) ?? [])));
  const isRounding = (gradient: ArrayLike<number>, rounding: number): boolean =>
    size(gradient) <= NEARLY_ZERO * largest ||
    relativeError(gradient, new Float64Array(gradient.length)) <= EXPLAINED * rounding;
  const rounding = target === undefined ? () => 0 : roundingErrors(entries.train, dims, numbers, options);
  return parameters.map(({ leaf: { name } }): GradientCheck => {
    const differences = (step: number) => finiteDifferences(placed, dims, numbers, name, { step });
    const truth = differences(STEP);
    const gradient = derived.get(name);
    if (gradient === undefined) throw new Error(`no gradient was derived for ${name}`);
    const check = { name, count: truth.length, error: relativeError(gradient, truth), rounding: rounding(name) };
    if (zero.has(name) && isRounding(gradient, check.rounding)) return { ...check, verdict: "zero" };
    if (check.error <= options.tolerance) return { ...check, verdict: "ok" };
    if (check.error <= EXPLAINED * check.rounding) return { ...check, verdict: "rounding" };
    const uncertain = Math.max(...OTHER_STEPS.map((step) => relativeError(differences(step), truth)));
    const verdict = check.error <= EXPLAINED * uncertain ? "rounding" : "wrong";
    return { ...check, differences: uncertain, verdict };
  });
}

/** The largest of the numbers; NaN if one is. */
const size = (numbers: ArrayLike<number>): number => Math.max(0, ...Array.from(numbers, Math.abs));

/** The error of the reference's own gradient of each parameter when its numbers are rounded. */
function roundingErrors(
  train: Graph,
  dims: Bindings,
  numbers: Numbers,
  { seed, unit = F32_UNIT }: GradientOptions,
): (name: string) => number {
  const exact = referenceGradients(train, dims, numbers);
  const kinds = new Map([...leavesOf(train)].map(([name, { leaf }]) => [name, leaf.kind]));
  const moved = (draw: number): Numbers =>
    Object.fromEntries(
      Object.entries(numbers).map(([name, values]) => {
        const kind = kinds.get(name);
        if (draw === 0 || (kind !== "param" && kind !== "input")) return [name, values];
        const key = keyOf(seed, `${name}/rounding ${draw}`);
        return [name, values.map((x, i) => x * (1 + (uniformAt(key, i) < 0.5 ? unit : -unit)))];
      }),
    );
  const rounded = Array.from({ length: ROUNDINGS }, (_, draw) =>
    referenceGradients(train, dims, moved(draw), Math.fround),
  );
  return (name) => Math.max(...rounded.map((g) => relativeError(g.get(name)!, exact.get(name)!)));
}

type Gradients = ReadonlyMap<string, ArrayLike<number>>;

function referenceGradients(train: Graph, dims: Bindings, numbers: Numbers, round?: (x: number) => number): Gradients {
  const results = interpret(train, { dims, leaf: (name) => numbers[name], ...(round && { round }) });
  return new Map(
    [...results].flatMap(([name, { data }]) => (name.startsWith("grad:") ? [[name.slice(5), data] as const] : [])),
  );
}

/** Runs only the entry `train`, on memory written here: a session would draw its own noise and parameters. */
async function deviceGradients(
  { executable, backend }: TargetUnderTest,
  steps: number,
  numbers: Numbers,
): Promise<Gradients> {
  const train = trainEntry(executable);
  const machine = await backend.open(executable);
  try {
    await machine.prepare(steps);
    for (const tensor of train.tensors) {
      if (["param", "input", "index", "noise", "hyper", "step", "stat", "lengths"].includes(tensor.role.kind)) {
        const range = rangeOf(tensor, train, steps);
        const values = numbers[tensor.name];
        // A statistic may have rows for more or fewer steps than we run. All its rows are equal.
        await machine.write(
          range,
          Float32Array.from({ length: floatsIn(range) }, (_, i) => values[i % values.length]),
        );
      }
    }
    await machine.run("train", steps);
    const gradients = train.tensors.flatMap((tensor) =>
      tensor.role.kind === "grad" ? [{ of: tensor.role.of, range: rangeOf(tensor, train, steps) }] : [],
    );
    const data = await machine.read(gradients.map(({ range }) => range));
    return new Map(gradients.map(({ of }, index) => [of, data[index]]));
  } finally {
    machine.close();
  }
}

function trainEntry({ plan }: Executable): NonNullable<Executable["plan"]["entries"]["train"]> {
  if (plan.entries.train === undefined) throw new Error(`${plan.name} was compiled without train`);
  return plan.entries.train;
}

function leavesOf(graph: Graph): ReadonlyMap<string, OpOf<"leaf">["attrs"]> {
  const ops = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  return new Map(ops.map(({ attrs }) => [attrs.leaf.name, attrs]));
}

/** The inputs that choose between two values, such as where a scan begins anew: normal numbers, never 0, would choose but one. */
function marksOf(graph: Graph): ReadonlySet<string> {
  const choosing = new Set<Value>();
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      if (op.op === "select") choosing.add(op.operands[0]);
      if (op.op !== "scan") continue;
      visit(op.body!.ops);
      op.body!.params.forEach((param, i) => {
        if (choosing.has(param)) choosing.add(op.operands[i]);
      });
    }
  };
  visit(graph.ops);
  return new Set(
    graph.ops.flatMap(({ op, attrs, results }) =>
      op === "leaf" && attrs.leaf.kind === "input" && choosing.has(results[0]) ? [attrs.leaf.name] : [],
    ),
  );
}

const shapeOf = (type: Type, dims: Bindings): readonly number[] =>
  type.shape.map((extent) => dim.evaluate(extent, dims));

/** T, T − 1, … 1, and again. */
const everyLength = ({ batch, time }: Bindings): readonly number[] =>
  Array.from({ length: batch }, (_, i) => time - (i % time));

function numbersFor(leaf: Leaf, type: Type, dims: Bindings, key: Key, first: FirstValue): Float64Array {
  const shape = shapeOf(type, dims);
  const lead = (type.time ? dims.time : 1) * (type.batch ? dims.batch : 1);
  const size = lead * count(shape);
  const fill = (number: (index: number) => number) => Float64Array.from({ length: size }, (_, i) => number(i));
  switch (leaf.kind) {
    case "param": {
      const initial = initialise(leaf.init, shape, key, first);
      return fill((i) => (leaf.constant ? initial[i] : initial[i] + JITTER * normalAt(key, i, 1)));
    }
    case "input":
      return fill((i) => normalAt(key, i));
    case "index": {
      const classes = dim.evaluate(dim.parse(leaf.size), dims);
      return fill((i) => Math.floor(uniformAt(key, i) * classes));
    }
    case "noise":
      return fill((i) => noiseAt(leaf, key, i));
    // The same at every step: plausible statistics, marked as collected, for norms that read them in training.
    case "population":
      return fill((i) => 0.5 + uniformAt(key, i % count(shape)));
    // Late in training, when everything that changes with the step count has settled.
    case "hyper":
      return fill(() => (leaf.name === "step" ? 1e6 : 0));
    case "step":
      return fill((i) => i);
    case "lengths":
      return Float64Array.from(markOf(leaf.mark, existing(everyLength(dims), dims.time)));
    case "flat":
    case "carry":
    case "cotangent":
    case "gradient":
      return fill(() => 0);
    default:
      return leaf satisfies never;
  }
}
