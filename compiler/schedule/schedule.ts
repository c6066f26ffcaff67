/**
 * Tensor IR → Kernel IR: groups ops into kernels, gives every value that crosses a kernel a place in memory, and writes the
 * commands that run them.
 */
import type { Command, Region, RegionName, Role, Tensor } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import { rowMajor } from "../ir/tensor.ts";
import type { Graph, Leaf, Op, OpOf, Result, Type, Value } from "../ir/types.ts";
import { isView } from "../ir/views.ts";
import { captured, definitions } from "../passes/rewrite.ts";
import { isCotangent, type Piece, type Segmented } from "../passes/segment.ts";
import { around, type Life } from "./arena.ts";
import { type ChosenLoop, chooseLoops, directionOf, type LoopChoice, type LoopOf } from "./choose.ts";
import { type Group, group, sources } from "./group.ts";
import { inlineDots, makeKernel } from "./kernel.ts";
import type { Kernel, Machine } from "./kernel-ir.ts";
import {
  type Buffer,
  type Clock,
  type Home,
  isFramed,
  Layout,
  type Slot,
  type Span,
  segmentClock,
  wholeClock,
} from "./layout.ts";
import { lifetimes, type Runs } from "./lifetimes.ts";
import { type LoopOwner, loopGroup } from "./loop.ts";
import { halve } from "./saved.ts";
import { settle } from "./settle.ts";
import type { Shared } from "./shared.ts";
import { isReduction, stages } from "./stages.ts";
import { strided } from "./strided.ts";

export interface ScheduleOptions {
  /** Entry point, for names. */
  readonly entry: string;
  /** Every dimension as a number: `batch`, `steps`, `params` too. */
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  /** Parameters and statistics, laid out alike for all entries. */
  readonly shared: Shared;
  /** Leaves that the host writes, whether this graph reads them or not. */
  readonly inputs: readonly OpOf<"leaf">[];
  /** Who owns the loops over the steps; the cheapest, where nothing is said. */
  readonly loops?: LoopChoice;
  /** As what the values saved for the backward pass are stored. */
  readonly storage?: Storage;
}

export type Storage = "f32" | "f16";

export interface KernelGroup {
  readonly kernel: Kernel;
  readonly group: Group;
}

export interface Scheduled {
  readonly kernels: readonly KernelGroup[];
  readonly commands: readonly Command[];
  readonly tensors: readonly Tensor[];
  readonly regions: Readonly<Record<RegionName, Region>>;
  /** Who owns each loop over the steps, and why. */
  readonly loops: readonly ChosenLoop[];
  /** What stands in `work` and `half`, and from when to when. */
  readonly arena: readonly Slot[];
}

export function schedule(graph: Graph, options: ScheduleOptions): Scheduled {
  return scheduleSegments({ pieces: [{ graph, loop: undefined }], carries: new Map() }, undefined, options);
}

/** Schedules the pieces of a graph one after another in one arena, for segments of `length` steps. */
export function scheduleSegments(
  { pieces, carries }: Segmented,
  length: number | undefined,
  options: ScheduleOptions,
): Scheduled {
  const halves = new Set<Value>();
  const settled = pieces.map(({ graph, loop }): Piece => {
    const whole = settle(graph, loop !== undefined);
    if (options.storage !== "f16") return { graph: whole, loop };
    const halved = halve(whole);
    for (const v of halved.halves) halves.add(v);
    return { graph: halved.graph, loop };
  });
  const found = settled.flatMap(({ graph }): readonly LoopOf[] => {
    const defs = definitions(graph.ops);
    const scans = graph.ops.filter((op): op is OpOf<"scan"> => op.op === "scan");
    return scans.map((scan) => ({ scan, defs }));
  });
  // What was laid out for an estimate serves again if it is chosen.
  const known = new Map<string, Laid>();
  const lay = (owners: readonly LoopOwner[]): Laid => {
    const of = new Map<Op, LoopOwner>(found.map(({ scan }, i) => [scan, owners[i]]));
    const laid = known.get(owners.join()) ?? layOut({ pieces: settled, carries, halves }, length, options, of);
    known.set(owners.join(), laid);
    return laid;
  };
  const loops = chooseLoops({
    loops: found,
    machine: options.machine,
    dims: options.dims,
    asked: options.loops ?? {},
    kernels: (owners) => lay(owners).schedulers.flatMap(({ scheduler, plan }) => scheduler.loopKernels(plan)),
  });
  const { layout, common, arena, schedulers } = lay(loops.map(({ owner }) => owner));
  const tensors = [...options.shared.tensors, ...common.pending.map((p) => listed(p, layout))];
  const made = schedulers.map(({ scheduler, plan }) => scheduler.make(plan));
  const commands = made.flatMap(({ commands: own }, at): readonly Command[] => {
    const { loop } = pieces[at];
    return loop === undefined
      ? own
      : [{ do: "segments", length: length!, reverse: loop === "backward", commands: own }];
  });
  return { kernels: made.flatMap((m) => m.kernels), commands, tensors, regions: layout.regions(), arena, loops };
}

/** Everything in its place, the kernels still to be written. */
interface Laid {
  readonly layout: Layout;
  readonly common: Common;
  readonly arena: readonly Slot[];
  readonly schedulers: readonly { readonly scheduler: Scheduler; readonly plan: Plan }[];
}

function layOut(
  { pieces, carries, halves }: Segmented & Pick<Common, "halves">,
  length: number | undefined,
  options: ScheduleOptions,
  owners: ReadonlyMap<Op, LoopOwner>,
): Laid {
  const { shared } = options;
  const layout = new Layout(length);
  layout.reserve("param", shared.params);
  layout.reserve("grad", shared.params);
  layout.reserve("slot", shared.params * shared.slots.length);
  layout.reserve("stat", shared.stats);
  const common: Common = {
    ...{ layout, carries, halves, owners, crossing: new Map(), leaves: new Map(), pending: [], counts: new Map() },
  };
  const schedulers = pieces
    .map(({ graph, loop }) => new Scheduler(graph, options, common, loop))
    .map((scheduler) => ({ scheduler, plan: scheduler.plan() }));
  const lives = new Map<Buffer, Life>();
  schedulers.forEach(({ scheduler, plan }, at) => {
    for (const [buffer, life] of scheduler.lives(plan, at)) {
      const known = lives.get(buffer);
      lives.set(buffer, known ? around(known, life) : life);
    }
  });
  for (const { home } of common.pending) {
    const end: Life = { from: [pieces.length], to: [pieces.length] };
    lives.set(home.buffer, around(lives.get(home.buffer) ?? end, end));
  }
  return { layout, common, arena: layout.close(lives), schedulers };
}

/** What the pieces of an entry share. */
interface Common {
  readonly layout: Layout;
  readonly carries: Segmented["carries"];
  /** Who owns each loop over the steps. */
  readonly owners: ReadonlyMap<Op, LoopOwner>;
  /** What may be stored as f16. */
  readonly halves: ReadonlySet<Value>;
  /** Where carries stand. */
  readonly crossing: Map<string, Buffer>;
  readonly leaves: Map<string, Home>;
  /** Tensors to list once it is known where they stand. */
  readonly pending: Pending[];
  /** How often each kernel name was wanted. */
  readonly counts: Map<string, number>;
}

type Pending = Omit<Tensor, "region" | "offset"> & { readonly home: Home };

function listed({ home, ...rest }: Pending, layout: Layout): Tensor {
  const { buffer, frame, start } = home;
  const { region } = buffer;
  if (region === "half") throw new Error(`\`${rest.name}\`, which the host reads, is stored as f16`);
  const shift = buffer.time && frame.kind === "shifted" ? frame.by * layout.region(region).frame : 0;
  return { ...rest, region, offset: buffer.offset + start + shift };
}

/** A kernel still without loops: planned first, so that all memory is known before any index is written. */
interface Planned {
  readonly name: string;
  readonly group: Group;
  readonly inBody: boolean;
}

/** A loop over the steps; with an owner it is one kernel, which holds the loop. */
interface PlannedLoop {
  readonly reverse: boolean;
  readonly body: readonly Planned[];
  readonly owner?: "row" | "whole";
}

type Plan = readonly (Planned | PlannedLoop)[];

class Scheduler {
  private readonly graph: Graph;
  private readonly options: ScheduleOptions;
  private readonly common: Common;
  /** How the piece repeats, if it goes through the sequence segment by segment. */
  private readonly loop: Piece["loop"];
  private readonly layout: Layout;
  private readonly defs: ReadonlyMap<Value, Op>;
  private readonly homes = new Map<Value, Home[]>();

  constructor(graph: Graph, options: ScheduleOptions, common: Common, loop: Piece["loop"]) {
    this.graph = graph;
    this.options = options;
    this.common = common;
    this.loop = loop;
    this.layout = common.layout;
    this.defs = new Map([...definitions(graph.ops), ...putInputs(graph)]);
  }

  /** Gives everything its place, and says which kernels there will be. */
  plan(): Plan {
    const { graph, options } = this;
    for (const leaf of options.inputs) this.leaf(leaf.attrs.leaf, leaf.results[0], leaf.attrs.type);
    for (const op of graph.ops) if (op.op === "leaf") this.leaf(op.attrs.leaf, op.results[0], op.attrs.type);
    for (const r of graph.results) this.claim(r);
    return this.groups();
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
    const { defs, homes, options } = this;
    const { dims, machine } = options;
    const clock: Clock =
      this.loop && this.layout.length !== undefined ? segmentClock(this.layout.length, inBody && !loop) : wholeClock;
    const layout = this.layout.addresses(clock);
    return makeKernel({ name, group: made, inBody, defs, dims, machine, layout, homes, ...(loop && { loop }) });
  }

  /** From when to when this piece, the `at`-th, needs what it touches. */
  lives(plan: Plan, at: number): ReadonlyMap<Buffer, Life> {
    const handedOn = new Set(this.common.crossing.values());
    return lifetimes({
      piece: at,
      // Again and again: what is not of one segment alone is alive throughout.
      stays: (b) => this.loop !== undefined && (handedOn.has(b) || (isFramed(b) && b.span !== "segment")),
      commands: plan.map((p): Runs => {
        if (!("body" in p)) return { ops: p.group.ops };
        // Workgroups that own rows do not wait for each other: their steps are no moments.
        return p.owner === "row" ? p.body[0].group : { reverse: p.reverse, body: p.body.map(({ group: g }) => g) };
      }),
      homes: this.homes,
      defs: this.defs,
    });
  }

  private extent = (d: dim.Dim): number => dim.evaluate(d, this.options.dims);

  private shape(t: Type): readonly number[] {
    return t.shape.map(this.extent);
  }

  private size(t: Type): number {
    return this.shape(t).reduce((a, b) => a * b, t.batch ? this.options.dims.batch : 1);
  }

  private home(buffer: Buffer, t: Type, by = 0): Home {
    const shape = this.shape(t);
    return {
      buffer,
      start: 0,
      frame: { kind: "shifted", by },
      batch: shape.reduce((a, b) => a * b, 1),
      strides: rowMajor(shape),
    };
  }

  private add(v: Value, home: Home): void {
    this.homes.set(v, [...(this.homes.get(v) ?? []), home]);
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
    if (!this.homes.has(v)) this.homes.set(v, [home]);
  }

  private leafHome(leaf: Leaf, type: Type): Home {
    const { shared, dims } = this.options;
    const fixed = (region: RegionName, offset: number): Home =>
      this.home({ region, time: false, span: "sequence", offset, size: this.size(type) }, type);
    switch (leaf.kind) {
      case "param":
        return fixed("param", shared.offsets.get(leaf.name)!);
      case "population":
        return this.statistic(leaf.name, type);
      case "carry": {
        const [group, name] = split(leaf.name);
        return group === "grad" ? fixed("grad", shared.offsets.get(name)!) : this.carry(leaf.name, type, "read");
      }
      case "flat":
        return fixed(leaf.region, leaf.region === "slot" ? leaf.slot * shared.params : 0);
      default: {
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
    }
  }

  private statistic(name: string, type: Type): Home {
    const stat = this.options.shared.statistics.get(name)!;
    const buffer: Buffer = {
      region: "stat",
      time: false,
      span: "sequence",
      offset: stat.offset,
      size: stat.steps * stat.row,
    };
    const home = this.home(buffer, { ...type, time: false, batch: false });
    return type.time ? { ...home, steps: { count: stat.steps, row: stat.row } } : home;
  }

  /**
   * Where a carry is read or written. Going forward, a segment reads at the border before it and writes at the one behind;
   * cotangents go backward.
   */
  private carry(name: string, type: Type, access: "read" | "write"): Home {
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
    const { shared } = this.options;
    const { value } = r;
    const fixed = (region: RegionName, offset: number): Home =>
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
      case "param":
        this.add(value, fixed("param", 0));
        return;
      case "slot":
        this.add(value, fixed("slot", shared.slots.indexOf(r.name) * shared.params));
        return;
      case "carry":
        this.add(value, this.carry(r.name, value.type, "write"));
        return;
      case "batch_stat":
        this.named(`batch/${r.name}`, value, { kind: "batch_stat", of: r.name });
        return;
      case "output":
      case "loss":
      case "metric":
        this.named(r.name, value, { kind: r.kind });
        return;
    }
  }

  private readonly results: { readonly name: string; readonly value: Value; readonly role: Role }[] = [];

  private named(name: string, value: Value, role: Role): void {
    this.results.push({ name, value, role });
    const op = this.defs.get(value);
    if (op?.op !== "scan") this.own(value, value.type.time, "sequence");
  }

  /** A home for a value that has none. */
  private place(v: Value, time: boolean): Home {
    return this.homes.get(v)?.[0] ?? this.own(v, time);
  }

  /** A home that `v` fills: one within a joined value will not do for what the plan lists. */
  private own(v: Value, time: boolean, span: Span = this.span, half = this.common.halves.has(v)): Home {
    const size = this.size(v.type);
    const known = this.homes.get(v)?.find((home) => home.buffer.size === size);
    if (known) return known;
    const home = this.home(this.layout.buffer("work", time, size, { span, half }), v.type);
    this.add(v, home);
    return home;
  }

  /** What frames are for, of values that this piece alone uses. */
  private get span(): Span {
    return this.loop ? "segment" : "sequence";
  }

  private groups(): Plan {
    const { ops } = this.graph;
    const { groups } = group(ops, this.defs);
    const plan: (Planned | PlannedLoop)[] = [];
    // Bodies first: what they hand out decides where it stands.
    for (const g of groups) if ("scan" in g) this.states(g.scan as OpOf<"scan">);
    this.keep(ops, groups, false);
    for (const g of groups) {
      if ("scan" in g) plan.push(this.body(g.scan as OpOf<"scan">));
      else {
        this.temporaries(g, false);
        plan.push({ name: this.name(g, "all"), group: g, inBody: false });
      }
    }
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
    return plan;
  }

  /** Homes of a scan's states, inputs and outputs. */
  private states(scan: OpOf<"scan">): void {
    const { states, reverse } = scan.attrs;
    const body = scan.body!;
    const handedOut = new Set(body.results.slice(states));
    for (let i = 0; i < states; i++) {
      const { type } = body.params[i];
      // Two frames for a state that nobody reads at other steps: while some workgroups write the next, others still read.
      const isKept = handedOut.has(body.params[i]) || handedOut.has(body.results[i]);
      const buffer = this.layout.buffer("work", true, this.size(type), {
        span: this.span,
        ...(!isKept && { ring: 2 }),
      });
      const at = (frame: Home["frame"]): Home => ({ ...this.home(buffer, type), frame });
      this.add(scan.operands[i], at({ kind: reverse ? "behind" : "first" }));
      this.add(body.params[i], at({ kind: "shifted", by: reverse ? 1 : 0 }));
      this.add(body.results[i], at({ kind: "shifted", by: reverse ? 0 : 1 }));
      this.add(scan.results[i], at({ kind: reverse ? "first" : "behind" }));
    }
    body.results.slice(states).forEach((v, k) => {
      const output = scan.results[states + k];
      this.homes.set(output, [this.own(v, true, this.span, this.common.halves.has(output))]);
    });
  }

  private body(scan: OpOf<"scan">): PlannedLoop {
    const { states, reverse } = scan.attrs;
    const body = scan.body!;
    body.params.slice(states).forEach((p, i) => {
      if (this.defs.has(p)) return;
      const operand = scan.operands[states + i];
      const home = strided(operand, (v) => this.homes.get(v)?.[0], this.defs, this.extent) ?? {
        home: this.place(operand, true),
      };
      this.homes.set(p, [home.home]);
    });
    const direction = directionOf(scan);
    const owner = this.common.owners.get(scan)!;
    const one = owner === "column" ? undefined : loopGroup(scan, owner, this.defs);
    if (one && "refused" in one) throw new Error(`no workgroup can own a loop as ${owner}: ${one.refused}`);
    const computed = one ? [one] : group(body.ops, this.defs).groups.map((g) => g as Group);
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
  private keep(ops: readonly Op[], groups: readonly (Group | { readonly scan: Op })[], inBody: boolean): void {
    const groupOf = new Map<Value, number>();
    groups.forEach((g, i) => {
      for (const op of "scan" in g ? [] : g.ops) for (const r of op.results) groupOf.set(r, i);
    });
    const made = (v: Value): void => {
      if (groupOf.has(v)) this.place(v, !inBody && v.type.time);
    };
    const index = new Map<Op, number>();
    groups.forEach((g, i) => {
      if (!("scan" in g)) for (const op of g.ops) index.set(op, i);
    });
    for (const op of ops) {
      if (op.op === "concat") this.place(op.results[0], !inBody && op.results[0].type.time);
      if (isView(op)) continue;
      const read = op.op === "scan" ? [...op.operands, ...captured(op.body!)] : op.operands;
      for (const v of read) {
        for (const s of sources(v, this.defs)) if (groupOf.get(s) !== index.get(op)) made(s);
      }
      if (isReduction(op) || op.op === "scatter" || (op.op === "dot" && !inlineDots(this.options.machine)))
        made(op.results[0]);
    }
  }

  /** Places what a kernel must store for its own later stages. */
  private temporaries(g: Group, inBody: boolean): void {
    const exported = new Set([...this.homes.keys()]);
    const { stored } = stages(g.ops, this.defs, exported, inlineDots(this.options.machine));
    for (const v of stored) this.place(v, !inBody && v.type.time);
  }

  private name(g: Group, where: string): string {
    const made = [...g.ops]
      .reverse()
      .flatMap((op) => op.results)
      .find((v) => this.homes.has(v) && v.name !== "");
    const hint = (made?.name ?? g.ops[g.ops.length - 1].op).replace(/[^A-Za-z0-9_]/g, "_");
    const base = `${this.options.entry}_${where}_${hint}`;
    const { counts } = this.common;
    const n = (counts.get(base) ?? 0) + 1;
    counts.set(base, n);
    return n === 1 ? base : `${base}_${n}`;
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
      return { kind: "input" };
    case "index":
      return { kind: "index", size: dim.evaluate(dim.parse(leaf.size), dims) };
    case "noise":
      return { kind: "noise", distribution: leaf.distribution, scale: leaf.scale };
    case "hyper":
      return { kind: "hyper" };
    default:
      throw new Error(`a ${leaf.kind} is not an input`);
  }
}
