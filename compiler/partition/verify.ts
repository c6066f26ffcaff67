/** The rules that every partition obeys, checked in tests. */
import { InternalError } from "../diagnostics/internal-error.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import { isView } from "../ir/ops.ts";
import type { Op, Value } from "../ir/types.ts";
import type { Machine } from "../machine.ts";
import { captured } from "../passes/rewrite.ts";
import { keptOf } from "./chunks.ts";
import {
  isLoop,
  kernelsOf,
  type Partition,
  type PartitionedKernel,
  type PartitionedLoop,
  type PartitionedPiece,
} from "./partition.ts";
import { printPartition } from "./print.ts";
import { sources } from "./reads.ts";
import { storesItsResult } from "./stages.ts";

/**
 * Throws `InternalError`, with the partition's text, if it breaks a rule: every op with code of its own is in one kernel and in one
 * stage of it; what an op reads was computed by an earlier kernel, or by an earlier stage of the same one, or can be computed of such
 * where it is read; and what another kernel reads is materialised.
 */
export function verifyPartition(partition: Partition, machine: Machine): void {
  for (const piece of partition) {
    const fault = (message: string): never => {
      throw new InternalError(message, printPartition(piece.graph.name, [piece]));
    };
    new PieceVerifier(piece, machine, fault).run();
  }
}

/** The kernel that makes a value, its place in the order of kernels, and the stage. */
interface Made {
  readonly kernel: number;
  readonly stage: number;
  readonly stored: boolean;
}

class PieceVerifier {
  private readonly piece: PartitionedPiece;
  private readonly machine: Machine;
  private readonly fault: (message: string) => never;
  private readonly inMemory: ReadonlySet<Value>;
  private readonly made = new Map<Value, Made>();
  private kernels = 0;
  /** What the kernel at hand makes in this stage or in later ones. */
  private later = new Map<Value, Op>();

  constructor(piece: PartitionedPiece, machine: Machine, fault: (message: string) => never) {
    this.piece = piece;
    this.machine = machine;
    this.fault = fault;
    this.inMemory = valuesInMemory(piece);
  }

  run(): void {
    const { graph, units } = this.piece;
    const outside = units.filter((unit): unit is PartitionedKernel => !isLoop(unit));
    const starts = new Set(units.flatMap((unit) => (isLoop(unit) ? unit.initial : [])));
    this.once(
      graph.ops.filter((op) => !starts.has(op)),
      outside,
    );
    const loops = new Set(units.filter(isLoop).map(({ scan }) => scan as Op));
    for (const op of graph.ops) if (op.op === "scan" && !loops.has(op)) this.fault("a scan is not in the partition");
    for (const unit of units) {
      if (isLoop(unit)) {
        this.once([...unit.initial, ...unit.scan.body!.ops], unit.body);
        this.roles(unit);
        this.initial(unit);
        this.reads(unit.scan, this.kernels, 0);
      }
      for (const kernel of kernelsOf(unit)) this.kernel(kernel);
      if (isLoop(unit)) for (const v of unit.scan.results) this.made.set(v, this.makes(unit.scan, 0));
      this.kernels++;
    }
  }

  /** A loop in chunks has its kernels in order, and no other loop has such kernels. */
  private roles({ chunks, owner, body }: PartitionedLoop): void {
    if ((chunks === undefined) !== (owner !== "chunk")) this.fault(`a loop owned by ${owner} is or is not in chunks`);
    const found = body.flatMap(({ role }) => (role === undefined ? [] : [role]));
    const steps = body.findIndex(({ role }) => role === undefined);
    const sums = chunks?.states.some(({ kind }) => kind === "sum") ? ["finish"] : [];
    const wanted = chunks === undefined ? [] : ["reduce", "combine", ...sums];
    if (found.join() !== wanted.join() || (chunks !== undefined && steps !== 2))
      this.fault(`the kernels of a loop owned by ${owner} are not ${["its steps", ...wanted].join(", ")}`);
    if (body.some(({ role, ops }) => role !== undefined && ops.length > 0))
      this.fault("a kernel of a loop in chunks has ops of its own besides the steps");
  }

  /** What a loop's own kernel computes before its first step is made by it, of what other kernels made. */
  private initial({ owner, initial, body }: PartitionedLoop): void {
    const isOne = body.filter(({ role }) => role === undefined).length === 1;
    if (initial.length > 0 && !((owner === "element" || owner === "chunk") && isOne))
      this.fault(`a loop owned by ${owner} computes its initial states itself`);
    for (const op of initial) {
      this.reads(op, this.kernels, 0);
      for (const v of op.results) this.made.set(v, this.makes(op, 0));
    }
  }

  /** Checks that each op of a block is in one of `kernels`, and each kernel's ops in its stages. */
  private once(block: readonly Op[], kernels: readonly PartitionedKernel[]): void {
    const wanted = block.filter((op) => op.op !== "scan" && !isView(op));
    const found = kernels.flatMap(({ ops }) => ops);
    if (new Set(found).size !== found.length) this.fault("an op is in two kernels");
    for (const op of wanted) if (!found.includes(op)) this.fault(`${op.op} is in no kernel`);
    for (const op of found) if (!wanted.includes(op)) this.fault(`${op.op} is in a kernel of another block`);
    for (const { name, ops, stages } of kernels) {
      const staged = stages.flat();
      if (staged.length !== ops.length || ops.some((op) => !staged.includes(op)))
        this.fault(`the stages of ${name} do not have its ops once each`);
    }
  }

  private kernel({ stages }: PartitionedKernel): void {
    this.kernels++;
    this.later = new Map(stages.flat().flatMap((op) => op.results.map((v) => [v, op] as const)));
    stages.forEach((ops, stage) => {
      for (const op of ops) {
        this.reads(op, this.kernels, stage);
        for (const v of op.results) {
          this.made.set(v, this.makes(op, stage));
          this.later.delete(v);
        }
      }
    });
  }

  private makes(op: Op, stage: number): Made {
    return { kernel: this.kernels, stage, stored: op.op === "scan" || storesItsResult(op, this.machine) };
  }

  private reads(op: Op, kernel: number, stage: number): void {
    const { defs } = this.piece;
    const read = op.body ? [...op.operands, ...captured(op.body)] : op.operands;
    for (const v of read.flatMap((operand) => sources(operand, defs))) {
      const by = `${op.op} reads ${v.name || "a value"}`;
      const later = this.later.get(v);
      if (later !== undefined && isElementwise(later.op)) {
        this.reads(later, kernel, stage);
        continue;
      }
      const made = this.made.get(v) ?? this.fault(`${by} before it is made`);
      if (made.kernel !== kernel && !this.inMemory.has(v))
        this.fault(`${by} of another kernel, which is not in memory`);
      if (made.kernel === kernel && made.stored && made.stage >= stage) this.fault(`${by} in the stage that makes it`);
    }
  }
}

/** The values that a piece materialises, including the parts of joined values. */
export function valuesInMemory({ graph, defs, units, crossing }: PartitionedPiece): ReadonlySet<Value> {
  const found = new Set<Value>();
  const keep = (v: Value): void => {
    found.add(v);
    const op = defs.get(v);
    if (op?.op === "concat") for (const part of op.operands) keep(part);
  };
  for (const { value } of graph.results) keep(value);
  for (const v of crossing) keep(v);
  for (const unit of units) {
    for (const { temporaries } of kernelsOf(unit)) for (const v of temporaries) keep(v);
    if (!isLoop(unit)) continue;
    for (const v of unit.crossing) keep(v);
    if (unit.chunks) for (const v of keptOf(unit.chunks)) keep(v);
    const { body, operands, attrs, results } = unit.scan;
    for (const v of [...operands.slice(0, attrs.states), ...body!.results, ...results]) keep(v);
  }
  return found;
}
