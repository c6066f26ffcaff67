/**
 * A plan: everything that the runtime must know to run a compiled cell or model, as plain JSON beside the kernels' code.
 *
 * The runtime owns this format; the compiler and the targets import its types only, and fill them in.
 *
 * Memory consists of a few **regions**, each one storage buffer or one range of linear memory. All are f32 except `half`, which is f16:
 *
 * | region   | holds                                                                     | lives                     |
 * | -------- | ------------------------------------------------------------------------- | ------------------------- |
 * | `param`  | parameters, back to back: first those that are trained, then constants    | always; saved             |
 * | `grad`   | the gradients of the trained ones, at the same offsets as in `param`      | within a step             |
 * | `slot`   | optimiser state: `slots` copies of the trained ones' layout, end to end   | always; saved             |
 * | `stat`   | population statistics                                                     | always; saved             |
 * | `input`  | inputs, targets, noise, hyper-parameters; written by the host             | until the next run        |
 * | `work`   | everything else: states, saved values, outputs, loss                      | within a run              |
 * | `half`   | what is saved for the backward pass, if the plan stores it as f16         | within a run              |
 *
 * A region is `fixed` floats followed by frames, one per time step, each `frame` floats long. A tensor with `time` lives in
 * the frames: its element i at step t is at `fixed + t * frame + offset + i`. A tensor without time is at `offset + i`.
 * There are `T + 1` frames, so that a state tensor can hold its initial value in frame 0 and step t's result in frame t + 1.
 * All offsets are constants: the sequence length T is chosen at run time and changes nothing but the size of the regions.
 */
import type { initFunctions } from "./init-functions.ts";

/**
 * The regions of memory: parameters, their gradients, the optimiser's slots, population statistics, what the host writes before a
 * run, what is computed in a run, and what a run saves as f16.
 */
export type RegionName = "param" | "grad" | "slot" | "stat" | "input" | "work" | "half";
/** Regions that the host reads and writes. */
export type HostRegion = Exclude<RegionName, "half">;

/** The size of a region of memory for an entry: `fixed` floats, then frames, one for each time step. */
export interface Region {
  /** In floats of the region's width, a multiple of 16. */
  readonly fixed: number;
  /** Floats per time step, a multiple of 16; 0 when the region does not grow. */
  readonly frame: number;
  /**
   * For an entry that works in segments of `length` steps. The fixed part ends with the frames of one segment: `length + 1` of them,
   * `frame` floats each. After the region's frames come `border` floats for each segment border, one more than there are segments.
   * All are multiples of 16.
   */
  readonly segment?: { readonly length: number; readonly frame: number; readonly border: number };
}

/** A function of a formula, by the name of the op that computes the same. */
export type InitFunction = keyof typeof initFunctions;

/** How a parameter is initialised. `blocks` splits the last axis into equal parts with an initialiser each (gate blocks). */
export type Init = SimpleInit | Formula;

/** Computed element by element, in f64: each step is an initial value, or a function of steps before it. The last one is the result. */
export interface Formula {
  readonly kind: "formula";
  readonly steps: readonly (
    | Init
    | { readonly kind: "apply"; readonly op: InitFunction; readonly of: readonly number[] }
  )[];
}

type SimpleInit =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  /** Glorot & Bengio 2010: uniform in ±gain·sqrt(6 / (fan_in + fan_out)). */
  | { readonly kind: "xavier"; readonly gain: number }
  /** He et al. 2015: normal with a deviation of gain / sqrt(fan_in). */
  | { readonly kind: "kaiming"; readonly gain: number }
  /** Rows (or columns, whichever are fewer) orthonormal, times gain: Saxe et al. 2014. */
  | { readonly kind: "orthogonal"; readonly gain: number }
  /** [n, k·n]: k identity blocks side by side, times gain. If there are more rows than columns, the others are 0. */
  | { readonly kind: "identity"; readonly gain: number }
  | { readonly kind: "blocks"; readonly parts: readonly Init[] }
  /** The initial length of each column of the parameter `of`: weight normalization that does not change the initial weights. */
  | { readonly kind: "lengths"; readonly of: string }
  /** These numbers, row-major; `shape` is the end of the parameter's, and what is in front of it repeats them. */
  | { readonly kind: "list"; readonly values: readonly number[]; readonly shape: readonly number[] }
  /** from, from + step, … along the first or the last axis. */
  | { readonly kind: "range"; readonly from: number; readonly step: number; readonly along: "first" | "last" }
  /** The initial value of the parameter `of`, whose shape is the end of this one's. */
  | { readonly kind: "copy"; readonly of: string };

/**
 * What is drawn from the counter-based generator: `scale` times a standard normal number, or times a uniform one in [0, 1); or for a
 * mask, 1 with probability `keep`, else 0.
 */
export type Noise =
  | {
      readonly distribution: "normal" | "uniform";
      readonly scale: number;
      /** In a graph of a single step: that step's part of what is drawn for the whole sequence. */
      readonly perStep?: true;
    }
  | { readonly distribution: "bernoulli"; readonly keep: number };

/**
 * What marks the steps that the examples of a batch have. They differ in length, and begin together: steps that they lack in the
 * batch are left out, and steps are counted from each one's first. A missing step counts nowhere.
 *
 * | mark       |        |                                                                                              |
 * | ---------- | ------ | -------------------------------------------------------------------------------------------- |
 * | `valid`    | [T, B] | 1 where an example has this step                                                             |
 * | `first`    | [T, B] | 1 at the first step of each example                                                          |
 * | `last`     | [T, B] | 1 at the last step of each example                                                           |
 * | `examples` | [T]    | how many examples have this step                                                             |
 * | `some`     | [T]    | 1 where there are any                                                                        |
 * | `enough`   | [T]    | 1 where there are two or more, enough for a meaningful statistic                             |
 * | `until`    | [T]    | 1 at the last such step, towards whose statistics later steps are averaged                   |
 * | `after`    | [T]    | 1 at the steps after that one                                                                |
 * | `span`     | [B]    | the number of its steps                                                                       |
 * | `present`  | [B]    | 1 where an example has a step, on any time axis                                              |
 * | `begins`   | [B]    | 1 where an example's sequence begins with this batch, 0 where it goes on from the one before |
 */
export type Mark =
  | ("valid" | "first" | "last" | "examples" | "some" | "enough" | "until" | "after")
  | ("span" | "present" | "begins");

/** What a tensor is for, with the details. */
export type Role =
  /** `constant`: it is never trained, so it has no gradient and no slots. */
  | { readonly kind: "param"; readonly init: Init; readonly constant?: true }
  | { readonly kind: "grad"; readonly of: string }
  /**
   * A population statistic. `steps` rows of `shape`, laid out [steps, ...shape] in `stat` without frames; `steps` is 1 for
   * `shared`. Row min(t, steps − 1) serves step t.
   */
  | { readonly kind: "stat"; readonly steps: number; readonly policy: "per_step" | "shared" }
  /** Finite numbers; in a target, NaN marks a missing number. */
  | { readonly kind: "input"; readonly target?: true }
  /** Whole numbers 0 … size − 1, stored as floats. */
  | { readonly kind: "index"; readonly size: number }
  /** Filled by the runtime from the counter-based generator before each run. */
  | ({ readonly kind: "noise" } & Noise)
  /**
   * A state that goes on from run to run: in `input` before a step of a stream or a part of a sequence, in `work` as its result or that
   * of `start`.
   */
  | { readonly kind: "state" }
  /**
   * A number that the host sets: `lr`, `step` (1, 2, …), `clip`; the weight of the newest batch in the statistics: `momentum` in
   * shared ones and, with `time`, `momentum_step` in each row of per-step ones, for those of another time axis than the main one
   * followed by `/` and its name, for those of values over no time axis followed by `/` alone; `between`: whether variances include the variance
   * between batches.
   */
  | { readonly kind: "hyper" }
  /** The number of each step, from 0 on; with a batch, [T, B] or of a stream's step [B], since each example's sequence began. */
  | { readonly kind: "step" }
  /** Which steps the examples of a batch have. See `Mark`. */
  | { readonly kind: "lengths"; readonly mark: Mark }
  | { readonly kind: "output" }
  /** Without `over`, a number of the batch as a whole, or the sum of the `loss_term`s if there are any. */
  | { readonly kind: "loss"; readonly over?: Over }
  /** One term of a loss that is a sum of means over different things. */
  | { readonly kind: "loss_term"; readonly over?: Over }
  | { readonly kind: "metric"; readonly over?: Over }
  /** The weight of this batch in the mean `of`, a loss, a term of one or a metric that is a mean over `weights`. */
  | { readonly kind: "weight"; readonly of: string }
  /** The batch's own value of a statistic, with `time`: [T, ...shape]. Only for people and tests to read. */
  | { readonly kind: "batch_stat"; readonly of: string; readonly alone?: Alone };

/**
 * What a number is a mean over: the valid steps of all examples, the examples, or weights that the model computes, whose sum is a
 * tensor of role `weight`. The mean over several batches is then that of the batches' means, weighted by their steps, their examples
 * or the sums of their weights.
 */
export type Over = "steps" | "examples" | "weights";

/**
 * Marks a statistic that is degenerate for a batch of one example, such as a variance: with `any` number of steps, or only with `one`.
 * `total`: it can still be estimated from several such batches, by the law of total variance.
 */
export interface Alone {
  readonly steps: "any" | "one";
  readonly total: boolean;
}

/** A tensor: what it is for, and where it is stored. */
export interface Tensor {
  /** `rnn/Wx`, `rnn/hh/g`, `rnn/hh/m`, `x`, `loss`. */
  readonly name: string;
  readonly role: Role;
  readonly region: HostRegion;
  /** In floats; see the formula at the top of this file. */
  readonly offset: number;
  readonly time: boolean;
  /** The feature extents, after the batch size if it has a batch axis: [B, 4H]. */
  readonly shape: readonly number[];
  readonly batch: boolean;
  /**
   * The time axis that it varies over, that it marks, that it is a mean over or, of a statistic, that it is collected along. Default:
   * the main one.
   */
  readonly axis?: string;
  /** Of a statistic: floats from the row of one step to that of the next, where that is more than a row has. */
  readonly row?: number;
}

/**
 * A whole number that is known when a kernel is started: a constant, the step `t`, the length of the sequence `T`, the index `y` along
 * the grid's second axis, or what is computed of these. Division is towards zero.
 */
export type Index =
  | number
  | "t"
  | "T"
  | "y"
  | readonly [op: "add" | "sub" | "mul" | "div" | "rem" | "min" | "max", a: Index, b: Index];

/**
 * A texture of an entry's `work`, in plans for GPUs that keep each buffer in one. It holds `size` floats, four in a texel; with
 * `frames`, each of that many layers does.
 */
export interface Texture {
  readonly name: string;
  readonly size: number;
  readonly frames?: Index;
  /** Even and odd frames are in textures of their own: a kernel may load from one while it stores to the other. */
  readonly alternate?: true;
  /** As many frames as fit in 2,048 rows lie below each other in a layer. */
  readonly stacked?: true;
  /** What the host reads of it: by its offset in `work`, in the fixed part or in each frame. */
  readonly host?: readonly { readonly offset: number; readonly size: number }[];
}

/** A texture, or a region in a texture, that a kernel loads from, and what it is called there. */
export interface TextureRead {
  readonly name: string;
  readonly texture: string;
  /** Of an alternating texture: the frame that is read, if it is only this one. Default: any, of both. */
  readonly frame?: Index;
}

/** A texture, or a region in a texture, that a kernel stores to. */
export interface TextureWrite {
  readonly texture: string;
  readonly frame?: Index;
  /** The float that it begins at. */
  readonly at: Index;
  /** It is stored only where the one is below the other. */
  readonly below?: readonly [Index, Index];
}

/** A count that may grow with the sequence: `fixed + perStep * T`. Used for grids and for work. */
export interface Extent {
  readonly fixed: number;
  readonly perStep: number;
}

/**
 * One command of an entry. A grid that grows with the sequence does so along its second axis, where a workgroup's step is t plus its
 * index. A machine with a grid limit starts such a kernel several times, each from a different t.
 */
export type Command =
  | { readonly do: "dispatch"; readonly kernel: string; readonly grid: readonly [Extent, Extent, Extent] }
  /** Runs the commands for t = 0 … T−1, or T−1 … 0. */
  | { readonly do: "steps"; readonly reverse: boolean; readonly commands: readonly Command[] }
  /**
   * Runs the commands for each segment of `length` steps (the last may be shorter), first to last or last to first. T is then the
   * segment's length wherever it counts steps or workgroups; outside of a loop over steps, t is the segment's first step.
   */
  | {
      readonly do: "segments";
      readonly length: number;
      readonly reverse: boolean;
      readonly commands: readonly Command[];
    };

/**
 * The entry points of an executable, each a separate compilation of the same graph:
 *
 * - `train`: uses batch statistics; computes loss, metrics and gradients, and updates population statistics with `momentum`.
 * - `estimate`: as `train`, without gradients and masks: the pass over training data that estimates population statistics.
 * - `infer`: uses population statistics; computes outputs, and loss and metrics if targets are given.
 * - `update`: one optimiser step on `param` from `grad`, with clipping. If its result, the loss or the gradient's norm is not finite, or
 *   its metric `skipped_steps` is not 0, it only increments that count and restores `stat` from the copy that it keeps in the second
 *   half of the region.
 * - `start`: computes the states of a stream before its first step.
 * - `step`: one step of `infer` for a stream, whose states the host keeps. No tensor has `time`; outside of loops, t is the row of
 *   per-step statistics.
 */
export type EntryName = "train" | "estimate" | "infer" | "update" | "start" | "step";

/** One entry point of an executable. */
export interface Entry {
  readonly tensors: readonly Tensor[];
  readonly commands: readonly Command[];
  /** Each entry has its own sizes of `work`, `half` and `input`; all entries share `param`, `grad`, `slot` and `stat`. */
  readonly regions: Readonly<Record<RegionName, Region>>;
  /** The textures of `work`, if it is not one region: then only what the host reads has a place in that region. */
  readonly textures?: readonly Texture[];
}

/** Optional WebGPU features, by their names there. */
export type Feature = "subgroups";

/**
 * Identifies the model that saved numbers belong to. It does not change with batch size, sequence length, target or schedule, nor
 * with the layout of the text or the names of intermediate values. It does change with dimensions.
 */
export interface Identity {
  /** A hash of what parameters and statistics mean: their names and shapes, and everything computed on the way to the outputs. */
  readonly fingerprint: string;
  /** The same for the loss and each metric, if there are any: `loss`, `metric accuracy`. */
  readonly measures: Readonly<Record<string, string>>;
  /**
   * A hash of each equation alone, to say where two models differ. Its name is `site rnn/hh`, `norm rnn/hh`, `state c`, `first c`
   * (before the first step), `output h`, `loss` and the like. A norm's hash is followed by the words in which it was placed.
   */
  readonly equations: Readonly<Record<string, string>>;
}

/** What the runtime must know about an executable besides its code: plain JSON. */
export interface Plan extends Identity {
  readonly format: 4;
  /** The name of the cell or model. */
  readonly name: string;
  /** The kind of code it is for. */
  readonly target: Code["kind"];
  /** Every bound dimension, `batch` included, but not `time`, which is chosen at run time. */
  readonly dims: Readonly<Record<string, number>>;
  /** The most steps of a run, if kernels have all of them along an axis. */
  readonly mostSteps?: number;
  /** Names of the optimiser's slots: [] (SGD), ["m"], ["m", "v"]. */
  readonly slots: readonly string[];
  readonly optimizer: string;
  /** Options of the optimiser that its name alone does not imply, as text by name. */
  readonly optimizerOptions?: Readonly<Record<string, string>>;
  /** Optional features that the kernels need of a WebGPU device. */
  readonly features?: readonly Feature[];
  readonly entries: Readonly<Partial<Record<EntryName, Entry>>>;
  readonly kernels: readonly KernelInfo[];
}

/** A kernel that commands can start. */
export interface KernelInfo {
  readonly name: string;
  /** An estimate of a workgroup's operations on f32, loads and stores included. */
  readonly work: Extent;
  /** Invocations per workgroup, in WGSL. */
  readonly lanes: number;
  readonly regions: readonly { readonly region: string; readonly access: "read" | "read_write" }[];
  /** In GLSL: what it samples, and what it renders to. The grid then counts texels. */
  readonly reads?: readonly TextureRead[];
  readonly writes?: readonly TextureWrite[];
  /** It renders as many steps at once as its outputs have frames in a layer. */
  readonly sweeps?: true;
}

/** All kernels of a plan, in the form that a backend runs. */
export type Code =
  /**
   * One module for all kernels. Each is exported as (t, T, gx, gy, gz, from, to) → () and runs workgroups from … to−1. The module
   * imports the memory `env.memory`, shared and of at most 65536 pages, and nothing else. `relaxed` is the same with relaxed
   * SIMD, for engines that have it; it is optional.
   */
  | { readonly kind: "wasm"; readonly text: string; readonly binary: Uint8Array; readonly relaxed?: Uint8Array }
  /** One module per kernel, with the entry point `main`. */
  | { readonly kind: "wgsl"; readonly modules: Readonly<Record<string, string>> }
  /** One fragment shader per kernel: the part of it that is the kernel's own. See `webgl2/shader.ts`. */
  | { readonly kind: "glsl"; readonly modules: Readonly<Record<string, string>> };

/** A compiled program: the plan and its code. */
export interface Executable {
  readonly plan: Plan;
  readonly code: Code;
}
