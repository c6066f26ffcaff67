/**
 * Buffers with names: parameters, statistics and the optimiser's slots in regions that all entries share, what the host writes, and
 * the carries between the pieces of an entry.
 */
import type { RegionName, Role, Tensor } from "../../runtime/plan.ts";
import { InternalError } from "../diagnostics/internal-error.ts";
import * as dim from "../ir/dim.ts";
import { rowMajor } from "../ir/tensor.ts";
import type { Leaf, OpOf, Type } from "../ir/types.ts";
import type { Machine } from "../machine.ts";
import type { Keeping, Piece, Segmented } from "../passes/segment.ts";
import type { Allocation, Buffer, Layout } from "./layout.ts";
import type { Shared } from "./shared.ts";

export interface AssignmentOptions {
  /** Entry point: `train` stores its loss where `update` finds it. */
  readonly entry: string;
  /** Every dimension as a number: `batch`, `steps`, `params` too. */
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  /** Parameters and statistics, laid out alike for all entries. */
  readonly shared: Shared;
  /** Leaves that the host writes, whether or not a graph reads them. */
  readonly inputs: readonly OpOf<"leaf">[];
}

/** A tensor of the plan, listed once its buffer has an offset. */
export type NamedTensor = Omit<Tensor, "region" | "offset"> & { readonly allocation: Allocation };

/** How long the pieces of an entry keep each carry, and each cotangent of a carry. */
export type Carried = Pick<Segmented, "carries" | "cotangents">;

export class NamedBuffers {
  readonly layout: Layout;
  readonly options: AssignmentOptions;
  readonly tensors: NamedTensor[] = [];
  private readonly kept: Carried;
  private readonly carriedBuffers = new Map<string, Buffer>();
  private readonly leaves = new Map<string, Allocation>();

  constructor(layout: Layout, kept: Carried, options: AssignmentOptions) {
    this.layout = layout;
    this.kept = kept;
    this.options = options;
    const { shared } = options;
    layout.reserve("param", shared.params + shared.constants);
    layout.reserve("grad", shared.skipped + shared.width);
    layout.reserve("slot", shared.params * shared.slots.length);
    layout.reserve("stat", shared.stats * (shared.trained ? 2 : 1));
  }

  shape(t: Type): readonly number[] {
    return t.shape.map((d) => dim.evaluate(d, this.options.dims));
  }

  /** Floats of one example, or of a value that all examples share. */
  features(t: Type): number {
    return this.shape(t).reduce((a, b) => a * b, 1);
  }

  /** Floats of one step, with `row` from one example to the next. */
  size(t: Type, row = this.features(t)): number {
    return t.batch ? row * this.options.dims.batch : row;
  }

  /** A value of type `t` in `buffer`, row-major. */
  allocation(buffer: Buffer, t: Type, by = 0, row = this.features(t)): Allocation {
    return { buffer, start: 0, frame: { kind: "shifted", by }, batch: row, strides: rowMajor(this.shape(t)) };
  }

  /** A value of type `t` at an offset of a region that all entries share. */
  fixed(region: RegionName, offset: number, t: Type): Allocation {
    return this.allocation({ region, time: false, span: "sequence", offset, size: this.size(t) }, t);
  }

  /** The buffers that carry values between pieces. */
  get carried(): ReadonlySet<Buffer> {
    return new Set(this.carriedBuffers.values());
  }

  /** The allocation that `leaf` is read from, by a piece that runs as `loop`. */
  leaf(leaf: Leaf, type: Type, loop: Piece["loop"]): Allocation {
    const key = `${leaf.kind}:${leaf.name}`;
    const known = this.leaves.get(key) ?? this.leafAllocation(leaf, type, loop);
    // Where a carry is read from depends on the piece.
    if (leaf.kind !== "carry" && leaf.kind !== "cotangent") this.leaves.set(key, known);
    return known;
  }

  /** The allocation of a flat leaf, if some graph has it. */
  flat(name: string): Allocation | undefined {
    return this.leaves.get(`flat:${name}`);
  }

  private leafAllocation(leaf: Leaf, type: Type, loop: Piece["loop"]): Allocation {
    const { shared } = this.options;
    switch (leaf.kind) {
      case "param":
        return this.fixed("param", shared.offsets.get(leaf.name)!, type);
      case "population":
        return this.statistic(leaf.name, type, leaf.policy.kind === "per_step");
      case "carry":
        // A carry that no piece writes comes from the run before.
        return this.keeping("carry", leaf.name) === undefined
          ? this.input(leaf, type)
          : this.carryAllocation("carry", leaf.name, type, "read", loop);
      case "cotangent":
        return this.carryAllocation("cotangent", leaf.name, type, "read", loop);
      case "gradient":
        return this.fixed("grad", shared.offsets.get(leaf.name)!, type);
      case "flat":
        switch (leaf.region) {
          case "loss":
          case "skipped":
            return this.fixed("grad", shared[leaf.region], type);
          case "stat":
            return this.fixed("stat", leaf.slot * shared.stats, type);
          default: {
            const { slot, from = "0" } = leaf;
            const start = dim.evaluate(dim.parse(from), this.options.dims);
            return this.fixed(leaf.region, slot * shared.params + start, type);
          }
        }
      default:
        return this.input(leaf, type);
    }
  }

  /** The allocation that the host writes a leaf to. */
  private input(leaf: Leaf, type: Type): Allocation {
    const allocation = this.allocation(this.layout.buffer("input", type.time, this.size(type)), type);
    const axis = "axis" in leaf ? leaf.axis : undefined;
    this.list(leaf.name, type, inputRole(leaf, this.options.dims), allocation, axis);
    return allocation;
  }

  /** Lists a tensor of type `t` in the plan. */
  list(name: string, t: Type, role: Role, allocation: Allocation, axis?: string): void {
    const shape = this.shape(t);
    const { time, batch } = t;
    this.tensors.push({
      name,
      role,
      time,
      batch,
      shape: batch ? [this.options.dims.batch, ...shape] : shape,
      ...(axis !== undefined && { axis }),
      allocation,
    });
  }

  /** A population statistic. If it is kept `perStep` but has no time, it is the row of the current step. */
  statistic(name: string, type: Type, perStep = type.time): Allocation {
    const stat = this.options.shared.statistics.get(name)!;
    const { offset, steps, row } = stat;
    const buffer: Buffer = { region: "stat", time: false, span: "sequence", offset, size: steps * row };
    const allocation = this.allocation(buffer, { ...type, time: false, batch: false });
    return perStep ? { ...allocation, steps: { count: steps, row } } : allocation;
  }

  /** How long pieces keep the carry or cotangent of this name; undefined if there is none. */
  keeping(kind: "carry" | "cotangent", name: string): Keeping | undefined {
    return (kind === "carry" ? this.kept.carries : this.kept.cotangents).get(name);
  }

  /**
   * The allocation from which a carry or its cotangent is read, or to which it is written. Going forward, a segment reads at the
   * border before it and writes at the one after it; cotangents go backward.
   */
  carryAllocation(
    kind: "carry" | "cotangent",
    name: string,
    type: Type,
    access: "read" | "write",
    loop: Piece["loop"],
  ): Allocation {
    const keeping = this.keeping(kind, name);
    if (keeping === undefined) throw new InternalError(`no piece carries the ${kind} ${name}`);
    const crosses = keeping === "borders" || keeping === "turns";
    const key = `${kind}:${name}`;
    const buffer =
      this.carriedBuffers.get(key) ??
      this.layout.buffer("work", keeping !== "once", this.size(type), {
        name,
        span: crosses ? "borders" : "sequence",
        ...(crosses && { alternate: true }),
        ...(keeping === "turns" && { ring: 2 }),
      });
    this.carriedBuffers.set(key, buffer);
    const before = (access === "read") === (kind === "carry");
    if (!crosses) return this.allocation(buffer, type);
    if (loop) return this.allocation(buffer, type, before ? 0 : 1);
    return { ...this.allocation(buffer, type), frame: { kind: before ? "behind" : "first" } };
  }
}

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
    case "step":
      return { kind: "step" };
    case "lengths":
      return { kind: "lengths", mark: leaf.mark };
    default:
      throw new Error(`a ${leaf.kind} is not an input`);
  }
}
