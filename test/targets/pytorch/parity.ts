/** A printed PyTorch module beside the f64 interpreter: five steps of gradient descent, and an evaluation. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as dim from "../../../compiler/ir/dim.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import { interpret } from "../../../compiler/ir/interpret.ts";
import { hasStepLimit } from "../../../compiler/ir/steps.ts";
import { extents } from "../../../compiler/ir/tensor.ts";
import type { Graph, Leaf, OpOf, StatPolicy, Type } from "../../../compiler/ir/types.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { existing } from "../../../runtime/existing.ts";
import { filledAt } from "../../../runtime/lengths.ts";
import { countedWith, weightsFor, withNearestRows } from "../../../runtime/statistics.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";
import { Study } from "../../compile/study.ts";
import { floor } from "../../compile/tolerances.ts";

export interface ParityOptions {
  readonly dims: Readonly<Record<string, number>>;
  readonly isCell: boolean;
  readonly batch: number;
  readonly time: number;
  /** In training, and in evaluation with as many steps more. */
  readonly lengths?: readonly number[];
  readonly dtype?: "float64" | "float32";
  readonly script?: boolean;
  /** The module for several processes, in one. */
  readonly distributed?: boolean;
}

type Numbers = Readonly<Record<string, ArrayLike<number>>>;

const MOMENTUM = 0.1;
/** Small, so that rounding errors do not grow from step to step where gradients are large. */
const LR = 0.01;
const STEPS = 5;

/** Worst relative errors: outputs and losses, gradients, statistics after training, outputs in evaluation. */
export interface ParityErrors {
  readonly forward: number;
  readonly gradient: number;
  readonly statistics: number;
  readonly evaluation: number;
}

/** What PyTorch found. */
interface Result {
  readonly steps: readonly {
    readonly loss: number;
    readonly metrics: Readonly<Record<string, number>>;
    readonly grads: Readonly<Record<string, readonly number[] | null>>;
    readonly inputs: Readonly<Record<string, readonly number[]>>;
    readonly outputs: readonly (readonly number[])[];
  }[];
  readonly evaluation: readonly (readonly number[])[];
  readonly scripted: number;
  readonly state: Readonly<Record<string, readonly number[]>>;
}

type LeafOp = OpOf<"leaf">;

export class Parity {
  private readonly graph: Graph;
  private readonly options: ParityOptions;
  private readonly printed;
  private readonly noise: readonly LeafOp[];
  private readonly studies: readonly Study[];
  private readonly last: Study;
  /** What the interpreter says of each step, and of the evaluation. */
  private readonly truths: ReadonlyMap<string, ArrayLike<number>>[] = [];
  private readonly trained: Numbers;
  private readonly evaluated: number;

  constructor(graph: Graph, options: ParityOptions) {
    this.graph = graph;
    this.options = options;
    const { dims, isCell, batch, time, lengths } = options;
    const form = moduleForm(graph);
    this.printed = pytorchModule(form, {
      about: ["For a test."],
      source: "",
      dims,
      steps: time,
      momentum: MOMENTUM,
      isCell,
      ...(options.distributed && { distributed: true }),
    });
    this.noise = form.graph.ops.filter((op): op is LeafOp => op.op === "leaf" && op.attrs.leaf.kind === "noise");
    const shape = { dims, batch, steps: time, lengths };
    this.studies = Array.from(
      { length: STEPS },
      (_, k) => new Study(graph, { ...shape, time, entries: ["train"], seed: k + 1, nearInitial: 0.3 }),
    );
    // Longer sequences than statistics are kept for, unless whole sequences are in memory at once.
    const isLonger = !hasStepLimit(form.graph);
    this.evaluated = isLonger ? time + 2 : time;
    const more = lengths ? { lengths: lengths.map((n) => n + this.evaluated - time) } : {};
    this.last = new Study(graph, { ...shape, ...more, time: this.evaluated, entries: ["infer"], seed: STEPS + 1 });
    this.trained = this.train();
  }

  get text(): string {
    return this.printed.text;
  }

  private lengthsOf(study: Study, axis: string, time: number): readonly number[] {
    const { batch } = this.options;
    const name = axis === "" ? "lengths/valid" : `lengths/${axis}/valid`;
    const valid = study.numbers[name];
    if (valid === undefined) return Array<number>(batch).fill(time);
    return Array.from({ length: batch }, (_, b) => {
      let n = 0;
      for (let t = 0; t < time; t++) n += valid[t * batch + b];
      return n;
    });
  }

  /** Trains by the interpreter. Returns the numbers of parameters and statistics. */
  private train(): Numbers {
    const { dims, batch, time, lengths } = this.options;
    const [first] = this.studies;
    const { train } = first.lowered.entries;
    const kept: Record<string, Float64Array> = {};
    for (const [name, { leaf }] of first.leaves) {
      if (leaf.kind === "param") kept[name] = Float64Array.from(first.numbers[name]);
      if (leaf.kind === "population") kept[name] = new Float64Array(first.numbers[name].length);
    }
    const seen: Record<string, readonly number[]> = {};
    for (const [k, study] of this.studies.entries()) {
      const numbers: Record<string, ArrayLike<number>> = { ...study.numbers, ...kept, step: [k + 1], between: [0] };
      const filled = (axis: string): readonly number[] => {
        if (axis === "none")
          return lengths ? [this.lengthsOf(study, "", time).filter((n) => n > 0).length / batch] : [1];
        return lengths
          ? filledAt(existing([...this.lengthsOf(study, axis, time)], time), false)
          : Array<number>(time).fill(1);
      };
      const counted = new Set<string>();
      for (const [name] of [...study.leaves]) {
        const found = /^momentum(_step)?(\/.*)?$/.exec(name);
        if (!found) continue;
        const axis = found[2] === undefined ? "" : found[2] === "/" ? "none" : found[2].slice(1);
        const now = filled(axis);
        const weights = weightsFor(seen[axis] ?? [], now, MOMENTUM);
        numbers[name] = found[1] ? weights.steps : [weights.shared];
        counted.add(axis);
      }
      const results = interpret(train, {
        dims: { ...dims, batch, time, steps: time },
        leaf: (name, leaf, type) => this.rowsFor(numbers[name], leaf, type, time),
      });
      this.truths.push(new Map([...results].map(([key, { data }]) => [key, Float64Array.from(data)])));
      for (const [key, { data }] of results) {
        const [kind, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
        if (kind === "grad" && kept[name]) kept[name] = kept[name].map((p, i) => p - LR * data[i]);
        if (kind === "population") kept[name].set(data.subarray(0, kept[name].length));
      }
      for (const axis of counted) seen[axis] = countedWith(seen[axis] ?? [], filled(axis));
    }
    const inference: Record<string, ArrayLike<number>> = { ...this.last.numbers, ...kept };
    // In evaluation, noise is its mean.
    for (const [name, { leaf }] of this.last.leaves)
      if (leaf.kind === "noise" && leaf.distribution !== "bernoulli")
        inference[name] = Array.from(this.last.numbers[name], () =>
          leaf.distribution === "uniform" ? leaf.scale / 2 : 0,
        );
    for (const [name, { leaf }] of first.leaves) {
      if (leaf.kind !== "population" || leaf.policy.kind !== "per_step") continue;
      inference[name] = withNearestRows(
        Float64Array.from(kept[name]) as never,
        this.rows(leaf.policy),
        seen[leaf.axis ?? ""] ?? seen.none ?? [],
      );
    }
    const T = this.evaluated;
    const results = interpret(this.last.lowered.entries.infer, {
      dims: { ...dims, batch, time: T, steps: time },
      leaf: (name, leaf, type) => this.rowsFor(inference[name], leaf, type, T),
    });
    this.truths.push(new Map([...results].map(([key, { data }]) => [key, Float64Array.from(data)])));
    for (const [name, { leaf }] of first.leaves)
      if (leaf.kind === "population") kept[name] = Float64Array.from(inference[name]);
    return kept;
  }

  /** How many rows a statistic has. */
  private rows(policy: StatPolicy): number {
    const { dims, batch, time } = this.options;
    return policy.kind === "shared" ? 1 : dim.evaluate(dim.parse(policy.steps), { ...dims, batch, time, steps: time });
  }

  /** A leaf's numbers as the interpreter wants them: a statistic's last row serves all later steps. */
  private rowsFor(numbers: ArrayLike<number>, leaf: Leaf, type: Type, time: number): ArrayLike<number> {
    if (leaf.kind !== "population" || leaf.policy.kind !== "per_step" || !type.time) return numbers;
    const rows = this.rows(leaf.policy);
    const width = numbers.length / rows;
    return Float64Array.from(
      { length: time * width },
      (_, i) => numbers[Math.min(rows - 1, Math.floor(i / width)) * width + (i % width)],
    );
  }

  /** Writes the module and its case. */
  write(folder: string): void {
    const { dims, batch, time, dtype = "float64", script = false, isCell } = this.options;
    mkdirSync(folder, { recursive: true });
    const { className, inputs, paths } = this.printed;
    const [first] = this.studies;
    const tensor = (numbers: ArrayLike<number>, shape: readonly number[]) => ({ shape, data: Array.from(numbers) });
    const given = (study: Study, T: number) => ({
      inputs: Object.fromEntries(
        [...inputs].flatMap(([name, argument]) => {
          const leaf = study.leaves.get(name);
          if (leaf === undefined) return [];
          const shape = extents(leaf.type, { ...dims, batch, time: T, steps: time });
          return [
            [
              argument,
              { ...tensor(study.numbers[name], shape), time: leaf.type.time, index: leaf.leaf.kind === "index" },
            ],
          ];
        }),
      ),
      ...(this.options.lengths && {
        lengths: Object.fromEntries(
          this.axes.map((axis) => [axis === "" ? "lengths" : `lengths_${axis}`, this.lengthsOf(study, axis, T)]),
        ),
      }),
      noise: this.noise
        .filter((op) => study.numbers[op.attrs.leaf.name] !== undefined)
        .map(({ attrs }) =>
          tensor(study.numbers[attrs.leaf.name], extents(attrs.type, { ...dims, batch, time: T, steps: time })),
        ),
    });
    const outputs = this.outputs;
    const cotangents = (study: Study) =>
      outputs.map(({ name, value }) => {
        const numbers = study.numbers[`d_${name}`];
        return numbers === undefined
          ? null
          : tensor(numbers, extents(value.type, { ...dims, batch, time, steps: time }));
      });
    const tensors = Object.fromEntries(
      [...first.leaves].flatMap(([name, { leaf, type }]) =>
        leaf.kind === "param" && paths.has(name)
          ? [
              [
                paths.get(name)!.join("."),
                tensor(first.numbers[name], extents(type, { ...dims, batch, time, steps: time })),
              ],
            ]
          : [],
      ),
    );
    const timed = outputs.every(({ value }) => value.type.time);
    const total = this.options.lengths && timed ? this.options.lengths.reduce((a, b) => a + b, 0) : batch * time;
    const document = {
      class: className,
      sizes: Object.fromEntries([...this.printed.dims].map(([name, argument]) => [argument, dims[name]])),
      tensors,
      lr: LR,
      dtype,
      script,
      outputs: outputs.map(({ value }) => value.type.time),
      forward: this.printed.forwardInputs,
      steps: this.studies.map((study) => ({
        ...given(study, time),
        ...(isCell && { cotangents: cotangents(study), count: total }),
      })),
      evaluation: given(this.last, this.evaluated),
    };
    writeFileSync(join(folder, "module.py"), this.printed.text);
    writeFileSync(join(folder, "case.json"), JSON.stringify(document));
  }

  private get outputs() {
    return this.graph.results.filter(({ kind }) => kind === "output");
  }

  private get axes(): readonly string[] {
    const found = [...this.studies[0].leaves.values()].flatMap(({ leaf, type }) =>
      (leaf.kind === "input" || leaf.kind === "index") && type.time && this.printed.inputs.has(leaf.name)
        ? [leaf.axis ?? ""]
        : [],
    );
    return [...new Set(found)];
  }

  /**
   * By how much a rounding error of one op can grow in the first step: what the interpreter finds if it rounds each to f32, in units of
   * f32's precision. Two computations in f64 cannot agree better than that many units of its own.
   */
  amplification(): number {
    const [first] = this.studies;
    const { forward, gradient } = first.roundingErrors("train");
    return Math.max(forward, gradient) / 2 ** -24;
  }

  /** What PyTorch wrote, compared. Throws what it failed with. */
  errors(folder: string): ParityErrors {
    const failed = join(folder, "error.txt");
    if (existsSync(failed)) throw new Error(readFileSync(failed, "utf8"));
    const result = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as Result;
    const { paths, inputs } = this.printed;
    const errors = { forward: 0, gradient: 0, statistics: 0, evaluation: 0 };
    const worse = (
      kind: keyof ParityErrors,
      truth: ArrayLike<number>,
      found: ArrayLike<number>,
      least: number,
      what: string,
    ): void => {
      if (truth.length !== found.length) throw new Error(`${what}: ${found.length} numbers instead of ${truth.length}`);
      const error = relativeError(Float64Array.from(truth), Float64Array.from(found), least);
      if (!(error <= errors[kind])) errors[kind] = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    };
    result.steps.forEach((found, k) => {
      const truth = this.truths[k];
      const largest = Math.max(
        0,
        ...[...truth].flatMap(([key, data]) => (key.startsWith("grad:") ? [...Array.from(data).map(Math.abs)] : [])),
      );
      const least = Math.max(floor.tensor, floor.gradients * largest);
      if (truth.has("loss:loss")) worse("forward", truth.get("loss:loss")!, [found.loss], floor.mean, "loss");
      for (const [name, value] of Object.entries(found.metrics))
        worse("forward", truth.get(`metric:${name}`)!, [value], floor.mean, name);
      this.outputs.forEach(({ name }, i) => {
        if (found.outputs[i]) worse("forward", truth.get(`output:${name}`)!, found.outputs[i], floor.tensor, name);
      });
      for (const [key, data] of truth) {
        if (!key.startsWith("grad:")) continue;
        const name = key.slice("grad:".length);
        const path = paths.get(name)?.join(".");
        const argument = inputs.get(name);
        const own =
          path === undefined
            ? argument === undefined
              ? undefined
              : found.inputs[argument]
            : (found.grads[path] ?? Array<number>(data.length).fill(0));
        if (own) worse("gradient", data, own, least, name);
      }
    });
    for (const [name, { leaf }] of this.studies[0].leaves) {
      // A statistic that nothing reads is none of the module's.
      if (leaf.kind !== "population" || !paths.has(name)) continue;
      worse("statistics", this.trained[name], result.state[paths.get(name)!.join(".")], floor.tensor, name);
    }
    for (const [i, { name }] of this.outputs.entries())
      worse("evaluation", this.truths.at(-1)!.get(`output:${name}`)!, result.evaluation[i], floor.tensor, name);
    if (result.scripted > 1e-6) throw new Error(`under torch.jit.script, outputs differ by ${result.scripted}`);
    return errors;
  }
}
