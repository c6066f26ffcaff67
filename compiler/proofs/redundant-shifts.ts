/**
 * Redundant shifts: parameters that reach the loss only through sums with another parameter, so that only their total matters.
 *
 * A parameter is followed through sums, differences, and the parts of `split`, as long as nothing else reads the result. Parameters
 * that end in the same value are addends of one sum.
 */
import * as dim from "../ir/dim.ts";
import { isTrained } from "../ir/trained.ts";
import type { Graph, Op, Value } from "../ir/types.ts";

/** A parameter, or a part of it, that is added to a value. */
interface Addend {
  /** The name of the parameter. */
  readonly name: string;
  readonly shape: readonly dim.Dim[];
}

/** For each parameter of `graph` that only sums read, the groups of addends in which it, or each of its parts, ends. */
function addendGroups({ ops, results }: Graph): ReadonlyMap<string, readonly (readonly Addend[])[]> {
  const uses = new Map<Value, number>();
  const use = (v: Value): unknown => uses.set(v, (uses.get(v) ?? 0) + 1);
  const count = (op: Op): void => {
    op.operands.forEach(use);
    op.body?.ops.forEach(count);
    op.body?.results.forEach(use);
  };
  ops.forEach(count);
  for (const r of results) use(r.value);

  const addends = new Map<Value, readonly Addend[]>();
  const ended = new Map<Value, readonly Addend[]>();
  const of = (v: Value): readonly Addend[] => addends.get(v) ?? [];
  const passes = (v: Value): boolean => uses.get(v) === 1;
  const end = (v: Value): void => {
    if (of(v).length > 0) ended.set(v, of(v));
  };
  const visit = (op: Op): void => {
    if (op.op === "leaf" && isTrained(op.attrs.leaf))
      addends.set(op.results[0], [{ name: op.attrs.leaf.name, shape: op.attrs.type.shape }]);
    if (op.op === "scan") {
      const { states } = op.attrs;
      op.operands.forEach((v, i) => {
        if (i >= states && passes(v)) addends.set(op.body!.params[i], of(v));
        else end(v);
      });
      op.body!.ops.forEach(visit);
      op.body!.results.forEach(end);
      return;
    }
    const adds = op.op === "add" || op.op === "sub" || op.op === "neg" || op.op === "broadcast";
    if (adds) {
      const whole = op.operands.flatMap((v) => (passes(v) ? of(v) : []));
      if (whole.length > 0) addends.set(op.results[0], whole);
    }
    const { axis, parts } = op.op === "split" ? op.attrs : { axis: -1, parts: 0 };
    const last = axis >= 0 && axis === op.operands[0].type.shape.length - 1 && passes(op.operands[0]);
    if (last) {
      for (const r of op.results)
        addends.set(
          r,
          of(op.operands[0]).map((a) => ({ ...a, shape: partOf(a.shape, parts) })),
        );
    }
    for (const v of op.operands) if (!(passes(v) && (adds || last))) end(v);
  };
  ops.forEach(visit);
  for (const r of results) end(r.value);

  const byName = new Map<string, (readonly Addend[])[]>();
  for (const group of ended.values())
    for (const { name } of group) byName.set(name, [...(byName.get(name) ?? []), group]);
  return byName;
}

/** A part of an addend's last axis; an addend that is broadcast along it stays as it is. */
const partOf = (shape: readonly dim.Dim[], parts: number): readonly dim.Dim[] =>
  shape.map((d, i) => (i === shape.length - 1 && !dim.isOne(d) ? dim.divide(d, dim.constant(parts))! : d));

/** Whether an addend of shape `a` can replace one of shape `b`: it is not broadcast along an axis where that one is not. */
function covers(a: readonly dim.Dim[], b: readonly dim.Dim[]): boolean {
  return b.every((d, i) => {
    const own = a[i - b.length + a.length];
    return dim.isOne(d) || (own !== undefined && dim.equal(own, d));
  });
}

export interface RedundantShift {
  readonly name: string;
  /** The parameters that can replace it. */
  readonly beside: readonly string[];
}

/**
 * Parameters among `candidates`, in order, that others can replace: each of their parts is added to a part of another parameter that
 * is as large. A parameter found redundant does not replace any other.
 */
export function redundantShifts(graph: Graph, candidates: (name: string) => boolean): readonly RedundantShift[] {
  const found: RedundantShift[] = [];
  const gone = new Set<string>();
  for (const [name, groups] of addendGroups(graph)) {
    if (!candidates(name)) continue;
    const others = groups.map((group) => {
      const own = group.filter((a) => a.name === name);
      return group.filter(
        (a) => a.name !== name && !gone.has(a.name) && own.every((part) => covers(a.shape, part.shape)),
      );
    });
    if (others.some((group) => group.length === 0)) continue;
    gone.add(name);
    found.push({ name, beside: [...new Set(others.flat().map((a) => a.name))] });
  }
  return found;
}
