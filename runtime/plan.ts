/**
 * A plan: everything the runtime must know to run a compiled cell or model, as plain JSON plus the kernels' code.
 *
 * The runtime owns this format; the compiler and the targets import these types (types only) and fill them in.
 *
 * Memory is a handful of **regions**, each one storage buffer or one range of linear memory, all f32 but `half`, which is f16:
 *
 * | region   | holds                                                                     | lives                     |
 * | -------- | ------------------------------------------------------------------------- | ------------------------- |
 * | `param`  | trainable parameters, back to back                                        | always; saved             |
 * | `grad`   | their gradients, at the same offsets as in `param`                        | within a step             |
 * | `slot`   | optimiser state: `slots` copies of `param`'s layout, one behind the other | always; saved             |
 * | `stat`   | population statistics                                                     | always; saved             |
 * | `input`  | inputs, targets, noise, hyper-parameters; written by the host             | until the next run        |
 * | `work`   | everything else: states, saved values, outputs, loss                      | within a run              |
 * | `half`   | where a plan stores f16: what is saved for the backward pass              | within a run              |
 *
 * A region is `fixed` floats followed by frames, one per time step, each `frame` floats long. A tensor with `time` lives in
 * the frames: its element i at step t stands at `fixed + t * frame + offset + i`. A tensor without stands at `offset + i`.
 * There are `T + 1` frames, so that a state tensor can hold its initial value in frame 0 and step t's result in frame t + 1.
 * All offsets are constants: the sequence length T is chosen at run time and changes nothing but the size of the regions.
 */

/**
 * What a region of memory holds: parameters, their gradients, the optimiser's slots, population statistics, what the host writes
 * before a run, what is computed in a run, and what is saved as f16 in one.
 */
export type RegionName = "param" | "grad" | "slot" | "stat" | "input" | "work" | "half";
/** Regions that the host reads and writes. */
export type HostRegion = Exclude<RegionName, "half">;

/** How large a region of memory is for an entry: `fixed` floats, then frames, one for each time step. */
export interface Region {
  /** In floats of the region's width, a multiple of 16. */
  readonly fixed: number;
  /** Floats per time step, a multiple of 16; 0 when the region does not grow. */
  readonly frame: number;
  /**
   * Where an entry works in segments of `length` steps: the fixed part ends with the frames of one segment, `length + 1` of them,
   * `frame` floats each; and behind the region's frames stand `border` floats for each border between segments, of which there is
   * one more than there are segments. All are multiples of 16.
   */
  readonly segment?: { readonly length: number; readonly frame: number; readonly border: number };
}

/** How a parameter starts. `blocks` cuts the last axis in equal parts, one initialiser each (gate blocks). */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  /** Glorot & Bengio 2010: uniform in ±gain·sqrt(6 / (fan_in + fan_out)). */
  | { readonly kind: "xavier"; readonly gain: number }
  /** Rows (or columns, whichever are fewer) orthonormal, times gain: Saxe et al. 2014. */
  | { readonly kind: "orthogonal"; readonly gain: number }
  /** [n, k·n]: k identity blocks side by side, times gain. */
  | { readonly kind: "identity"; readonly gain: number }
  | { readonly kind: "blocks"; readonly parts: readonly Init[] }
  /** As long as each column of the parameter `of` is at first: weight normalization that changes no weights. */
  | { readonly kind: "lengths"; readonly of: string };

/**
 * What is drawn from the counter-based generator: `scale` times a standard normal number or a uniform one in [0, 1); or a mask's
 * 1 with probability `keep`, else 0.
 */
export type Noise =
  | {
      readonly distribution: "normal" | "uniform";
      readonly scale: number;
      /** In a graph of one step: a step of what is drawn for all of them. */
      readonly perStep?: true;
    }
  | { readonly distribution: "bernoulli"; readonly keep: number };

/**
 * A sequence that is shorter than the batch's longest is padded at its end; what is computed there counts nowhere.
 *
 * | mark       |        |                                                                                             |
 * | ---------- | ------ | ------------------------------------------------------------------------------------------- |
 * | `valid`    | [T, B] | 1 where an example has this step                                                            |
 * | `last`     | [T, B] | 1 at the last step of each example                                                          |
 * | `examples` | [T]    | how many examples have this step                                                            |
 * | `enough`   | [T]    | 1 where there are two or more, of whom a statistic says something                           |
 * | `until`    | [T]    | 1 at the last such step, which stands in for the second example that those behind it lack |
 */
export type Mark = "valid" | "last" | "examples" | "enough" | "until";

/** What a tensor is for, and what goes with that. */
export type Role =
  | { readonly kind: "param"; readonly init: Init }
  | { readonly kind: "grad"; readonly of: string }
  /**
   * A population statistic. `steps` rows of `shape`, laid out [steps, ...shape] in `stat` without frames; `steps` is 1 for
   * `shared`. Row min(t, steps − 1) serves step t.
   */
  | { readonly kind: "stat"; readonly steps: number; readonly policy: "per_step" | "shared" }
  /** Finite numbers; of a target also NaN, where a number is missing. */
  | { readonly kind: "input"; readonly target?: true }
  /** Whole numbers 0 … size − 1, stored as floats. */
  | { readonly kind: "index"; readonly size: number }
  /** Filled by the runtime from the counter-based generator before each run. */
  | ({ readonly kind: "noise" } & Noise)
  /** A state of a stream: in `input` as it is before a step, in `work` as `start` or the step made it. */
  | { readonly kind: "state" }
  /**
   * A number the host sets: `lr`, `step` (1, 2, …), `clip`, and the weight of the newest batch in the statistics: `momentum` in
   * shared ones, and `momentum_step`, with `time`, in each row of those kept per step; `between`: whether variances count what
   * lies between batches.
   */
  | { readonly kind: "hyper" }
  /** Which steps the examples of a batch have. */
  | { readonly kind: "lengths"; readonly mark: Mark }
  | { readonly kind: "output" }
  /** Without `over`: a number of the batch as a whole; or, where there are `loss_term`s, their sum. */
  | { readonly kind: "loss"; readonly over?: Over }
  /** The loss is a sum of means over different things: one of them. */
  | { readonly kind: "loss_term"; readonly over?: Over }
  | { readonly kind: "metric"; readonly over?: Over }
  /** The batch's own value of a statistic, with `time`: [T, ...shape]. Read only by people and tests. */
  | { readonly kind: "batch_stat"; readonly of: string; readonly alone?: Alone };

/**
 * What a number is the mean over: the steps that count of all examples, or the examples. The mean over several batches is then
 * that of the batches' means, each with the weight of its steps or examples.
 */
export type Over = "steps" | "examples";

/**
 * A statistic that says nothing of a batch of one example, such as a variance: with `any` number of steps, or with `one`. `total`:
 * what lies between such batches says it, by the law of total variance.
 */
export interface Alone {
  readonly steps: "any" | "one";
  readonly total: boolean;
}

/** Where a tensor stands in memory, and what it is. */
export interface Tensor {
  /** `rnn/Wx`, `rnn/hh/g`, `rnn/hh/m`, `x`, `loss`. */
  readonly name: string;
  readonly role: Role;
  readonly region: HostRegion;
  /** In floats; see the formula above. */
  readonly offset: number;
  readonly time: boolean;
  /** Feature extents with the batch in front where it has one: [B, 4H]. */
  readonly shape: readonly number[];
  readonly batch: boolean;
}

/** A count that may grow with the sequence: `fixed + perStep * T`. Grids and work are counted so. */
export interface Extent {
  readonly fixed: number;
  readonly perStep: number;
}

/**
 * A grid that grows with the sequence does so along its second axis, on which a workgroup's step is t plus its index: a machine
 * whose grids are limited starts such a kernel several times, each from another t.
 */
export type Command =
  | { readonly do: "dispatch"; readonly kernel: string; readonly grid: readonly [Extent, Extent, Extent] }
  /** Runs the commands for t = 0 … T−1, or T−1 … 0. */
  | { readonly do: "steps"; readonly reverse: boolean; readonly commands: readonly Command[] }
  /**
   * Runs the commands for each segment of `length` steps, the last one shorter, first to last or last to first. T is then the
   * segment's length wherever it counts steps or workgroups; t of a dispatch outside of a loop over steps is the segment's first.
   */
  | {
      readonly do: "segments";
      readonly length: number;
      readonly reverse: boolean;
      readonly commands: readonly Command[];
    };

/**
 * The entry points of an executable, each its own compilation of the one graph:
 *
 * - `train`: batch statistics; loss, metrics, gradients, and statistics folded into the population's with `momentum`.
 * - `estimate`: as `train` without gradients and masks: the pass over training data that estimates population statistics.
 * - `infer`: population statistics; loss and metrics where targets are given, and outputs.
 * - `update`: one optimiser step on `param` from `grad`, with clipping. Where what it would make, the loss or the gradient's norm is
 *   not finite, and as long as its metric `skipped_steps` is not 0, it changes nothing but that count and takes `stat` back to what it
 *   was, of which it keeps a copy in the second half of the region.
 * - `start`: the states of a stream before its first step.
 * - `step`: one step of `infer` for a stream, whose states the host keeps. No tensor has `time`; t outside of any loop is the row
 *   of per-step statistics.
 */
export type EntryName = "train" | "estimate" | "infer" | "update" | "start" | "step";

/** What can be run by one name. */
export interface Entry {
  readonly tensors: readonly Tensor[];
  readonly commands: readonly Command[];
  /** Its own size of `work`, `half` and `input`; `param`, `grad`, `slot` and `stat` are shared by all entries. */
  readonly regions: Readonly<Record<RegionName, Region>>;
}

/** Of WebGPU's optional features, by their names there. */
export type Feature = "subgroups";

/**
 * Which model numbers are of. Nothing in it changes with batch or sequence length, target or schedule, nor with how the text is
 * written and what its intermediate values are called; it does with dimensions.
 */
export interface Identity {
  /** Of what parameters and statistics mean: their names and shapes, and all that is computed on the way to the outputs. */
  readonly fingerprint: string;
  /** The same of the loss and each metric, where there are any: `loss`, `metric accuracy`. */
  readonly measures: Readonly<Record<string, string>>;
  /**
   * What to say where two models differ: by the name of an equation, such as `site rnn/hh`, `norm rnn/hh`, `state c`, `first c`
   * (before the first step), `output h` or `loss`, a hash of that equation alone; of a norm, and in which words it was placed.
   */
  readonly equations: Readonly<Record<string, string>>;
}

/** What the runtime must know of an executable beside its code: plain JSON. */
export interface Plan extends Identity {
  readonly format: 4;
  /** Cell or model name. */
  readonly name: string;
  /** The kind of code it is for. */
  readonly target: Code["kind"];
  /** Every bound dimension, `batch` included; `time` is not: it is the runtime's. */
  readonly dims: Readonly<Record<string, number>>;
  /** Names of the optimiser's slots: [] (SGD), ["m"], ["m", "v"]. */
  readonly slots: readonly string[];
  readonly optimizer: string;
  /** Options of the optimiser, as text by name, where they are not what its name alone means. */
  readonly optimizerOptions?: Readonly<Record<string, string>>;
  /** What kernels need of a WebGPU device beyond what every one has. */
  readonly features?: readonly Feature[];
  readonly entries: Readonly<Partial<Record<EntryName, Entry>>>;
  readonly kernels: readonly KernelInfo[];
}

/** A kernel, as the commands start it. */
export interface KernelInfo {
  readonly name: string;
  /** About how many operations on f32, loads and stores included, a workgroup does. */
  readonly work: Extent;
  /** WGSL: invocations of a workgroup. */
  readonly lanes: number;
  readonly regions: readonly { readonly region: string; readonly access: "read" | "read_write" }[];
}

/** All kernels of a plan, as what runs them takes them. */
export type Code =
  /**
   * One module for all kernels; each is exported as (t, T, gx, gy, gz, from, to) → () and runs workgroups from … to−1. It
   * imports the memory `env.memory`, shared and of at most 65536 pages, and nothing else. `relaxed` is the same with relaxed
   * SIMD, for engines that have it; it may be left out.
   */
  | { readonly kind: "wasm"; readonly text: string; readonly binary: Uint8Array; readonly relaxed?: Uint8Array }
  /** One module a kernel, entry point `main`. */
  | { readonly kind: "wgsl"; readonly modules: Readonly<Record<string, string>> };

/** What a target made: the plan and its code. */
export interface Executable {
  readonly plan: Plan;
  readonly code: Code;
}
