import type { Entry, HostRegion, Plan, Region, RegionName, Tensor } from "./plan.ts";

/** In the order of the bindings and of linear memory: regions of fixed size first, those that grow with the sequence last. */
export const hostRegions = ["param", "grad", "slot", "stat", "input", "work"] as const satisfies readonly HostRegion[];
export const regionNames = [
  "param",
  "grad",
  "slot",
  "stat",
  "input",
  "work",
  "half",
] as const satisfies readonly RegionName[];

/** Bytes of a float of a region. */
export const widthOf = (region: RegionName): 2 | 4 => (region === "half" ? 2 : 4);

/** `count` pieces of `length` floats in a region, the first at `offset`, each `stride` floats after the one before. */
export interface Range {
  readonly region: HostRegion;
  readonly offset: number;
  readonly length: number;
  readonly stride: number;
  readonly count: number;
}

/** Floats of a region for sequences of `steps` steps: its fixed part, `steps + 1` frames, and what is kept at segment borders. */
export function floatsOf({ fixed, frame, segment }: Region, steps: number): number {
  const kept = segment ? segment.border * (Math.ceil(steps / segment.length) + 1) : 0;
  return fixed + frame * (steps + 1) + kept;
}

/** How many floats each region needs for every entry to run `steps` steps. */
export function regionSizes(plan: Plan, steps: number): Record<RegionName, number> {
  const entries = Object.values(plan.entries);
  const largest = (name: RegionName) => Math.max(0, ...entries.map((entry) => floatsOf(entry.regions[name], steps)));
  return {
    param: largest("param"),
    grad: largest("grad"),
    slot: largest("slot"),
    stat: largest("stat"),
    input: largest("input"),
    work: largest("work"),
    half: largest("half"),
  };
}

/** A tensor's shape as the host sees it, with time or a statistic's steps in front: [T, B, …], [B, …] or [steps, …]. */
export function shapeOf(tensor: Tensor, steps: number): readonly number[] {
  if (tensor.time) return [steps, ...tensor.shape];
  return tensor.role.kind === "stat" ? [tensor.role.steps, ...tensor.shape] : tensor.shape;
}

/** The number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Where a tensor is stored; read piece after piece, it is contiguous in the order of `shapeOf`. */
export function rangeOf(tensor: Tensor, entry: Entry, steps: number): Range {
  const { region, offset } = tensor;
  const { fixed, frame } = entry.regions[region];
  if (!tensor.time) return fixedRange(tensor);
  const length = elementsOf(tensor.shape);
  if (length === frame) return whole(region, fixed + offset, length * steps);
  return { region, offset: fixed + offset, length, stride: frame, count: steps };
}

/** Where a tensor without time is stored, in the fixed part of its region. */
function fixedRange(tensor: Tensor): Range {
  const { region, offset, row, role, shape } = tensor;
  const length = elementsOf(shape);
  if (row !== undefined && role.kind === "stat") return { region, offset, length, stride: row, count: role.steps };
  return whole(region, offset, elementsOf(shapeOf(tensor, 0)));
}

/** The number of floats in a range, all pieces together. */
export function floatsIn(range: Range): number {
  return range.length * range.count;
}

/** One contiguous piece. */
export function whole(region: HostRegion, offset: number, length: number): Range {
  return { region, offset, length, stride: length, count: 1 };
}

/** A tensor that persists between runs and is saved: a parameter, an optimiser slot or a statistic. */
export interface Kept {
  /** `rnn/Wx`, `slot/m/rnn/Wx`, `rnn/hh/m`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly range: Range;
  /** The tensor itself, or the parameter a slot belongs to. */
  readonly tensor: Tensor;
  readonly kind: "param" | "slot" | "stat";
}

/** Everything that a plan keeps: parameters, then their slots, then statistics, each in the order of the plan. */
export function keptTensors(plan: Plan): readonly Kept[] {
  const parameters = new Map<string, Kept>();
  const slots = new Map<string, Kept>();
  const statistics = new Map<string, Kept>();
  for (const entry of Object.values(plan.entries)) {
    for (const tensor of entry.tensors) {
      const shape = shapeOf(tensor, 0);
      const length = elementsOf(shape);
      const { name } = tensor;
      if (tensor.role.kind === "stat") {
        statistics.set(name, { name, shape, tensor, kind: "stat", range: fixedRange(tensor) });
      } else if (tensor.role.kind === "param") {
        parameters.set(name, { name, shape, tensor, kind: "param", range: whole("param", tensor.offset, length) });
        if (tensor.role.constant) continue;
        const copy = entry.regions.slot.fixed / plan.slots.length;
        for (const [index, slot] of plan.slots.entries()) {
          const range = whole("slot", index * copy + tensor.offset, length);
          slots.set(`slot/${slot}/${name}`, { name: `slot/${slot}/${name}`, shape, tensor, kind: "slot", range });
        }
      }
    }
  }
  return [...parameters.values(), ...slots.values(), ...statistics.values()];
}
