/**
 * Buffer assignment: a buffer for every materialised value, and the value's layout in it. Leaves and results are where the host,
 * other entries and other pieces look for them (`named.ts`), states in the frames of a loop, the rest in `work`.
 */
import type { Role } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import type { OpOf, Result, Type, Value } from "../ir/types.ts";
import { spreadsExamples } from "../machine.ts";
import { keptOf } from "../partition/chunks.ts";
import { isLoop, kernelsOf, type PartitionedPiece } from "../partition/partition.ts";
import { formatOf } from "./format.ts";
import { type Allocation, LINE, type Span } from "./layout.ts";
import type { NamedBuffers } from "./named.ts";
import { strided } from "./strided.ts";

/** The allocations of each value: several if several consumers need it in different places. The first is the one to load from. */
export type Allocations = ReadonlyMap<Value, readonly Allocation[]>;

/** At this distance, in floats, the examples of a batch fall on the same few sets of a processor's first-level cache. */
const SAME_SETS = 256;

/** Assigns the buffers of one piece. */
export function assignPiece(piece: PartitionedPiece, named: NamedBuffers): Allocations {
  return new PieceAssignment(piece, named).run();
}

class PieceAssignment {
  private readonly all = new Map<Value, Allocation[]>();
  /** Values that the host reads: there is no gap between their examples. */
  private readonly dense = new Set<Value>();
  private readonly listed: {
    readonly name: string;
    readonly value: Value;
    readonly role: Role;
    readonly axis: string | undefined;
  }[] = [];
  private readonly piece: PartitionedPiece;
  private readonly named: NamedBuffers;

  constructor(piece: PartitionedPiece, named: NamedBuffers) {
    this.piece = piece;
    this.named = named;
  }

  run(): Allocations {
    const { graph, units, crossing } = this.piece;
    for (const leaf of this.named.options.inputs) this.leaf(leaf);
    for (const op of graph.ops) if (op.op === "leaf") this.leaf(op);
    for (const r of graph.results) this.result(r);
    // Loops first: they decide where their outputs are.
    for (const unit of units) if (isLoop(unit)) this.states(unit.scan);
    for (const v of crossing) this.place(v, v.type.time);
    for (const unit of units) {
      if (isLoop(unit)) {
        this.inputs(unit.scan);
        for (const v of unit.crossing) this.place(v, false);
        if (unit.chunks) for (const v of keptOf(unit.chunks)) this.place(v, false);
      }
      for (const { temporaries, inBody } of kernelsOf(unit))
        for (const v of temporaries) this.place(v, !inBody && v.type.time);
    }
    for (const { name, value, role, axis } of this.listed)
      this.named.list(name, value.type, role, this.own(value, value.type.time), axis);
    return this.all;
  }

  private add(v: Value, allocation: Allocation): void {
    this.all.set(v, [...(this.all.get(v) ?? []), allocation]);
    const op = this.piece.defs.get(v);
    if (op?.op !== "concat") return;
    // A joined value is never computed: its parts are computed directly into it.
    let start = 0;
    for (const part of op.operands) {
      this.add(part, { ...allocation, start: allocation.start + start * allocation.strides[op.attrs.axis] });
      start += this.extent(part.type.shape[op.attrs.axis]);
    }
  }

  private readonly extent = (d: dim.Dim): number => dim.evaluate(d, this.named.options.dims);

  private leaf({ attrs: { leaf, type }, results: [v] }: OpOf<"leaf">): void {
    const allocation = this.named.leaf(leaf, type, this.piece.loop);
    if (!this.all.has(v)) this.all.set(v, [allocation]);
  }

  /** Allocates a result. */
  private result(r: Result): void {
    const { named } = this;
    const { shared, entry } = named.options;
    const { value } = r;
    const measure = (kind: "loss" | "loss_term" | "metric"): Role => ({ kind, ...(r.over && { over: r.over }) });
    switch (r.kind) {
      case "grad": {
        const offset = shared.offsets.get(r.name);
        if (offset === undefined) this.list(`d_${r.name}`, value, { kind: "output" }, r.axis);
        else this.add(value, named.fixed("grad", offset, value.type));
        return;
      }
      case "population":
        this.add(value, named.statistic(r.name, value.type));
        return;
      case "flat":
        this.add(value, named.flat(r.name)!);
        return;
      case "carry":
      case "cotangent":
        if (r.kind === "carry" && named.keeping(r.kind, r.name) === undefined)
          this.list(r.name, value, { kind: "state" });
        else this.add(value, named.carryAllocation(r.kind, r.name, value.type, "write", this.piece.loop));
        return;
      case "batch_stat":
        this.list(`batch/${r.name}`, value, { kind: "batch_stat", of: r.name }, r.axis);
        return;
      case "loss":
        // Next to the gradients, where `update` finds it.
        if (entry === "train") this.add(value, named.fixed("grad", shared.loss, value.type));
        this.list(r.name, value, measure(r.kind), r.axis);
        return;
      case "loss_term":
        this.list(r.name, value, measure(r.kind), r.axis);
        return;
      case "metric": {
        // A metric that some graph reads as a flat leaf is kept there until the next run.
        const kept = named.flat(r.name);
        if (kept !== undefined) this.add(value, kept);
        this.list(r.name, value, measure(r.kind), r.axis);
        return;
      }
      case "weight":
        this.list(`weight/${r.name}`, value, { kind: r.kind, of: r.name });
        return;
      case "output":
        this.list(r.name, value, { kind: r.kind }, r.axis);
        return;
    }
  }

  /** Lists a value in the plan by name. */
  private list(name: string, value: Value, role: Role, axis?: string): void {
    this.listed.push({ name, value, role, axis });
    this.dense.add(value);
    const op = this.piece.defs.get(value);
    if (op?.op === "scan") this.dense.add(op.body!.results[op.results.indexOf(value)]);
    else this.own(value, value.type.time, "sequence");
  }

  /** Allocates a buffer, unless the value has one. */
  private place(v: Value, time: boolean): void {
    if (!this.all.has(v)) this.own(v, time);
  }

  /** Floats from one example to the next, for values that only kernels read. */
  private row(t: Type): number {
    const features = this.named.features(t);
    const apart = spreadsExamples(this.named.options.machine) && t.batch && features % SAME_SETS === 0;
    return apart ? features + LINE : features;
  }

  /** A buffer that `v` fills: the plan cannot list a part of a joined value. */
  private own(v: Value, time: boolean, span: Span = this.span): Allocation {
    const { named } = this;
    const row = this.dense.has(v) ? named.features(v.type) : this.row(v.type);
    const size = named.size(v.type, row);
    const known = this.all.get(v)?.find((allocation) => allocation.buffer.size === size);
    if (known) return known;
    const format = formatOf(v, this.piece.defs);
    const name = v.name || this.piece.defs.get(v)?.op;
    const buffer = named.layout.buffer("work", time, size, { name, span, half: format === "f16" });
    const plain = named.allocation(buffer, v.type, 0, row);
    const allocation: Allocation =
      format === "quads" ? { ...plain, strides: [4, named.shape(v.type)[0]], quads: true } : plain;
    this.add(v, allocation);
    return allocation;
  }

  /** The span of the frames of values that only this piece uses. */
  private get span(): Span {
    return this.piece.loop ? "segment" : "sequence";
  }

  /** A loop's states and outputs. */
  private states(scan: OpOf<"scan">): void {
    const { named } = this;
    const { states, reverse } = scan.attrs;
    const body = scan.body!;
    const yielded = new Set(body.results.slice(states));
    for (let i = 0; i < states; i++) {
      const { type } = body.params[i];
      // Two frames suffice for a state that is not read at other steps: while some workgroups write the next state, others still
      // read this one.
      const isKept = yielded.has(body.params[i]) || yielded.has(body.results[i]);
      const { name } = body.params[i];
      const stored = [scan.operands[i], body.params[i], body.results[i], scan.results[i]];
      const isDense = stored.some((v) => this.dense.has(v));
      if (isDense) for (const v of stored) this.dense.add(v);
      const row = isDense ? named.features(type) : this.row(type);
      const kind = { name, span: this.span, alternate: true, ...(!isKept && { ring: 2 }) };
      const buffer = named.layout.buffer("work", true, named.size(type, row), kind);
      const at = (frame: Allocation["frame"]): Allocation => ({ ...named.allocation(buffer, type, 0, row), frame });
      this.add(scan.operands[i], at({ kind: reverse ? "behind" : "first" }));
      this.add(body.params[i], at({ kind: "shifted", by: reverse ? 1 : 0 }));
      this.add(body.results[i], at({ kind: "shifted", by: reverse ? 0 : 1 }));
      this.add(scan.results[i], at({ kind: reverse ? "first" : "behind" }));
    }
    body.results.slice(states).forEach((v, k) => {
      const output = scan.results[states + k];
      this.all.set(output, [this.own(v, true)]);
    });
  }

  /** A loop's inputs in its body: each is read directly from the sequence that it is a step of. */
  private inputs(scan: OpOf<"scan">): void {
    const { defs } = this.piece;
    const { states } = scan.attrs;
    scan.body!.params.slice(states).forEach((p, i) => {
      if (defs.has(p)) return;
      const operand = scan.operands[states + i];
      const found = strided(operand, (v) => this.all.get(v)?.[0], defs, this.extent);
      if (found === undefined) throw new Error(`a loop reads ${operand.name || "a value"}, which is nowhere in memory`);
      this.all.set(p, [found.allocation]);
    });
  }
}
