/** One graph with numbers for its leaves, and what differences, the reference and targets make of it. */

import { compileGraph } from "../../compiler/compile.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { directionalDifference, finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import { isTrained } from "../../compiler/ir/trained.ts";
import type { Graph, Leaf, OpOf, Type } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { type Lowerable, type Lowered, lower } from "../../compiler/lower.ts";
import type { OptimizerName } from "../../compiler/optimizers.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { carry } from "../../compiler/passes/carry.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import type { Storage } from "../../compiler/pipelines.ts";
import type { Target } from "../../compiler/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { anyOf, type Existing, existing } from "../../runtime/existing.ts";
import { initialise } from "../../runtime/initialise.ts";
import { markOf, ragged } from "../../runtime/lengths.ts";
import type { EntryName, Executable } from "../../runtime/plan.ts";
import { keyOf } from "../../runtime/random.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { type Numbers, runExecutable } from "./run-executable.ts";
import { floor } from "./tolerances.ts";

export type Computes = Lowerable;
export const computations: readonly Computes[] = ["train", "estimate", "infer"];

/**
 * What is compared on a target by default. A shader compiler takes its time: a training step has the forward pass and all gradients, and most
 * kernels of the others are among its own. The others, too: `CELLC_ALL_SHADERS=1 npx vitest run test/compile`.
 */
export const comparedOn = ({ name }: Target): readonly Computes[] =>
  name === "wasm" || process.env.CELLC_ALL_SHADERS ? computations : ["train"];

export interface StudyOptions {
  /** Of the graph; without `batch` and `time`. */
  readonly dims: Bindings;
  readonly batch: number;
  /** Length of the sequences that are run. */
  readonly time: number;
  /** How many steps have statistics of their own. Default: `time`. */
  readonly steps?: number;
  readonly seed?: number;
  /** The entries to look at. Default: all. */
  readonly entries?: readonly Computes[];
  /** In how many parts kernels take the batch. */
  readonly parts?: number;
  /** Bytes that a target may use for `steps` steps; gradients with respect to inputs are not looked at then. */
  readonly memory?: number;
  /** Who owns the loops over the steps. */
  readonly loops?: LoopChoice;
  /** As what the values saved for the backward pass are stored. */
  readonly storage?: Storage;
  /** Also gradients with respect to states. */
  readonly stateGradients?: boolean;
  /** How many steps each example has, if they differ. */
  readonly lengths?: readonly number[];
  /** Or which steps each has, [T, B]. */
  readonly mask?: readonly number[];
  /** Likewise for the time axes that are not the main one. Default: those of the main one, each of another example. */
  readonly lengthsOver?: Readonly<Record<string, readonly number[]>>;
  readonly maskOver?: Readonly<Record<string, readonly number[]>>;
  /** Instead of drawn ones. */
  readonly numbers?: Numbers;
  /** Sequences go on from other batches: every second example, unless `numbers` has another mark `lengths/begins`. */
  readonly carry?: boolean;
  /** The numbers of a leaf, if not a uniform draw from its usual interval. */
  readonly draw?: (leaf: Leaf, n: number, random: () => number) => Float64Array | undefined;
  /** Parameters are their initial values plus a uniform draw within ± this: an initial value is often at a kink. */
  readonly nearInitial?: number;
}

/** Worst relative errors. */
export interface Errors {
  readonly forward: number;
  readonly gradient: number;
}

export const none: Errors = { forward: 0, gradient: 0 };
export const worse = (a: Errors, b: Errors): Errors => ({
  forward: Math.max(a.forward, b.forward),
  gradient: Math.max(a.gradient, b.gradient),
});

export class Study {
  readonly lowered: Lowered;
  /** Of all entries, by name. */
  readonly leaves: ReadonlyMap<string, OpOf<"leaf">["attrs"]>;
  readonly numbers: Numbers;
  private readonly graph: Graph;
  private readonly options: StudyOptions;
  /** `steps`, `batch` and `time` too. */
  private readonly dims: Bindings;
  private readonly references = new Map<Computes, ReadonlyMap<string, Float64Array>>();
  private readonly results = new Map<Computes, ReadonlyMap<string, Float64Array>>();
  private readonly executables = new Map<Target, Map<string, Executable>>();

  /** Every pass's graph is verified. */
  constructor(graph: Graph, options: StudyOptions) {
    const { batch, time, steps = time } = options;
    this.graph = graph;
    this.options = options;
    this.dims = { ...options.dims, batch, time, steps };
    this.lowered = lower(graph, { ...this.lowering, batch }, options.entries);
    for (const entry of Object.values(this.lowered.entries)) verify(entry, { placed: true });
    this.leaves = leavesOf(this.lowered);
    this.numbers = this.draw();
  }

  private get lowering(): Pick<CompileOptions, "inputGradients" | "stateGradients" | "parts" | "ragged" | "carry"> {
    const { parts = 1, memory, stateGradients, lengths, mask, carry } = this.options;
    const ragged = (lengths ?? mask) !== undefined;
    return { inputGradients: memory === undefined, stateGradients, parts, ragged, carry };
  }

  /** What the loss's gradients are of, for differences. */
  private get differentiated(): Graph {
    const { placed } = this.lowered;
    return this.options.carry ? carry.run(simplify.run(placed)) : placed;
  }

  /** Numbers that f32 holds exactly, so that all see the same. */
  private draw(): Numbers {
    const { seed = 1, numbers = {}, draw } = this.options;
    const random = uniform(seed);
    const drawn = [...this.leaves].map(([name, { leaf, type }]): [string, Float64Array] => {
      const n = this.size(leaf, type);
      const values =
        leaf.kind === "lengths" && leaf.mark === "begins"
          ? Float64Array.from({ length: n }, (_, example) => example % 2)
          : leaf.kind === "lengths"
            ? Float64Array.from(markOf(leaf.mark, this.existing(leaf)))
            : (draw?.(leaf, n, random) ?? this.declared(name, random) ?? usual(leaf, n, this.dims, random));
      return [name, values.map(Math.fround)];
    });
    return { ...Object.fromEntries(drawn), ...numbers };
  }

  private existing({ axis, mark }: Pick<Leaf & { kind: "lengths" }, "axis" | "mark">): Existing {
    const { lengths, mask, batch, time, lengthsOver = {}, maskOver = {} } = this.options;
    const every = new Array<number>(batch).fill(time);
    const masked = (has: readonly number[]): Existing => ({ steps: time, examples: batch, has });
    const main = mask ? masked(mask) : existing(lengths ?? every, time);
    // Without lengths of its own, an axis has those of other examples.
    const turned = lengths ? [...lengths.slice(1), lengths[0]] : every;
    const others = [...this.axes].map((name) => {
      const has = maskOver[name];
      return [name, has ? masked(has) : existing(lengthsOver[name] ?? turned, time)] as const;
    });
    if (mark === "present") return anyOf([main, ...others.map(([, own]) => own)]);
    return others.find(([name]) => name === axis)?.[1] ?? main;
  }

  /** The names of the time axes that are not the main one. */
  private get axes(): ReadonlySet<string> {
    return new Set([...this.leaves.values()].flatMap(({ leaf }) => ("axis" in leaf && leaf.axis ? [leaf.axis] : [])));
  }

  /**
   * The numbers that the text gives a leaf. A constant is what it is: other numbers may make a model of another kind. A parameter only has
   * them if the options say so.
   */
  private declared(name: string, random: () => number): Float64Array | undefined {
    const { nearInitial } = this.options;
    const leafOf = (of: string) => this.leaves.get(of)!;
    const first = (of: string): Float32Array => {
      const { leaf, type } = leafOf(of);
      if (leaf.kind !== "param") throw new Error(`${of} is not a parameter`);
      return initialise(leaf.init, extents(type, this.dims), keyOf(this.options.seed ?? 1, of), first);
    };
    const { leaf } = leafOf(name);
    if (leaf.kind !== "param") return undefined;
    if (leaf.constant) return Float64Array.from(first(name));
    if (nearInitial === undefined) return undefined;
    return Float64Array.from(first(name), (x) => x + nearInitial * (2 * random() - 1));
  }

  private size(leaf: Leaf, type: Type): number {
    const statistic = leaf.kind === "population";
    const n = count(extents({ ...type, time: type.time && !statistic }, this.dims));
    return statistic && leaf.policy.kind === "per_step" ? n * this.rows(leaf.policy.steps) : n;
  }

  private rows(steps: string): number {
    return dim.evaluate(dim.parse(steps), this.dims);
  }

  /** The steps of a value if they are not the batch's, as where it lacks some in between. */
  private ownSteps({ axis }: { readonly axis?: string }, type: Pick<Type, "time" | "batch">): Existing | undefined {
    const { mask, maskOver = {} } = this.options;
    const isMasked = axis === undefined ? mask !== undefined : Object.hasOwn(maskOver, axis);
    return isMasked && type.time && type.batch ? this.existing({ axis, mark: "valid" }) : undefined;
  }

  /** As the runtime does: the steps of each example one after the other, or back at those of the batch. */
  private moved(numbers: ArrayLike<number>, how: "compact" | "spread", of: Existing | undefined): ArrayLike<number> {
    if (of === undefined) return numbers;
    const made = Float64Array.from(numbers);
    const shape = [of.steps, of.examples, made.length / of.steps / of.examples];
    ragged[how](made, { shape, range: { offset: 0, stride: 0, count: 1 } }, of);
    return made;
  }

  /** The numbers that a program is given. */
  private get given(): Numbers {
    return Object.fromEntries(
      [...this.leaves].map(([name, { leaf, type }]) => [name, this.compacted(name, leaf, type)]),
    );
  }

  private compacted(name: string, leaf: Leaf, type: Type): ArrayLike<number> {
    const isGiven = leaf.kind === "input" || leaf.kind === "index";
    return this.moved(this.numbers[name], "compact", isGiven ? this.ownSteps(leaf, type) : undefined);
  }

  /** Results as the runtime returns them. `key`: as `reference` has it. */
  private returned(entry: Computes, key: string, data: ArrayLike<number>): ArrayLike<number> {
    const [kind, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
    if (kind !== "output" && kind !== "grad") return data;
    const result = this.lowered.entries[entry].results.find((r) => r.kind === kind && r.name === name);
    // The plan may have gradients that are known to be 0.
    if (result === undefined) return data;
    const leaf = kind === "grad" ? this.leaves.get(name)?.leaf : undefined;
    const axis = leaf && "axis" in leaf ? leaf.axis : result.axis;
    return this.moved(data, "spread", this.ownSteps({ axis }, result.value.type));
  }

  /** A leaf's numbers as the interpreter wants them: a statistic's last row serves all later steps. */
  private readonly read = (name: string, leaf: Leaf, type: Type): ArrayLike<number> => {
    const numbers = this.compacted(name, leaf, type);
    if (leaf.kind !== "population" || leaf.policy.kind !== "per_step" || !type.time) return numbers;
    const rows = this.rows(leaf.policy.steps);
    const width = numbers.length / rows;
    const { time } = this.dims;
    return Float64Array.from({ length: time * width }, (_, i) => {
      const row = Math.min(rows - 1, Math.floor(i / width));
      return numbers[row * width + (i % width)];
    });
  };

  /** The reference's results, by `kind:name`; populations after the run, [steps, …]. Computed once. */
  reference(entry: Computes): ReadonlyMap<string, Float64Array> {
    const known = this.references.get(entry) ?? this.inBatch(entry, this.computed(entry));
    this.references.set(entry, known);
    return known;
  }

  /** The same, with the steps of each example one after the other. */
  private computed(entry: Computes): ReadonlyMap<string, Float64Array> {
    const known = this.results.get(entry) ?? this.interpreted(entry);
    this.results.set(entry, known);
    return known;
  }

  private inBatch(entry: Computes, found: ReadonlyMap<string, Float64Array>): ReadonlyMap<string, Float64Array> {
    return new Map([...found].map(([key, data]) => [key, Float64Array.from(this.returned(entry, key, data))]));
  }

  private interpreted(entry: Computes, round?: (x: number) => number): ReadonlyMap<string, Float64Array> {
    const { dims } = this;
    const results = interpret(this.lowered.entries[entry], { dims, leaf: this.read, round });
    return new Map(
      [...results].map(([key, { data }]) => {
        const name = key.slice(key.indexOf(":") + 1);
        if (!key.startsWith("population:")) return [key, data];
        const kept = Float64Array.from(this.numbers[name]);
        kept.set(data.subarray(0, kept.length));
        return [key, kept];
      }),
    );
  }

  /** Worst error of the gradients of `names` against central differences. Default: all parameters and inputs. */
  differenceError(names: readonly string[] = this.differentiable): number {
    const derived = this.computed("train");
    return Math.max(
      0,
      ...names.map((name) => {
        const truth = finiteDifferences(this.differentiated, this.dims, this.interpreterNumbers, name);
        // What the loss does not depend on has none.
        return relativeError(derived.get(`grad:${name}`) ?? new Float64Array(truth.length), truth);
      }),
    );
  }

  /**
   * Error of all derived gradients at once, against the central difference along a random direction in the space of all
   * parameters and inputs: relative to what a sum of as many terms of either sign comes to. As each element moves by a number of
   * its own, no wrong one is made up for by others. Of several steps the best is taken: norms on norms are too curved for the
   * usual one now and then, and what is wrong is wrong at all of them.
   */
  directionError(): number {
    const derived = this.computed("train");
    const random = uniform(this.options.seed ?? 1);
    const numbers = this.interpreterNumbers;
    const direction = Object.fromEntries(
      this.differentiable.map((name) => [name, sample(numbers[name].length, [-1, 1], random)]),
    );
    let along = 0;
    let squares = 0;
    for (const [name, d] of Object.entries(direction)) {
      // What the loss does not depend on has no gradient.
      derived.get(`grad:${name}`)?.forEach((g, i) => {
        along += g * d[i];
        squares += (g * d[i]) ** 2;
      });
    }
    let best = Number.POSITIVE_INFINITY;
    for (const step of [6e-6, 6e-7, 6e-5]) {
      const truth = directionalDifference(this.differentiated, this.dims, numbers, direction, { step });
      const error = Math.abs(along - truth) / Math.max(1e-3, Math.sqrt(squares), Math.abs(truth));
      if (Number.isNaN(error)) return error;
      best = Math.min(best, error);
      if (best < 1e-7) break;
    }
    return best;
  }

  /** All leaves' numbers as the interpreter wants them. */
  private get interpreterNumbers(): Readonly<Record<string, ArrayLike<number>>> {
    return Object.fromEntries([...this.leaves].map(([n, { leaf, type }]) => [n, this.read(n, leaf, type)]));
  }

  get differentiable(): readonly string[] {
    return [...this.leaves].flatMap(([name, { leaf }]) => (isTrained(leaf) || leaf.kind === "input" ? [name] : []));
  }

  /** Compiles `entries` for a target, once, verifying every kernel. */
  compile(target: Target, entries: readonly EntryName[] = computations, optimizer?: OptimizerName): Executable {
    const known = this.executables.get(target) ?? new Map<string, Executable>();
    this.executables.set(target, known);
    const key = [optimizer, ...entries].join();
    const executable = known.get(key) ?? this.compiled(target, entries, optimizer);
    known.set(key, executable);
    return executable;
  }

  private compiled(target: Target, entries: readonly EntryName[], optimizer: OptimizerName | undefined): Executable {
    const { dims, batch, time, steps = time, memory, loops, storage } = this.options;
    const chosen = { memory, ...this.lowering, ...(optimizer && { optimizer }), ...(loops && { loops }), storage };
    const options = { dims, batch, time: steps, path: this.graph.name, entries, ...chosen };
    return compileGraph(this.graph, options, verifying(target));
  }

  /** Runs `entries` on a target. */
  async run(
    target: Target,
    backend: Backend,
    entries: readonly Computes[] = computations,
  ): Promise<ReadonlyMap<Computes, ReadonlyMap<string, Float32Array>>> {
    const executable = this.compile(target, entries);
    const found = await runExecutable(backend, executable, entries, this.options.time, this.given);
    const returned = (entry: Computes, results: ReadonlyMap<string, Float32Array>) =>
      new Map([...results].map(([key, data]) => [key, this.ofTarget(entry, key, data)] as const));
    return new Map([...found].map(([entry, results]) => [entry, returned(entry, results)]));
  }

  /** A gradient of an input is an output of its plan. */
  private ofTarget(entry: Computes, key: string, data: Float32Array): Float32Array {
    const isResult = (kind: string, name: string): boolean =>
      this.lowered.entries[entry].results.some((r) => r.kind === kind && r.name === name);
    const name = key.slice(key.indexOf(":") + 1);
    const of = key.startsWith("output:d_") && !isResult("output", name) ? `grad:${name.slice(2)}` : key;
    return Float32Array.from(this.returned(entry, of, data));
  }

  /** The worst errors of a target against the reference. Throws if a result of the reference is missing. */
  async targetErrors(
    target: Target,
    backend: Backend,
    entries: readonly Computes[] = comparedOn(target),
  ): Promise<Errors> {
    const found = await this.run(target, backend, entries);
    return entries.map((entry) => this.errorsOf(entry, found.get(entry)!)).reduce(worse, none);
  }

  /** The error if every op of the reference rounds its result to f32: no computation in f32 can be expected to do better. */
  roundingErrors(entry: Computes): Errors {
    return this.errorsOf(entry, this.inBatch(entry, this.interpreted(entry, Math.fround)));
  }

  /** The worst errors of what was found for an entry. Throws if a result of the reference is missing. */
  errorsOf(entry: Computes, found: ReadonlyMap<string, ArrayLike<number>>): Errors {
    let errors = none;
    const truths = this.reference(entry);
    const largest = largestGradient(truths);
    for (const [key, truth] of truths) {
      const numbers = found.get(key) ?? found.get(`output:d_${key.slice("grad:".length)}`);
      if (numbers === undefined) throw new Error(`${key} is not computed in ${entry}`);
      const error = relativeError(truth, numbers, floorOf(key, largest));
      if (Number.isNaN(error)) throw new Error(`${key} is computed in ${entry} as no number`);
      errors = worse(
        errors,
        key.startsWith("grad:") ? { forward: 0, gradient: error } : { forward: error, gradient: 0 },
      );
    }
    return errors;
  }
}

function largestGradient(results: ReadonlyMap<string, Float64Array>): number {
  const gradients = [...results].flatMap(([key, data]) => (key.startsWith("grad:") ? [data] : []));
  return gradients.reduce((most, data) => data.reduce((m, g) => Math.max(m, Math.abs(g)), most), 0);
}

function floorOf(key: string, largestGradient: number): number {
  if (key.startsWith("loss:") || key.startsWith("metric:")) return floor.mean;
  return key.startsWith("grad:") ? Math.max(floor.tensor, floor.gradients * largestGradient) : floor.tensor;
}

function usual(
  leaf: Exclude<Leaf, { kind: "lengths" }>,
  n: number,
  dims: Bindings,
  random: () => number,
): Float64Array {
  switch (leaf.kind) {
    case "index":
      return sample(n, [0, dim.evaluate(dim.parse(leaf.size), dims)], random).map(Math.floor);
    case "population":
      // Also good variances.
      return sample(n, [0.1, 0.6], random);
    case "hyper":
      if (leaf.name.startsWith("momentum_step")) return sample(n, [0, 1], random);
      return Float64Array.of({ momentum: 0.25, lr: 0.1, step: 1, clip: 1e30 }[leaf.name.split("/")[0]] ?? random());
    case "step":
      return Float64Array.from({ length: n }, (_, t) => t);
    case "noise":
      if (leaf.distribution === "bernoulli") return sample(n, [0, 1], random).map((u) => (u < leaf.keep ? 1 : 0));
      return leaf.distribution === "uniform" ? sample(n, [0, leaf.scale], random) : sample(n, [-1, 1], random);
    case "input":
      return sample(n, [-1, 1], random);
    case "param":
    case "flat":
    case "carry":
    case "cotangent":
    case "gradient":
      return sample(n, [-0.7, 0.7], random);
    default:
      return leaf satisfies never;
  }
}

function leavesOf({ placed, entries }: Lowered): Study["leaves"] {
  const ops = [placed, ...Object.values(entries)].flatMap((g) => g.ops);
  return new Map(ops.flatMap((op) => (op.op === "leaf" ? [[op.attrs.leaf.name, op.attrs]] : [])));
}

/** `target`, refusing kernels that break a rule of Kernel IR. */
function verifying(target: Target): Target {
  return {
    ...target,
    assemble(kernels) {
      for (const kernel of kernels) verifyKernel(kernel, target.machine);
      return target.assemble(kernels);
    },
  };
}
