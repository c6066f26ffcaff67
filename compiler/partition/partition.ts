/**
 * The partition of a graph: which ops share a kernel, which owner each kernel has, in which stages it runs, and which values are
 * materialised. It does not say where in memory: that is buffer assignment (`buffers/`).
 */

import { InternalError } from "../diagnostics/internal-error.ts";
import { isView } from "../ir/ops.ts";
import type { Graph, Op, OpOf, Type, Value } from "../ir/types.ts";
import { joinsInMemory, type Machine } from "../machine.ts";
import { overwriting } from "../passes/overwriting.ts";
import { captured, definitions, idsAfter, reads } from "../passes/rewrite.ts";
import type { Piece } from "../passes/segment.ts";
import { type ChunkRole, type Chunks, chunksOf } from "./chunks.ts";
import { type FusionGroup, fuse, type Owner } from "./fusion.ts";
import { stageRefusal } from "./kernel-limits.ts";
import { type LoopOwner, loopKernel } from "./loop-owner.ts";
import { directionOf } from "./loop-strategy.ts";
import { sources } from "./reads.ts";
import { stages, storesItsResult } from "./stages.ts";

/** Ops that one kernel computes. */
export interface PartitionedKernel {
  readonly name: string;
  readonly ops: readonly Op[];
  readonly owner: Owner;
  /** What its loops run over. */
  readonly space: Type;
  /** Its ops in order, with a barrier between two stages. */
  readonly stages: readonly (readonly Op[])[];
  /** Values materialised only for its own later stages. */
  readonly temporaries: readonly Value[];
  readonly inBody: boolean;
  /** Of a loop in chunks: what it does, if it does not run their steps. It then has no ops of its own. */
  readonly role?: ChunkRole;
}

/** A loop over the steps: kernels that are dispatched for each step, or a single one that contains the loop. */
export interface PartitionedLoop {
  readonly scan: OpOf<"scan">;
  readonly owner: LoopOwner;
  readonly body: readonly PartitionedKernel[];
  /** Values that one kernel of the body computes and another reads. */
  readonly crossing: readonly Value[];
  /** The ops that give the states their initial values, if the kernel computes them before its first step. */
  readonly initial: readonly Op[];
  /** If its steps are taken in chunks. */
  readonly chunks?: Chunks;
}

export type Unit = PartitionedKernel | PartitionedLoop;

export const isLoop = (unit: Unit): unit is PartitionedLoop => "scan" in unit;

/** The kernels of a unit. */
export const kernelsOf = (unit: Unit): readonly PartitionedKernel[] => (isLoop(unit) ? unit.body : [unit]);

/** Runs once, or once for each segment of the sequence. */
export interface PartitionedPiece {
  readonly graph: Graph;
  readonly loop: Piece["loop"];
  /** Includes parameters of bodies that are computed in the body: see `putInputs`. */
  readonly defs: ReadonlyMap<Value, Op>;
  readonly units: readonly Unit[];
  /** Values outside loops that one kernel computes and another reads. */
  readonly crossing: readonly Value[];
}

export type Partition = readonly PartitionedPiece[];

export interface PartitionOptions {
  /** Entry point, for names. */
  readonly entry: string;
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
  /** Who owns each loop over the steps. */
  readonly owners: ReadonlyMap<Op, LoopOwner>;
}

/** The partition of an entry's pieces. Throws if no workgroup can own a loop as asked. */
export function partition(pieces: readonly Piece[], options: PartitionOptions): Partition {
  const taken = new Set<string>();
  return pieces.map((piece) => new PiecePartition(piece, options, taken).run());
}

class PiecePartition {
  private readonly piece: Piece;
  private readonly options: PartitionOptions;
  /** The number of uses of each kernel name. */
  private readonly taken: Set<string>;
  private readonly defs: ReadonlyMap<Value, Op>;
  private readonly inMemory = new Set<Value>();
  /** Copies that the kernels of loops compute before their first steps. */
  private readonly initial: ReadonlyMap<Op, readonly Op[]>;

  constructor(piece: Piece, options: PartitionOptions, taken: Set<string>) {
    this.piece = piece;
    this.options = options;
    this.taken = taken;
    this.defs = new Map([...definitions(piece.graph.ops), ...putInputs(piece.graph)]);
    this.initial = new Map(
      piece.graph.ops.flatMap((op) => (op.op === "scan" ? [[op, this.startsOf(op)] as const] : [])),
    );
  }

  /** The copies that only give the states of a loop their initial values, if a lane owns these from the first step to the last. */
  private startsOf(scan: OpOf<"scan">): readonly Op[] {
    const owner = this.options.owners.get(scan);
    if (owner !== "element" && owner !== "chunk") return [];
    const { ops, results } = this.piece.graph;
    return scan.operands.slice(0, scan.attrs.states).flatMap((v) => {
      const made = this.defs.get(v);
      const isElsewhere = ops.some((op) => op !== scan && reads(op).includes(v));
      return made?.op === "copy" && !isElsewhere && results.every(({ value }) => value !== v) ? [made] : [];
    });
  }

  run(): PartitionedPiece {
    const { graph, loop } = this.piece;
    const { defs } = this;
    for (const { value } of graph.results) this.keep(value);
    for (const op of graph.ops) if (op.op === "scan") this.keepStates(op);
    const { machine } = this.options;
    const results = graph.results.map(({ value }) => value);
    const starts = new Set([...this.initial.values()].flat());
    const ops = graph.ops.filter((op) => !starts.has(op));
    const { groups } = fuse({ ops, results, defs, machine }, overwriting(graph));
    const crossing = this.crossing(graph.ops, groups);
    const units = groups.map((g) => ("scan" in g ? this.loop(g.scan as OpOf<"scan">) : this.kernel(g, false, "all")));
    return { graph, loop, defs, units, crossing };
  }

  /** Materialises `v`; the parts of a joined value are stored in it. */
  private keep(v: Value): void {
    this.inMemory.add(v);
    const op = this.defs.get(v);
    if (op?.op === "concat") for (const part of op.operands) this.keep(part);
  }

  /** Materialises a loop's states, inputs and outputs. */
  private keepStates(scan: OpOf<"scan">): void {
    const { params, results } = scan.body!;
    const states = scan.operands.slice(0, scan.attrs.states);
    for (const v of [...states, ...params.filter((p) => !this.defs.has(p)), ...results, ...scan.results]) this.keep(v);
  }

  private loop(scan: OpOf<"scan">): PartitionedLoop {
    const body = scan.body!;
    const owner = this.options.owners.get(scan)!;
    const { defs } = this;
    const { machine } = this.options;
    const one = owner === "column" ? undefined : loopKernel(scan, owner, defs, machine);
    if (one && "refused" in one) throw new Error(`no workgroup can own a loop as ${owner}: ${one.refused}`);
    const groups = one ? [one] : fuse({ ...body, defs, machine }).groups.map((g) => g as FusionGroup);
    const crossing = this.crossing(body.ops, groups);
    const direction = directionOf(scan);
    const initial = this.initial.get(scan)!;
    if (one && (owner === "element" || owner === "chunk")) {
      const kernel = this.elements(one, initial, direction);
      if (owner === "element") return { scan, owner, crossing, initial, body: [kernel] };
      const ids = idsAfter(this.piece.graph);
      const chunks = chunksOf(scan, defs, machine, this.options.dims, () => ids.next())!;
      return { scan, owner, crossing, initial, chunks, body: this.inChunks(kernel, chunks) };
    }
    return { scan, owner, crossing, initial, body: groups.map((g) => this.kernel(g, true, direction)) };
  }

  /** Values that one kernel of a block computes and another reads, and values that no kernel can compute where they are used. */
  private crossing(ops: readonly Op[], groups: readonly (FusionGroup | { readonly scan: Op })[]): readonly Value[] {
    const found: Value[] = [];
    const groupOf = new Map<Value, number>();
    const index = new Map<Op, number>();
    groups.forEach((g, i) => {
      if ("scan" in g) index.set(g.scan, i);
      for (const op of "scan" in g ? (this.initial.get(g.scan) ?? []) : g.ops) {
        index.set(op, i);
        for (const r of op.results) groupOf.set(r, i);
      }
    });
    const keep = (v: Value): void => {
      found.push(v);
      this.keep(v);
    };
    for (const op of ops) {
      if (op.op === "concat" && joinsInMemory(this.options.machine)) keep(op.results[0]);
      if (isView(op)) continue;
      const read = op.op === "scan" ? [...op.operands, ...captured(op.body!)] : op.operands;
      for (const s of read.flatMap((v) => sources(v, this.defs)))
        if (groupOf.has(s) && groupOf.get(s) !== index.get(op)) keep(s);
      if (groupOf.has(op.results[0]) && storesItsResult(op, this.options.machine)) keep(op.results[0]);
    }
    return found;
  }

  /** The kernel of a loop whose lanes own single elements: nothing is stored for later stages, which there are none of. */
  private elements({ ops, space }: FusionGroup, initial: readonly Op[], where: string): PartitionedKernel {
    const all = [...initial, ...ops];
    const name = this.name(ops, where);
    return { name, ops: all, owner: "element", space, stages: [all], temporaries: [], inBody: true };
  }

  /** The kernels of a loop in chunks, in order. */
  private inChunks(kernel: PartitionedKernel, { states }: Chunks): readonly PartitionedKernel[] {
    const other = (role: ChunkRole): PartitionedKernel => {
      const name = this.unique(`${kernel.name}_${role}`);
      return { ...kernel, name, role, ops: [], stages: [] };
    };
    const hasSums = states.some(({ kind }) => kind === "sum");
    return [other("reduce"), other("combine"), kernel, ...(hasSums ? [other("finish")] : [])];
  }

  private kernel({ ops, owners, space }: FusionGroup, inBody: boolean, where: string): PartitionedKernel {
    const { machine } = this.options;
    const temporaries = [...stages(ops, this.defs, this.inMemory, machine).stored];
    for (const v of temporaries) this.keep(v);
    // Values that turn out to be stored need not be recomputed: order the stages again, now that this is known.
    const order = stages(ops, this.defs, this.inMemory, machine).stages;
    const name = this.name(ops, where);
    const refused = stageRefusal(order.length, machine);
    if (refused !== undefined) throw new InternalError(`${name} cannot be one kernel: ${refused}`);
    return { name, ops, owner: owners[0], space, stages: order, temporaries, inBody };
  }

  private name(ops: readonly Op[], where: string): string {
    const made = ops
      .toReversed()
      .flatMap((op) => op.results)
      .find((v) => this.inMemory.has(v) && v.name !== "");
    const hint = (made?.name ?? ops[ops.length - 1].op).replace(/[^A-Za-z0-9_]/g, "_");
    return this.unique(`${this.options.entry}_${where}_${hint}`);
  }

  private unique(base: string): string {
    // A value may itself be called `h_2`.
    let name = base;
    for (let n = 2; this.taken.has(name); n++) name = `${base}_${n}`;
    this.taken.add(name);
    return name;
  }
}

/** An input that is zero at all steps but one need not be materialised: a body computes its step of it. */
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
