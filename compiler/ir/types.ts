/**
 * Tensor IR: one graph in static single assignment, which can express everything from a cell's text to an optimiser step.
 *
 * **Values are per example.** A type is a feature shape, and two flags say whether the value also has one entry per
 * example (`batch`) and per time step (`time`). Elementwise ops align operands by those flags and broadcast feature
 * shapes from the right, so the same op means the same thing inside a scan's body, where no value has `time`, and
 * outside, where it may: moving an op out of the loop changes its type and nothing else.
 *
 * **Recurrence is a region.** `scan` runs its body once per step. Ops before or after it in the enclosing block are
 * time-parallel. A body may use values of the enclosing block that have no `time`; what varies with time comes in as
 * per-step inputs.
 *
 * **Reductions are the only ops that look across examples or steps**, and `dot` is the only contraction.
 */
import type { Init, Mark, Noise, Over } from "../../runtime/plan.ts";
import type { Dim } from "./dim.ts";

export interface Type {
  /** `index`: whole numbers that select rows or classes. */
  readonly dtype: "f32" | "index";
  readonly time: boolean;
  readonly batch: boolean;
  readonly shape: readonly Dim[];
  /** Of an index only: how many entries it selects from. Its values are below that. */
  readonly below?: Dim;
}

export interface Value {
  /** Unique in its graph. */
  readonly id: number;
  readonly type: Type;
  /** A readable hint for generated code: `hh`, `c_next`. Not unique. */
  readonly name: string;
}

/** Which axes a reduction removes. `features` are positions in the operand's feature shape. */
export interface Axes {
  readonly batch: boolean;
  readonly time: boolean;
  readonly features: readonly number[];
  /** Reduced features stay as extent 1, so that the result broadcasts against the operand. */
  readonly keep: boolean;
}

/** How a statistic is kept for inference: one row for each of the first `steps` time steps, or one for all. */
export type StatPolicy = { readonly kind: "per_step"; readonly steps: string } | { readonly kind: "shared" };

/** A value that comes from outside the graph. */
export type Leaf =
  /** A parameter or, with `constant`, what is stored like one and never trained. */
  | { readonly kind: "param"; readonly name: string; readonly init: Init; readonly constant?: true }
  /** A target may lack numbers, which are then NaN. `axis`: the time axis that it varies over, if that is not the main one. */
  | { readonly kind: "input"; readonly name: string; readonly target?: true; readonly axis?: string }
  | { readonly kind: "index"; readonly name: string; readonly size: string; readonly axis?: string }
  /** Drawn anew in every run. A mask, `bernoulli`, is drawn in training only; otherwise it is its expectation, `keep`. */
  | ({ readonly kind: "noise"; readonly name: string } & Noise)
  /** The population value of a statistic; has `time` when kept per step (row min(t, steps − 1)). */
  | {
      readonly kind: "population";
      readonly name: string;
      readonly policy: StatPolicy;
      /** The time axis whose steps it is collected from, if that is not the main one. */
      readonly axis?: string;
    }
  | { readonly kind: "hyper"; readonly name: string }
  /** The number of each step, from 0 on; with `axis`, of a time axis that is not the main one. */
  | { readonly kind: "step"; readonly name: string; readonly axis?: string }
  /** Which steps the examples of a batch have: see `passes/ragged.ts`. */
  | {
      readonly kind: "lengths";
      readonly name: string;
      readonly mark: Mark;
      /** Of a time axis that is not the main one. */
      readonly axis?: string;
    }
  /**
   * A value in memory that another piece of the same run has computed (`passes/segment.ts`), or the run before
   * (`passes/stream.ts`, `passes/carry.ts`).
   */
  | { readonly kind: "carry"; readonly name: string }
  /** The cotangent of the carry `name`, computed by a later piece of the sequence. */
  | { readonly kind: "cotangent"; readonly name: string }
  /** The gradient of the parameter `name`, as accumulated by earlier pieces of the run. */
  | { readonly kind: "gradient"; readonly name: string }
  /** What `update` reads from memory that all entries share. `from`: an offset in floats, a dimension's text. */
  | {
      readonly kind: "flat";
      readonly name: string;
      readonly region: FlatRegion;
      readonly slot: number;
      readonly from?: string;
    };

/**
 * All parameters or all gradients, end to end, in rows: [batch, row]. The optimiser's slot `slot` for all of them. All statistics:
 * [statistics], where slot 0 is what they are and slot 1 what they were before the step. And one number each: the loss of `train`,
 * and how many steps were skipped.
 */
export type FlatRegion = "param" | "grad" | "slot" | "stat" | "loss" | "skipped";

/**
 * How a copy is laid out: `plain`; `f16`, rounded; `quads`: a matrix in panels of four columns, one panel after another, each with
 * its rows one after another.
 */
export type CopyFormat = "plain" | "f16" | "quads";

type None = Readonly<Record<string, never>>;

/** The ops that are applied to each element by itself. A row each in `ops/elementwise.ts`. */
export type ElementwiseOp =
  | ("neg" | "exp" | "log" | "tanh" | "sigmoid" | "relu" | "softplus" | "sqrt" | "rsqrt" | "recip" | "square" | "abs")
  | (
      | "expm1"
      | "log1p"
      | "erf"
      | "atan"
      | "sign"
      | "sin"
      | "cos"
      | "finite"
      | "floor"
      | "add"
      | "sub"
      | "mul"
      | "div"
      | "min"
      | "max"
    )
  | ("lt" | "le" | "gt" | "ge" | "eq" | "ne" | "select");

/** The other ops and their attributes. The op table, `ops.ts`, has their meaning. */
export interface StructuralAttrs {
  /** `value` times the product of `dims` (dimension texts; `batch` and `time` too), in every element. */
  const: { readonly value: number; readonly dims: readonly string[] };
  /** 0, 1, … along a feature axis of extent `size` (a dimension text). Kernels compute it where they read it. */
  iota: { readonly size: string };
  /** The operand; no gradient flows through. */
  stop: None;
  /** The operand, in a buffer of its own. Inserted by the passes that prepare a graph for a machine. */
  copy: { readonly format: CopyFormat };
  /** The operand: a named point where a norm may stand. Expanded by `place`. */
  site: { readonly name: string };
  /** The operand: a statistic over examples. Expanded by `place`. */
  stat: { readonly name: string; readonly policy: StatPolicy };
  /**
   * The operand is the statistic `name` of a batch. The result is the population's value of it before this batch counts, without
   * gradient; if none was collected yet, the batch's own. The statistic `collected`, kept in the same way, is 1 once one was.
   * Expanded by `place`.
   */
  population: { readonly name: string; readonly collected: string; readonly policy: StatPolicy };
  /**
   * A number that changes with training: `from` until `first` updates are done, `to` from `last` on, linear in between; `to` at
   * inference and where statistics are estimated. Expanded by `place`.
   */
  ramp: { readonly from: number; readonly to: number; readonly first: number; readonly last: number };
  /** 1 in training, 0 at inference and where statistics are estimated. Expanded by `place`. */
  training: None;
  sum: { readonly axes: Axes };
  maximum: { readonly axes: Axes };
  /**
   * The first element along the axes: the shift of a shifted sum, Σ (x − p). The derivative treats it as a constant, because any
   * element would do.
   */
  pivot: { readonly axes: Axes };
  /** Likewise, the first example of each of `parts` parts of the batch, the parts of `partial`. */
  pivots: { readonly parts: number };
  /**
   * Partial sums over `parts` parts of the batch, along a new first feature axis. Each part has ⌈batch / parts⌉ examples, the last
   * what is left.
   */
  partial: { readonly parts: number };
  /** (x [parts, …]): for each example the row of its part, the parts of `partial`. */
  spread: None;
  /**
   * For each example the sum over its group: `group` consecutive examples, or all of a smaller batch. Made of `partial` and `spread`
   * where the size of the batch is known (`passes/groups.ts`).
   */
  group_sum: { readonly group: number };
  /** Position of the largest entry of the last feature axis, which it removes. */
  argmax: None;
  /**
   * Contraction over labelled feature axes, one letter an axis: `{ a: "k", b: "kn", out: "n" }` is x @ W for each example.
   * `batch` and `time` say that the sum also runs over examples and steps.
   */
  dot: {
    readonly a: string;
    readonly b: string;
    readonly out: string;
    readonly batch: boolean;
    readonly time: boolean;
  };
  split: { readonly axis: number; readonly parts: number };
  concat: { readonly axis: number };
  /** Parts of given widths (dimension texts). */
  cut: { readonly axis: number; readonly widths: readonly string[] };
  /** The entries `from` to `to` (dimension texts), the latter not included. */
  slice: { readonly axis: number; readonly from: string; readonly to: string };
  /** Among zeros: as many `before` and `after` along each feature axis (dimension texts). */
  pad: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** A feature axis from its last entry to its first. */
  flip: { readonly axis: number };
  /**
   * [n] → [m, size]: windows of an axis, one every `stride` entries, each of `size` (a dimension's text) entries that are `dilation`
   * apart. Element i, j is x's at i · stride + j · dilation; the last window ends at the last entry.
   */
  windows: { readonly axis: number; readonly size: string; readonly stride: number; readonly dilation: number };
  /** [m, size] → [n]: windows laid where `windows` takes them from, and added up where they overlap. */
  overlap: { readonly axis: number; readonly stride: number; readonly dilation: number };
  reshape: { readonly shape: readonly string[] };
  transpose: { readonly permutation: readonly number[] };
  /** To a larger type. */
  broadcast: { readonly type: Type };
  /** The value at the first or last time step. */
  at: { readonly step: "first" | "last" };
  /** The operand at the first or last time step, zero at all others. */
  put: { readonly step: "first" | "last" };
  /**
   * (x, steps): each example's steps in reverse order, as ONNX's ReverseSequence. With n = `steps`, a number or one for each
   * example, the element at step t is x's at n − 1 − t, and 0 from step n on. Applied twice, it is x up to step n.
   */
  reverse: None;
  /** At step t the operand at step t − `by`, and 0 where there is no such step. `by` is not 0. */
  shift: { readonly by: number };
  /** At each step the sum of the steps up to it; with `reverse`, of the steps from it on. */
  cumsum: { readonly reverse: boolean };
  /**
   * The whole sequence as rows, a new first feature axis of extent `size` (a dimension text): entry n is the operand at step n, and
   * 0 if there is no such step.
   */
  whole: { readonly size: string };
  /** (rows [n, …]): at each step its row, and 0 from step n on. The inverse of `whole`. */
  stepwise: None;
  /** (table [V, …], index): row `index` of the table. */
  gather: None;
  /** (index, rows …): table [size, …] with each row added where its index says; sums over examples and steps. */
  scatter: { readonly size: string };
  /** (index): 1.0 at the index, 0.0 elsewhere, along a new last feature axis. */
  onehot: { readonly size: string };
}

/** Every op and its attributes. */
export interface OpAttrs extends StructuralAttrs, Record<ElementwiseOp, None> {
  leaf: { readonly leaf: Leaf; readonly type: Type };
  /**
   * Operands: `states` initial values, then per-step inputs (with `time`). Body: params are the states, then one step of the
   * inputs; results are the states' next values, then one step of each output. Results: the states' final values, then the
   * outputs with `time`. `reverse` runs from the last step to the first.
   */
  scan: { readonly states: number; readonly reverse: boolean };
}

export type StructuralOp = keyof StructuralAttrs;
export type OpName = keyof OpAttrs;

export type OpOf<K extends OpName> = {
  readonly op: K;
  readonly operands: readonly Value[];
  readonly attrs: OpAttrs[K];
  readonly results: readonly Value[];
  /** Only `scan` has one. */
  readonly body?: Block;
  /** Computed wherever it is read, as a view is: see `passes/recompute.ts`. */
  readonly inPlace?: true;
};

export type Op = { [K in OpName]: OpOf<K> }[OpName];

export interface Block {
  readonly params: readonly Value[];
  /** In an order in which every value is defined before it is used. */
  readonly ops: readonly Op[];
  readonly results: readonly Value[];
}

/** A named result of a graph, and what the runtime does with it. */
export interface Result {
  readonly kind:
    | (
        | "output"
        | "loss"
        | "loss_term"
        | "metric"
        | "weight"
        | "grad"
        | "batch_stat"
        | "population"
        | "carry"
        | "cotangent"
      )
    /** Of `update`: named after the leaf that it overwrites. */
    | "flat";
  readonly name: string;
  readonly value: Value;
  /** Of losses and metrics: what they are means over, if that is known (`proofs/mean-axes.ts`). */
  readonly over?: Over;
  /** The time axis that it varies over, or whose steps it is a mean over, if that is not the main one. */
  readonly axis?: string;
}

export interface Graph {
  readonly name: string;
  readonly ops: readonly Op[];
  readonly results: readonly Result[];
  /**
   * The norms placed at sites, by site name: each a graph with one leaf input `x` and one output. `place` inlines and
   * forgets them.
   */
  readonly norms: ReadonlyMap<string, Graph>;
}

/** A graph transformation: a pure function. */
export interface Pass {
  readonly name: string;
  readonly doc: string;
  run(graph: Graph): Graph;
}
