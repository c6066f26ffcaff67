/**
 * Where every value of a graph stands that must stand anywhere: leaves and results in the regions that the entries share, states
 * in the frames of a loop, the rest in `work`.
 */
import type { RegionName, Role, Tensor } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import { rowMajor } from "../ir/tensor.ts";
import type { Graph, Leaf, Op, OpOf, Result, Type, Value } from "../ir/types.ts";
import type { Machine } from "../machine.ts";
import type { LoopOwner } from "../partition/loop-owner.ts";
import { definitions } from "../passes/rewrite.ts";
import { isCotangent, type Piece, type Segmented } from "../passes/segment.ts";
import type { Allocation, Buffer, Layout, Span } from "./layout.ts";
import type { Shared } from "./shared.ts";
import { strided } from "./strided.ts";

/** What the pieces of an entry share. */
export interface Common {
  readonly layout: Layout;
  readonly carries: Segmented["carries"];
  /** Who owns each loop over the steps. */
  readonly owners: ReadonlyMap<Op, LoopOwner>;
  /** What may be stored as f16. */
  readonly halves: ReadonlySet<Value>;
  /** Copies of weights, whose columns stand in fours. */
  readonly quads: ReadonlySet<Value>;
  /** Where carries stand. */
  readonly crossing: Map<string, Buffer>;
  readonly leaves: Map<string, Allocation>;
  /** Tensors to list once it is known where they stand. */
  readonly pending: Pending[];
  /** How often each kernel name was wanted. */
  readonly counts: Map<string, number>;
}

export interface AssignmentOptions {
  /** Entry point, for names. */
  readonly entry: string;
  /** Every dimension as a number: `batch`, `steps`, `params` too. */
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  /** Parameters and statistics, laid out alike for all entries. */
  readonly shared: Shared;
  /** Leaves that the host writes, whether this graph reads them or not. */
  readonly inputs: readonly OpOf<"leaf">[];
}

export type Pending = Omit<Tensor, "region" | "offset"> & { readonly home: Allocation };

/** Floats of a cache line. */
const LINE = 16;

/** So many floats apart, examples of a batch fall on the same few sets of a processor's first-level cache. */
const SAME_SETS = 256;

export class BufferAssignment {
  /** The first is the one to load from. */
  readonly all = new Map<Value, Allocation[]>();
  /** What the host reads: there is no gap between its examples. */
  private readonly dense = new Set<Value>();
  readonly defs: ReadonlyMap<Value, Op>;
  private readonly options: AssignmentOptions;
  private readonly common: Common;
  /** How the piece repeats, if it goes through the sequence segment by segment. */
  private readonly loop: Piece["loop"];
  private readonly layout: Layout;

  /** Gives the leaves and results of `graph` their places. */
  constructor(graph: Graph, options: AssignmentOptions, common: Common, loop: Piece["loop"]) {
    this.options = options;
    this.common = common;
    this.loop = loop;
    this.layout = common.layout;
    this.defs = new Map([...definitions(graph.ops), ...putInputs(graph)]);
    for (const leaf of options.inputs) this.leaf(leaf.attrs.leaf, leaf.results[0], leaf.attrs.type);
    for (const op of graph.ops) if (op.op === "leaf") this.leaf(op.attrs.leaf, op.results[0], op.attrs.type);
    for (const r of graph.results) this.claim(r);
  }

  private extent = (d: dim.Dim): number => dim.evaluate(d, this.options.dims);

  private shape(t: Type): readonly number[] {
    return t.shape.map(this.extent);
  }

  private size(t: Type, row = this.features(t)): number {
    return t.batch ? row * this.options.dims.batch : row;
  }

  private features(t: Type): number {
    return this.shape(t).reduce((a, b) => a * b, 1);
  }

  /** Floats from one example to the next of what only kernels read. */
  private row(t: Type): number {
    const features = this.features(t);
    const apart = this.options.machine.lanes === 1 && t.batch && features % SAME_SETS === 0;
    return apart ? features + LINE : features;
  }

  private home(buffer: Buffer, t: Type, by = 0, row = this.features(t)): Allocation {
    return { buffer, start: 0, frame: { kind: "shifted", by }, batch: row, strides: rowMajor(this.shape(t)) };
  }

  private add(v: Value, home: Allocation): void {
    this.all.set(v, [...(this.all.get(v) ?? []), home]);
    const op = this.defs.get(v);
    if (op?.op !== "concat") return;
    // A joined value is never computed: its parts are computed where they stand in it.
    let start = 0;
    for (const part of op.operands) {
      this.add(part, { ...home, start: home.start + start * home.strides[op.attrs.axis] });
      start += this.extent(part.type.shape[op.attrs.axis]);
    }
  }

  private leaf(leaf: Leaf, v: Value, type: Type): void {
    const key = `${leaf.kind}:${leaf.name}`;
    const home = this.common.leaves.get(key) ?? this.leafHome(leaf, type);
    // Where a carry is read from depends on the piece.
    if (leaf.kind !== "carry") this.common.leaves.set(key, home);
    if (!this.all.has(v)) this.all.set(v, [home]);
  }

  private leafHome(leaf: Leaf, type: Type): Allocation {
    const { shared } = this.options;
    const fixed = (region: RegionName, offset: number): Allocation =>
      this.home({ region, time: false, span: "sequence", offset, size: this.size(type) }, type);
    switch (leaf.kind) {
      case "param":
        return fixed("param", shared.offsets.get(leaf.name)!);
      case "population":
        return this.statistic(leaf.name, type, leaf.policy.kind === "per_step");
      case "carry": {
        if (!this.common.carries.has(leaf.name) && !leaf.name.startsWith("grad/")) return this.input(leaf, type);
        const [group, name] = split(leaf.name);
        return group === "grad" ? fixed("grad", shared.offsets.get(name)!) : this.carry(leaf.name, type, "read");
      }
      case "flat":
        switch (leaf.region) {
          case "loss":
          case "skipped":
            return fixed("grad", shared[leaf.region]);
          case "stat":
            return fixed("stat", leaf.slot * shared.stats);
          default:
            return fixed(leaf.region, leaf.slot * shared.params);
        }
      default:
        return this.input(leaf, type);
    }
  }

  /** Where the host writes a leaf. */
  private input(leaf: Leaf, type: Type): Allocation {
    const { dims } = this.options;
    const buffer = this.layout.buffer("input", type.time, this.size(type));
    const shape = this.shape(type);
    this.common.pending.push({
      name: leaf.name,
      role: inputRole(leaf, dims),
      time: type.time,
      batch: type.batch,
      shape: type.batch ? [dims.batch, ...shape] : shape,
      home: this.home(buffer, type),
    });
    return this.home(buffer, type);
  }

  /** One without time that is kept `perStep` is the row of the step that is run. */
  private statistic(name: string, type: Type, perStep = type.time): Allocation {
    const stat = this.options.shared.statistics.get(name)!;
    const buffer: Buffer = {
      region: "stat",
      time: false,
      span: "sequence",
      offset: stat.offset,
      size: stat.steps * stat.row,
    };
    const home = this.home(buffer, { ...type, time: false, batch: false });
    return perStep ? { ...home, steps: { count: stat.steps, row: stat.row } } : home;
  }

  /**
   * Where a carry is read or written. Going forward, a segment reads at the border before it and writes at the one behind;
   * cotangents go backward.
   */
  private carry(name: string, type: Type, access: "read" | "write"): Allocation {
    const keeping = this.common.carries.get(name)!;
    const crosses = keeping === "borders" || keeping === "turns";
    const buffer =
      this.common.crossing.get(name) ??
      this.layout.buffer("work", keeping !== "once", this.size(type), {
        span: crosses ? "borders" : "sequence",
        ...(keeping === "turns" && { ring: 2 }),
      });
    this.common.crossing.set(name, buffer);
    const before = (access === "read") !== isCotangent(name);
    if (!crosses) return this.home(buffer, type);
    if (this.loop) return this.home(buffer, type, before ? 0 : 1);
    return { ...this.home(buffer, type), frame: { kind: before ? "behind" : "first" } };
  }

  /** Gives a result its place. */
  private claim(r: Result): void {
    const measure = (kind: "loss" | "loss_term" | "metric"): Role => ({ kind, ...(r.over && { over: r.over }) });
    const { shared } = this.options;
    const { value } = r;
    const fixed = (region: RegionName, offset: number): Allocation =>
      this.home({ region, time: false, span: "sequence", offset, size: this.size(value.type) }, value.type);
    switch (r.kind) {
      case "grad": {
        const offset = shared.offsets.get(r.name);
        if (offset !== undefined) this.add(value, fixed("grad", offset));
        else this.named(`d_${r.name}`, value, { kind: "output" });
        return;
      }
      case "population":
        this.add(value, this.statistic(r.name, value.type));
        return;
      case "flat":
        this.add(value, this.common.leaves.get(`flat:${r.name}`)!);
        return;
      case "carry":
        if (this.common.carries.has(r.name)) this.add(value, this.carry(r.name, value.type, "write"));
        else this.named(r.name, value, { kind: "state" });
        return;
      case "batch_stat":
        this.named(`batch/${r.name}`, value, { kind: "batch_stat", of: r.name });
        return;
      case "loss":
        // Beside the gradients, where `update` finds it.
        if (this.options.entry === "train") this.add(value, fixed("grad", shared.loss));
        this.named(r.name, value, measure(r.kind));
        return;
      case "loss_term":
        this.named(r.name, value, measure(r.kind));
        return;
      case "metric": {
        // Kept until the next run where one is found that is named alike.
        const kept = this.common.leaves.get(`flat:${r.name}`);
        if (kept !== undefined) this.add(value, kept);
        this.named(r.name, value, measure(r.kind));
        return;
      }
      case "output":
        this.named(r.name, value, { kind: r.kind });
        return;
    }
  }

  private readonly results: { readonly name: string; readonly value: Value; readonly role: Role }[] = [];

  private named(name: string, value: Value, role: Role): void {
    this.results.push({ name, value, role });
    this.dense.add(value);
    const op = this.defs.get(value);
    if (op?.op === "scan") this.dense.add(op.body!.results[op.results.indexOf(value)]);
    else this.own(value, value.type.time, "sequence");
  }

  /** A home for a value that has none. */
  place(v: Value, time: boolean): Allocation {
    return this.all.get(v)?.[0] ?? this.own(v, time);
  }

  /** A home that `v` fills: one within a joined value will not do for what the plan lists. */
  private own(v: Value, time: boolean, span: Span = this.span, half = this.common.halves.has(v)): Allocation {
    const row = this.dense.has(v) ? this.features(v.type) : this.row(v.type);
    const size = this.size(v.type, row);
    const known = this.all.get(v)?.find((home) => home.buffer.size === size);
    if (known) return known;
    const plain = this.home(this.layout.buffer("work", time, size, { span, half }), v.type, 0, row);
    const home: Allocation = this.common.quads.has(v)
      ? { ...plain, strides: [4, this.shape(v.type)[0]], quads: true }
      : plain;
    this.add(v, home);
    return home;
  }

  /** What frames are for, of values that this piece alone uses. */
  private get span(): Span {
    return this.loop ? "segment" : "sequence";
  }

  /** Homes of a scan's states, inputs and outputs. */
  states(scan: OpOf<"scan">): void {
    const { states, reverse } = scan.attrs;
    const body = scan.body!;
    const handedOut = new Set(body.results.slice(states));
    for (let i = 0; i < states; i++) {
      const { type } = body.params[i];
      // Two frames for a state that nobody reads at other steps: while some workgroups write the next, others still read.
      const isKept = handedOut.has(body.params[i]) || handedOut.has(body.results[i]);
      const stored = [scan.operands[i], body.params[i], body.results[i], scan.results[i]];
      const isDense = stored.some((v) => this.dense.has(v));
      if (isDense) for (const v of stored) this.dense.add(v);
      const row = isDense ? this.features(type) : this.row(type);
      const buffer = this.layout.buffer("work", true, this.size(type, row), {
        span: this.span,
        ...(!isKept && { ring: 2 }),
      });
      const at = (frame: Allocation["frame"]): Allocation => ({ ...this.home(buffer, type, 0, row), frame });
      this.add(scan.operands[i], at({ kind: reverse ? "behind" : "first" }));
      this.add(body.params[i], at({ kind: "shifted", by: reverse ? 1 : 0 }));
      this.add(body.results[i], at({ kind: "shifted", by: reverse ? 0 : 1 }));
      this.add(scan.results[i], at({ kind: reverse ? "first" : "behind" }));
    }
    body.results.slice(states).forEach((v, k) => {
      const output = scan.results[states + k];
      this.all.set(output, [this.own(v, true, this.span, this.common.halves.has(output))]);
    });
  }

  /** Homes of a scan's inputs in its body, which read those of the sequences they are steps of. */
  inputs(scan: OpOf<"scan">): void {
    const { states } = scan.attrs;
    const body = scan.body!;
    body.params.slice(states).forEach((p, i) => {
      if (this.defs.has(p)) return;
      const operand = scan.operands[states + i];
      const home = strided(operand, (v) => this.all.get(v)?.[0], this.defs, this.extent) ?? {
        home: this.place(operand, true),
      };
      this.all.set(p, [home.home]);
    });
  }

  /** Lists what the host asks for by name. */
  list(): void {
    const { batch } = this.options.dims;
    for (const { name, value, role } of this.results) {
      const shape = this.shape(value.type);
      const { time, batch: hasBatch } = value.type;
      this.common.pending.push({
        name,
        role,
        time,
        batch: hasBatch,
        shape: hasBatch ? [batch, ...shape] : shape,
        home: this.own(value, time),
      });
    }
  }
}

/** What is zero at all steps but one is no input that must stand in memory: a body computes its step of it. */
function putInputs(graph: Graph): readonly (readonly [Value, Op])[] {
  const defs = definitions(graph.ops);
  return graph.ops.flatMap((scan) =>
    scan.op !== "scan"
      ? []
      : scan.operands.flatMap((v, i): readonly (readonly [Value, Op])[] => {
          const op = defs.get(v);
          return i >= scan.attrs.states && op?.op === "put" ? [[scan.body!.params[i], op]] : [];
        }),
  );
}

/** `grad/rnn/Wx`: `grad` and `rnn/Wx`. */
const split = (name: string): readonly [string, string] => {
  const at = name.indexOf("/");
  return [name.slice(0, at), name.slice(at + 1)];
};

function inputRole(leaf: Leaf, dims: Readonly<Record<string, number>>): Role {
  switch (leaf.kind) {
    case "input":
      return { kind: "input", ...(leaf.target && { target: true }) };
    case "index":
      return { kind: "index", size: dim.evaluate(dim.parse(leaf.size), dims) };
    case "noise":
      return leaf.distribution === "bernoulli"
        ? { kind: "noise", distribution: leaf.distribution, keep: leaf.keep }
        : {
            kind: "noise",
            distribution: leaf.distribution,
            scale: leaf.scale,
            ...(leaf.perStep && { perStep: leaf.perStep }),
          };
    case "carry":
      return { kind: "state" };
    case "hyper":
      return { kind: "hyper" };
    case "lengths":
      return { kind: "lengths", mark: leaf.mark };
    default:
      throw new Error(`a ${leaf.kind} is not an input`);
  }
}
