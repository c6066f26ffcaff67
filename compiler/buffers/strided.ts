/** Materialised values, also through views that only change strides. */
import * as dim from "../ir/dim.ts";
import type { Op, Type, Value } from "../ir/types.ts";
import type { Allocation } from "./layout.ts";

/** A value in memory: its type, and strides by axis. */
export interface Strided {
  readonly allocation: Allocation;
  readonly type: Type;
}

/** `v` in memory, through views that only change strides; undefined if a view does more. */
export function strided(
  v: Value,
  allocationOf: (v: Value) => Allocation | undefined,
  defs: ReadonlyMap<Value, Op>,
  extent: (d: dim.Dim) => number,
): Strided | undefined {
  const own = allocationOf(v);
  if (own) return { allocation: own, type: v.type };
  const op = defs.get(v);
  if (!op) return undefined;
  const from = op.operands[0] && strided(op.operands[0], allocationOf, defs, extent);
  if (!from) return undefined;
  const { strides, quads } = from.allocation;
  if (quads && op.op !== "split") return undefined;
  switch (op.op) {
    case "split": {
      const part = extent(v.type.shape[op.attrs.axis]);
      const start = from.allocation.start + op.results.indexOf(v) * part * strides[op.attrs.axis];
      return { type: v.type, allocation: { ...from.allocation, start } };
    }
    case "slice": {
      const { axis, from: first } = op.attrs;
      const start = from.allocation.start + extent(dim.parse(first)) * strides[axis];
      return { type: v.type, allocation: { ...from.allocation, start } };
    }
    case "windows": {
      const { axis, stride, dilation } = op.attrs;
      const own = [strides[axis] * stride, strides[axis] * dilation];
      return { type: v.type, allocation: { ...from.allocation, strides: strides.toSpliced(axis, 1, ...own) } };
    }
    case "transpose":
      return { type: v.type, allocation: { ...from.allocation, strides: op.attrs.permutation.map((i) => strides[i]) } };
    case "broadcast": {
      const source = op.operands[0].type;
      if (source.time !== v.type.time || source.batch !== v.type.batch) return undefined;
      const lead = v.type.shape.length - source.shape.length;
      const wide = v.type.shape.map((_, i) => (i < lead || dim.isOne(source.shape[i - lead]) ? 0 : strides[i - lead]));
      return { type: v.type, allocation: { ...from.allocation, strides: wide } };
    }
    case "at": {
      const { frame } = from.allocation;
      if (from.allocation.steps || frame.kind !== "shifted" || frame.by < 0 || frame.by > 1) return undefined;
      if (op.attrs.step === "first")
        return frame.by === 0
          ? { type: v.type, allocation: { ...from.allocation, frame: { kind: "first" } } }
          : undefined;
      return { type: v.type, allocation: { ...from.allocation, frame: { kind: frame.by === 0 ? "last" : "behind" } } };
    }
    default:
      return undefined;
  }
}
