/**
 * Expands norms at the sites where they are placed, and decides what a statistic and a mask are.
 *
 * In training a `stat` is the batch's own value, and that value also leaves the graph, step by step, to be averaged into the
 * population's (Cooijmans et al. 2016, §3). In inference a `stat` is the population's value, a leaf. A mask is drawn in training.
 * Otherwise it is its expectation: also where statistics are estimated, because they are those of the model that is used. These are
 * three compilations of one graph.
 *
 * Runs after `hoist`, so that a norm of a value outside the recurrence reads all time steps at once, and after `loop-order`, so
 * that the rows of a statistic are the steps of its loop.
 *
 * Where sequences differ in length, a batch may have a single example at its last steps. Alone it gives no statistic: its variance
 * is 0. There, the last step that two examples had stands in for the missing example: a statistic is halfway between that step's
 * and the example's own, and a variance is about the mean that results. So a normalized value is at most √2 there, whatever the
 * step before was like, just as it is at most 1 where there are two examples. At such a step before that one, 0 stands in for it.
 */
import type { Mark, Noise } from "../../runtime/plan.ts";
import { markType } from "../ir/step-marks.ts";
import { type Steps, TimeAxes } from "../ir/time-axes.ts";
import { scalar } from "../ir/type.ts";
import type { Graph, Leaf, Op, OpAttrs, OpOf, Pass, Result, StatPolicy, Type, Value } from "../ir/types.ts";
import { markLeaf } from "./ragged.ts";
import { Builder, copy, idsAfter, Renaming } from "./rewrite.ts";
import { variances } from "./variances.ts";

export type Mode = "train" | "estimate" | "infer";

/** `lengths`: `ragged` follows, and sequences may differ in length. */
export function place(mode: Mode, lengths = false): Pass {
  return {
    name: "place",
    doc: "norms are expanded at their sites; statistics become the batch's or, to infer, the population's; masks are drawn to train",
    run: (graph) => new Placement(graph, mode, lengths).run(),
  };
}

type Mask = Noise & { readonly distribution: "bernoulli" };

interface Statistic {
  readonly name: string;
  readonly policy: StatPolicy;
  /** What the norm uses; with `time` if there is one per step. */
  readonly value: Value;
  /** The batch's own value of it, if that may differ. */
  readonly own?: Value;
  /** Whether the value that it is of varies over time. */
  readonly overTime: boolean;
  /** The steps that it is of; undefined if the value it is of has no time. */
  readonly steps: Steps | undefined;
}

class Placement {
  private readonly graph: Graph;
  private readonly mode: Mode;
  private readonly lengths: boolean;
  private readonly top: Builder;
  /** If sequences may differ. */
  private readonly axes: TimeAxes | undefined;
  /** The steps of the loop, or of the site, that is being expanded. */
  private steps: Steps | undefined;
  /** Whether that varies over time. */
  private overTime = false;
  private readonly statistics: Statistic[] = [];
  /** For estimation: which statistics are variances, and about which means. */
  private readonly variances: ReadonlyMap<string, string>;

  constructor(graph: Graph, mode: Mode, lengths: boolean) {
    this.graph = graph;
    this.mode = mode;
    this.lengths = lengths;
    this.axes = lengths ? TimeAxes.of(graph) : undefined;
    this.top = new Builder(idsAfter(graph));
    this.variances = new Map(
      mode === "estimate" ? [...graph.norms.values()].flatMap((norm) => [...variances(norm)]) : [],
    );
  }

  run(): Graph {
    const rename = new Renaming();
    this.ops(this.top, this.graph.ops, rename, (stat) => this.statistics.push(stat));
    const results: Result[] = this.graph.results.map((r) => ({ ...r, value: rename.of(r.value) }));
    for (const statistic of this.statistics) results.push(...this.record(statistic));
    return { name: this.graph.name, ops: this.top.ops, results, norms: new Map() };
  }

  /** Copies `ops`, expanding sites and statistics. `record` is called for each statistic of this block. */
  private ops(b: Builder, ops: readonly Op[], rename: Renaming, record: (s: Statistic) => void): void {
    const hints = this.hints(ops);
    for (const op of ops) {
      if (op.op === "scan") {
        this.steps = this.axes?.steps(op);
        this.overTime = true;
        this.scan(op, rename, record);
      } else if (op.op === "site") {
        const [of] = op.operands;
        if (b === this.top) {
          this.overTime = of.type.time;
          this.steps = of.type.time ? this.axes?.steps(of) : undefined;
        }
        rename.set(op.results, [this.site(b, op.attrs.name, rename.of(of), record)]);
      } else if (op.op === "stat") rename.set(op.results, [this.stat(b, op, rename.of(op.operands[0]), record)]);
      else if (op.op === "population") rename.set(op.results, [this.before(b, op, rename.of(op.operands[0]))]);
      else if (op.op === "ramp") rename.set(op.results, [this.ramp(op.attrs)]);
      else if (op.op === "training") rename.set(op.results, [this.top.scalar(this.mode === "train" ? 1 : 0)]);
      else if (op.op === "leaf" && this.isAveraged(op.attrs.leaf))
        rename.set(op.results, [this.top.broadcast(this.top.scalar(op.attrs.leaf.keep), op.attrs.type)]);
      else if (op.op === "leaf" && op.attrs.leaf.kind === "param") rename.set(op.results, [this.parameter(op, hints)]);
      // Leaves belong outside every loop, also those of a norm inside one.
      else rename.set(op.results, copy(op.op === "leaf" ? this.top : b, op, rename.of, hints.get(op.results[0])));
    }
  }

  private readonly parameters = new Map<string, Value>();

  /** A parameter. The norms of scans with the same weights have the same parameters. */
  private parameter(op: OpOf<"leaf">, hints: ReadonlyMap<Value, string>): Value {
    const { name } = op.attrs.leaf;
    const made = this.parameters.get(name) ?? copy(this.top, op, (v) => v, hints.get(op.results[0]))[0];
    this.parameters.set(name, made);
    return made;
  }

  /** A mask that is replaced by its expectation: it is not drawn here, or always 1. */
  private isAveraged(leaf: Leaf): leaf is Leaf & Mask {
    return leaf.kind === "noise" && leaf.distribution === "bernoulli" && (this.mode !== "train" || leaf.keep === 1);
  }

  /** Names for values that only a site or a statistic names: `hh`, `hh_in` for the input of a norm at `hh`, `hh_m`. */
  private hints(ops: readonly Op[]): ReadonlyMap<Value, string> {
    const identifier = (name: string): string => name.replaceAll("/", "_");
    return new Map(
      ops.flatMap((op): [Value, string][] => {
        if (op.op === "stat") return [[op.operands[0], identifier(op.attrs.name)]];
        if (op.op !== "site") return [];
        const norm = this.graph.norms.has(op.attrs.name);
        return [[op.operands[0], identifier(op.attrs.name) + (norm ? "_in" : "")]];
      }),
    );
  }

  private site(b: Builder, name: string, x: Value, record: (s: Statistic) => void): Value {
    const norm = this.graph.norms.get(name);
    if (!norm) return x;
    const rename = new Renaming();
    const input = norm.ops.find((op) => op.op === "leaf" && op.attrs.leaf.kind === "input");
    if (input) rename.set(input.results, [x]);
    const result = norm.results[0].value;
    this.ops(
      b,
      norm.ops.filter((op) => op !== input),
      rename,
      record,
    );
    return rename.of(result);
  }

  private stat(
    b: Builder,
    { attrs: { name, policy }, results: [result] }: OpOf<"stat">,
    x: Value,
    record: (s: Statistic) => void,
  ): Value {
    if (this.mode !== "infer") {
      const here = { overTime: this.overTime, steps: this.steps };
      // One for each group of examples: the batch's is their mean.
      if (x.type.batch) {
        record({ name, policy, value: b.div(b.sum(x, { batch: true }), b.extent(["batch"])), ...here });
        return x;
      }
      const value = this.lengths ? this.ofEnough(b, x) : x;
      record({ name, policy, value, ...here, ...(value !== x && this.mode === "estimate" && { own: x }) });
      return value;
    }
    return this.population(b, name, policy, x.type, this.steps, result.name);
  }

  /** The population's value of a statistic of `type`, as a value of block `b`. */
  private population(
    b: Builder,
    name: string,
    policy: StatPolicy,
    type: Type,
    { axis }: Partial<Steps> = {},
    hint = "",
  ): Value {
    // Inside a body, the leaf of a per-step statistic is an input: see `scan`.
    const perStep = policy.kind === "per_step";
    const leaf = this.top.one(
      "leaf",
      [],
      {
        leaf: { kind: "population", name, policy, ...(axis !== undefined && { axis }) },
        type: { ...type, batch: false, time: perStep },
      },
      hint,
    );
    if (b === this.top || !perStep) return leaf;
    const param = b.value({ ...leaf.type, time: false }, hint);
    this.pending.push({ leaf, param });
    return param;
  }

  /** A batch's statistic. At steps that only one example has, it is halfway to that of the last step that more had. */
  private ofEnough(b: Builder, x: Value): Value {
    const { steps } = this;
    const halfway = (last: Value): Value => b.mul(b.add(x, last), b.scalar(0.5));
    if (b === this.top) {
      if (!x.type.time || steps === undefined) return x;
      const mark = (name: Mark): Value => markLeaf(b, name, steps);
      const last = b.sum(b.mul(mark("until"), x), { time: true });
      return b.select(mark("enough"), x, halfway(b.mul(mark("after"), last)));
    }
    const mark = (name: Mark): Value => {
      const param = b.value({ ...markType(name), time: false });
      this.pending.push({ leaf: markLeaf(this.top, name, steps!), param });
      return param;
    };
    const last = b.value(x.type);
    this.held.push({ before: last, after: b.select(mark("until"), x, last) });
    return b.select(mark("enough"), x, halfway(last));
  }

  /** The population's value before this batch counts. In training: what the leaf holds, if it holds anything. */
  private before(b: Builder, { attrs: { name, collected, policy } }: OpOf<"population">, own: Value): Value {
    if (this.mode === "infer") return own;
    if (!this.statistics.some((s) => s.name === collected)) {
      const type: Type = { ...scalar, time: policy.kind === "per_step" };
      const value = this.top.broadcast(this.top.scalar(1), type);
      this.statistics.push({ name: collected, policy, value, overTime: this.overTime, steps: this.steps });
    }
    const known = b.elementwise("gt", [this.population(b, collected, policy, scalar, this.steps), b.scalar(0)]);
    const hint = name.replaceAll("/", "_");
    const population = this.population(b, name, policy, own.type, this.steps, `${hint}_before`);
    return b.select(known, population, b.one("stop", [own], {}));
  }

  /** In training: from + (to − from) · (updates − first) / (last − first), between `from` and `to`. */
  private ramp({ from, to, first, last }: OpAttrs["ramp"]): Value {
    const b = this.top;
    // Statistics are estimated of the network that is used.
    if (this.mode !== "train") return b.scalar(to);
    const step = b.one("leaf", [], { leaf: { kind: "hyper", name: "step" }, type: scalar });
    const done = b.sub(step, b.scalar(1));
    if (first === last) return b.select(b.elementwise("ge", [done, b.scalar(last)]), b.scalar(to), b.scalar(from));
    const share = b.mul(b.sub(done, b.scalar(first)), b.scalar(1 / (last - first)));
    const part = b.max(b.min(share, b.scalar(1)), b.scalar(0));
    return b.add(b.scalar(from), b.mul(part, b.scalar(to - from)));
  }

  /** Statistics of the last step that enough examples had, which the body being built carries as states. */
  private held: { readonly before: Value; readonly after: Value }[] = [];
  /** Leaves that the body being built needs as per-step inputs: population rows, above all. */
  private pending: { readonly leaf: Value; readonly param: Value }[] = [];

  private scan(scan: OpOf<"scan">, rename: Renaming, record: (s: Statistic) => void): void {
    const body = scan.body!;
    const { states } = scan.attrs;
    const inner = this.top.body();
    const params = body.params.map((p) => inner.value(p.type, p.name));
    rename.set(body.params, params);
    const seen: Statistic[] = [];
    this.pending = [];
    this.held = [];
    this.ops(inner, body.ops, rename, (s) => seen.push(s));
    const extra = this.pending;
    const { held } = this;
    this.pending = [];
    this.held = [];
    if (scan.attrs.reverse && seen.length + extra.length > 0)
      throw new Error(
        "the steps of a loop that runs backward are not the rows of its statistics: loop-order comes first",
      );
    const own = seen.flatMap((s) => (s.own ? [s.own] : []));
    const operands = scan.operands.map(rename.of);
    const results = body.results.map(rename.of);
    const names = scan.results.map((r) => r.name);
    const { finals, outputs } = this.top.scan(
      [...operands.slice(0, states), ...held.map((h) => this.top.zeros(h.before.type))],
      [...operands.slice(states), ...extra.map((e) => e.leaf)],
      {
        params: [
          ...params.slice(0, states),
          ...held.map((h) => h.before),
          ...params.slice(states),
          ...extra.map((e) => e.param),
        ],
        ops: inner.ops,
        results: [
          ...results.slice(0, states),
          ...held.map((h) => h.after),
          ...results.slice(states),
          ...seen.map((s) => s.value),
          ...own,
        ],
      },
      {
        reverse: scan.attrs.reverse,
        names: [
          ...names.slice(0, states),
          ...held.map((h) => h.after.name),
          ...names.slice(states),
          ...seen.map((s) => s.value.name),
          ...own.map((v) => v.name),
        ],
      },
    );
    const all = [...finals.slice(0, states), ...outputs];
    rename.set(scan.results, all.slice(0, scan.results.length));
    const outside = new Map([...seen.map((s) => s.value), ...own].map((v, i) => [v, all[scan.results.length + i]]));
    for (const s of seen) {
      record({ ...s, value: outside.get(s.value)!, ...(s.own && { own: outside.get(s.own)! }) });
    }
  }

  /** The batch's value as a result, and the population's moved towards it. */
  private record(statistic: Statistic): readonly Result[] {
    const b = this.top;
    const { name, policy } = statistic;
    const mean = this.statistics.find((s) => s.name === this.variances.get(name));
    const value = this.counted(statistic, mean);
    const kept = this.ofBatch(statistic, value);
    let moved = this.moved(statistic, kept);
    // Law of total variance: the variance within the batch, that within the population so far, and that between the two.
    if (mean !== undefined) {
      const about = this.counted(mean, undefined);
      const center = this.ofBatch(statistic, about);
      const apart = b.square(b.sub(center, this.population(b, mean.name, policy, center.type, statistic.steps)));
      const weight = this.weight(statistic);
      moved = b.add(moved, b.mul(b.mul(this.between(), b.mul(weight, b.sub(b.scalar(1), weight))), apart));
      if (value.type.time && !kept.type.time) {
        const steps = this.overSteps(b.square(b.sub(about, center)), statistic);
        moved = b.add(moved, b.mul(this.between(), b.mul(weight, steps)));
      }
    }
    return [
      { kind: "batch_stat", name, value: kept },
      { kind: "population", name, value: moved },
    ];
  }

  /** Whether variances include the variance between batches: a number, 1 or 0. */
  private between(): Value {
    return this.top.one("leaf", [], { leaf: { kind: "hyper", name: "between" }, type: scalar });
  }

  /**
   * A batch's contribution: what its norm used. By the law of total variance, what its own examples give, if the variance is that
   * of a single example.
   */
  private counted({ value, own }: Statistic, mean: Statistic | undefined): Value {
    if (own === undefined) return value;
    const b = this.top;
    const alone = mean?.own ? b.sub(own, b.square(b.sub(mean.own, mean.value))) : own;
    return b.select(this.between(), alone, value);
  }

  /** A batch's own value as it is kept: one per step, or one for all. */
  private ofBatch(statistic: Statistic, value: Value): Value {
    return statistic.policy.kind === "per_step" || !value.type.time ? value : this.overSteps(value, statistic);
  }

  /**
   * p + w·(batch − p), per step or for all. The runtime chooses w: the EMA's momentum in training, 1 / (n + 1) for the n-th batch
   * of an estimation pass.
   */
  private moved(statistic: Statistic, own: Value): Value {
    const b = this.top;
    const { name, policy, steps } = statistic;
    const population = this.population(b, name, policy, own.type, steps);
    return b.add(population, b.mul(this.weight(statistic), b.sub(own, population)));
  }

  /** Each time axis has weights of its own, and so do values that are over none: a batch counts there by its examples, not its steps. */
  private weight({ policy, overTime, steps }: Statistic): Value {
    const perStep = policy.kind === "per_step";
    const axis = overTime ? steps?.axis : "";
    const name = `${perStep ? "momentum_step" : "momentum"}${axis === undefined ? "" : `/${axis}`}`;
    return this.top.one("leaf", [], { leaf: { kind: "hyper", name }, type: { ...scalar, time: perStep } });
  }

  /** The mean over steps. If sequences differ in length, each step weighs as much as it has examples. */
  private overSteps(value: Value, { steps }: Statistic): Value {
    const b = this.top;
    if (!this.lengths || steps === undefined) return b.div(b.sum(value, { time: true }), b.extent(["time"]));
    const weight = markLeaf(b, "examples", steps);
    const all = b.max(b.sum(weight, { time: true }), b.scalar(1));
    return b.div(b.sum(b.mul(weight, value), { time: true }), all);
  }
}
