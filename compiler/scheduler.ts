/** One graph's kernels: planned, so that all memory is known, and then written. */
import type { Command } from "../runtime/plan.ts";
import { findAliases } from "./buffers/aliasing.ts";
import type { LiveInterval } from "./buffers/arena.ts";
import { BufferAssignment, type Common } from "./buffers/assignment.ts";
import { type Alias, type Buffer, type Clock, isFramed, segmentClock, wholeClock } from "./buffers/layout.ts";
import { liveIntervals, type Runs } from "./buffers/liveness.ts";
import { makeKernel } from "./codegen/kernel.ts";
import type { Graph, Op, OpOf, Value } from "./ir/types.ts";
import { isView } from "./ir/views.ts";
import type { Kernel } from "./kernel-ir/types.ts";
import { type FusionGroup, fuse, sources } from "./partition/fusion.ts";
import { loopKernel } from "./partition/loop-owner.ts";
import { directionOf } from "./partition/loop-strategy.ts";
import { inlineDots, isReduction, stages } from "./partition/stages.ts";
import { overwriting } from "./passes/overwriting.ts";
import { captured } from "./passes/rewrite.ts";
import type { Piece } from "./passes/segment.ts";
import type { KernelGroup, ScheduleOptions } from "./schedule.ts";

/** A kernel still without loops: planned first, so that all memory is known before any index is written. */
interface Planned {
  readonly name: string;
  readonly group: FusionGroup;
  readonly inBody: boolean;
}

/** A loop over the steps; with an owner it is one kernel, which holds the loop. */
interface PlannedLoop {
  readonly reverse: boolean;
  readonly body: readonly Planned[];
  readonly owner?: "row" | "whole";
}

export type Plan = readonly (Planned | PlannedLoop)[];

export class Scheduler {
  private readonly graph: Graph;
  private readonly options: ScheduleOptions;
  private readonly common: Common;
  /** How the piece repeats, if it goes through the sequence segment by segment. */
  private readonly loop: Piece["loop"];
  private readonly homes: BufferAssignment;

  constructor(graph: Graph, options: ScheduleOptions, common: Common, loop: Piece["loop"]) {
    this.graph = graph;
    this.options = options;
    this.common = common;
    this.loop = loop;
    this.homes = new BufferAssignment(graph, options, common, loop);
  }

  /** Which kernels there will be; what they hand to each other gets its place. */
  plan(): Plan {
    const { ops } = this.graph;
    const { groups } = fuse(ops, this.homes.defs, overwriting(this.graph));
    const plan: (Planned | PlannedLoop)[] = [];
    // Bodies first: what they hand out decides where it stands.
    for (const g of groups) if ("scan" in g) this.homes.states(g.scan as OpOf<"scan">);
    this.keep(ops, groups, false);
    for (const g of groups) {
      if ("scan" in g) plan.push(this.body(g.scan as OpOf<"scan">));
      else {
        this.temporaries(g, false);
        plan.push({ name: this.name(g, "all"), group: g, inBody: false });
      }
    }
    this.homes.list();
    return plan;
  }

  /** Writes the kernels, once the layout is closed. */
  make(plan: Plan): { readonly kernels: readonly KernelGroup[]; readonly commands: readonly Command[] } {
    const kernels: KernelGroup[] = [];
    const dispatch = (p: Planned, loop?: PlannedLoop): Command => {
      const kernel = this.kernel(p, loop);
      kernels.push({ kernel, group: p.group });
      return { do: "dispatch", kernel: kernel.name, grid: kernel.grid };
    };
    const commands = plan.map((p): Command => {
      if (!("body" in p)) return dispatch(p);
      if (p.owner !== undefined) return dispatch(p.body[0], p);
      return { do: "steps", reverse: p.reverse, commands: p.body.map((k) => dispatch(k)) };
    });
    return { kernels, commands };
  }

  /** Only the kernels of each loop over the steps, in order. */
  loopKernels(plan: Plan): readonly (readonly Kernel[])[] {
    return plan.flatMap((p) =>
      "body" in p ? [p.body.map((k) => this.kernel(k, p.owner === undefined ? undefined : p))] : [],
    );
  }

  private readonly written = new Map<Planned, Kernel>();

  private kernel(planned: Planned, loop?: PlannedLoop): Kernel {
    const kernel = this.written.get(planned) ?? this.write(planned, loop);
    this.written.set(planned, kernel);
    return kernel;
  }

  private write({ name, group: made, inBody }: Planned, loop?: PlannedLoop): Kernel {
    const { options } = this;
    const { all: homes, defs } = this.homes;
    const { dims, machine } = options;
    const clock: Clock =
      this.loop && this.common.layout.length !== undefined
        ? segmentClock(this.common.layout.length, inBody && !loop)
        : wholeClock;
    const layout = this.common.layout.addresses(clock);
    return makeKernel({ name, group: made, inBody, defs, dims, machine, layout, homes, ...(loop && { loop }) });
  }

  /** Buffers that may stand where others do: see `in-place.ts`. */
  replacements(plan: Plan, lives: ReadonlyMap<Buffer, LiveInterval>): readonly Alias[] {
    const { all: homes, defs } = this.homes;
    const { dims, machine } = this.options;
    const kernels = plan.flatMap((p) =>
      "body" in p
        ? p.body.map((k) => ({ group: k.group, loops: p.owner !== undefined }))
        : [{ group: p.group, loops: false }],
    );
    return findAliases({ kernels, lives, homes, defs, dims, machine });
  }

  /** From when to when this piece, the `at`-th, needs what it touches. */
  lives(plan: Plan, at: number): ReadonlyMap<Buffer, LiveInterval> {
    const handedOn = new Set(this.common.crossing.values());
    return liveIntervals({
      piece: at,
      // Again and again: what is not of one segment alone is alive throughout.
      stays: (b) => this.loop !== undefined && (handedOn.has(b) || (isFramed(b) && b.span !== "segment")),
      commands: plan.map((p): Runs => {
        if (!("body" in p)) return { ops: p.group.ops };
        // Workgroups that own rows do not wait for each other: their steps are no moments.
        return p.owner === "row" ? p.body[0].group : { reverse: p.reverse, body: p.body.map(({ group: g }) => g) };
      }),
      homes: this.homes.all,
      defs: this.homes.defs,
    });
  }

  private body(scan: OpOf<"scan">): PlannedLoop {
    const { reverse } = scan.attrs;
    const body = scan.body!;
    this.homes.inputs(scan);
    const direction = directionOf(scan);
    const owner = this.common.owners.get(scan)!;
    const one = owner === "column" ? undefined : loopKernel(scan, owner, this.homes.defs);
    if (one && "refused" in one) throw new Error(`no workgroup can own a loop as ${owner}: ${one.refused}`);
    const computed = one ? [one] : fuse(body.ops, this.homes.defs).groups.map((g) => g as FusionGroup);
    this.keep(body.ops, computed, true);
    return {
      reverse,
      ...(owner !== "column" && { owner }),
      body: computed.map((g) => {
        this.temporaries(g, true);
        return { name: this.name(g, direction), group: g, inBody: true };
      }),
    };
  }

  /** Places what one kernel makes and another reads. */
  private keep(ops: readonly Op[], groups: readonly (FusionGroup | { readonly scan: Op })[], inBody: boolean): void {
    const groupOf = new Map<Value, number>();
    groups.forEach((g, i) => {
      for (const op of "scan" in g ? [] : g.ops) for (const r of op.results) groupOf.set(r, i);
    });
    const made = (v: Value): void => {
      if (groupOf.has(v)) this.homes.place(v, !inBody && v.type.time);
    };
    const index = new Map<Op, number>();
    groups.forEach((g, i) => {
      if (!("scan" in g)) for (const op of g.ops) index.set(op, i);
    });
    for (const op of ops) {
      if (op.op === "concat") this.homes.place(op.results[0], !inBody && op.results[0].type.time);
      if (isView(op)) continue;
      const read = op.op === "scan" ? [...op.operands, ...captured(op.body!)] : op.operands;
      for (const v of read) {
        for (const s of sources(v, this.homes.defs)) if (groupOf.get(s) !== index.get(op)) made(s);
      }
      if (isReduction(op) || op.op === "scatter" || (op.op === "dot" && !inlineDots(this.options.machine)))
        made(op.results[0]);
    }
  }

  /** Places what a kernel must store for its own later stages. */
  private temporaries(g: FusionGroup, inBody: boolean): void {
    const exported = new Set([...this.homes.all.keys()]);
    const { stored } = stages(g.ops, this.homes.defs, exported, inlineDots(this.options.machine));
    for (const v of stored) this.homes.place(v, !inBody && v.type.time);
  }

  private name(g: FusionGroup, where: string): string {
    const made = [...g.ops]
      .reverse()
      .flatMap((op) => op.results)
      .find((v) => this.homes.all.has(v) && v.name !== "");
    const hint = (made?.name ?? g.ops[g.ops.length - 1].op).replace(/[^A-Za-z0-9_]/g, "_");
    const base = `${this.options.entry}_${where}_${hint}`;
    const { counts } = this.common;
    const n = (counts.get(base) ?? 0) + 1;
    counts.set(base, n);
    return n === 1 ? base : `${base}_${n}`;
  }
}
