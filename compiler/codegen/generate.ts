/** Code generation: the kernels of a partition whose buffers are assigned, and the commands that run them. */
import type { Command } from "../../runtime/plan.ts";
import type { Buffers } from "../buffers/buffers.ts";
import { type Clock, segmentClock, wholeClock } from "../buffers/layout.ts";
import type { Kernel } from "../kernel-ir/types.ts";
import { verifyLimits } from "../kernel-ir/verify.ts";
import type { Machine } from "../machine.ts";
import {
  isLoop,
  kernelsOf,
  type Partition,
  type PartitionedKernel,
  type PartitionedLoop,
  type PartitionedPiece,
  type Unit,
} from "../partition/partition.ts";
import { generateKernel } from "./kernel.ts";
import type { KernelLoop } from "./kernel-input.ts";

export interface GenerateOptions {
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
}

/** A kernel, and the part of the graph that it computes. */
export interface GeneratedKernel {
  readonly kernel: Kernel;
  readonly part: PartitionedKernel;
}

/** Writes each kernel when it is first asked for: what a loop costs is asked of its own kernels alone. */
export class Generator {
  private readonly partition: Partition;
  private readonly buffers: Buffers;
  private readonly options: GenerateOptions;
  private readonly written = new Map<PartitionedKernel, Kernel>();

  constructor(partition: Partition, buffers: Buffers, options: GenerateOptions) {
    this.partition = partition;
    this.buffers = buffers;
    this.options = options;
  }

  /** The kernels of each loop over the steps, in order. */
  loopKernels(): readonly (readonly Kernel[])[] {
    return this.partition.flatMap((piece, at) =>
      piece.units.filter(isLoop).map((unit) => unit.body.map((k) => this.kernel(at, unit, k))),
    );
  }

  /** All kernels. Throws `KernelError` for one that asks for more than the machine has. */
  kernels(): readonly GeneratedKernel[] {
    const all = this.partition.flatMap((piece, at) =>
      piece.units.flatMap((unit) => kernelsOf(unit).map((part) => ({ part, kernel: this.kernel(at, unit, part) }))),
    );
    for (const { kernel } of all) verifyLimits(kernel, this.options.machine);
    return all;
  }

  commands(): readonly Command[] {
    const { length } = this.buffers.layout;
    return this.partition.flatMap((piece, at): readonly Command[] => {
      const commands = piece.units.flatMap((unit) => this.command(at, unit));
      if (piece.loop === undefined) return commands;
      return [{ do: "segments", length: length!, reverse: piece.loop === "backward", commands }];
    });
  }

  private command(at: number, unit: Unit): readonly Command[] {
    const dispatches = kernelsOf(unit).map((part): Command => {
      const { name, grid } = this.kernel(at, unit, part);
      return { do: "dispatch", kernel: name, grid };
    });
    if (!isLoop(unit) || unit.owner !== "column") return dispatches;
    return [{ do: "steps", reverse: unit.scan.attrs.reverse, commands: dispatches }];
  }

  private kernel(at: number, unit: Unit, part: PartitionedKernel): Kernel {
    const kernel = this.written.get(part) ?? this.write(at, unit, part);
    this.written.set(part, kernel);
    return kernel;
  }

  private write(at: number, unit: Unit, kernel: PartitionedKernel): Kernel {
    const piece = this.partition[at];
    const loop = isLoop(unit) && unit.owner !== "column" ? this.loop(unit) : undefined;
    const layout = this.buffers.layout.addresses(this.clock(piece, kernel.inBody && loop === undefined));
    const allocations = this.buffers.allocations[at];
    return generateKernel({ kernel, defs: piece.defs, ...this.options, layout, allocations, ...(loop && { loop }) });
  }

  private loop({ scan, owner, initial, chunks }: PartitionedLoop): KernelLoop {
    const { reverse } = scan.attrs;
    if (owner !== "element" && owner !== "chunk") return { reverse };
    return { reverse, elements: { scan, initial, ...(chunks && { chunks }) } };
  }

  /** How a kernel counts steps; `stepwise`: it is started for each. */
  private clock({ loop }: PartitionedPiece, stepwise: boolean): Clock {
    const { length } = this.buffers.layout;
    return loop !== undefined && length !== undefined ? segmentClock(length, stepwise) : wholeClock;
  }
}
