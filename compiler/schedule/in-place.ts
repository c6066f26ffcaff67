/**
 * Which buffer may stand where another does because one kernel turns the one into the other, element by element.
 *
 * A kernel reads a buffer for the last time and writes another of the same size: centred values for products, or cotangents for
 * what was saved. Where each element is read before that very element is written, by the same lane or a barrier earlier, both
 * can have one place. Only half as much memory is then touched, and it is in the cache already.
 */
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/elementwise.ts";
import { sameType } from "../ir/type.ts";
import type { Op, Value } from "../ir/types.ts";
import { isView } from "../ir/views.ts";
import { compareMoments, type Life } from "./arena.ts";
import { type Group, isPivot, ownsPivot } from "./group.ts";
import { inlineDots } from "./kernel.ts";
import type { Machine } from "./kernel-ir.ts";
import type { Buffer, Home, Replacement } from "./layout.ts";
import { accesses } from "./lifetimes.ts";
import { isReduction, stages } from "./stages.ts";

export interface Kernels {
  /** Of each kernel, and whether it goes through all steps itself. */
  readonly kernels: readonly { readonly group: Group; readonly loops: boolean }[];
  readonly lives: ReadonlyMap<Buffer, Life>;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly homes: ReadonlyMap<Value, readonly Home[]>;
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
}

/** What may stand where something else does: each buffer at most once on either side. */
export function replacements({ kernels, lives, defs, homes, dims, machine }: Kernels): readonly Replacement[] {
  const found: Replacement[] = [];
  for (const { group, loops } of kernels) {
    // Of what examples have in common there is little.
    const results = group.ops.flatMap((op) => op.results).filter(({ type }) => type.batch);
    const written = new Set(results.flatMap((v) => (homes.get(v) ?? []).map(({ buffer }) => buffer)));
    const touched = new Set<Buffer>();
    accesses(group.ops, homes, defs, ({ buffer }) => touched.add(buffer));
    // What a loop finds before it, every step of it reads.
    const once = [...touched].filter((b) => !loops || b.time || written.has(b));
    const pairs = [...written].flatMap((to) =>
      once.filter((from) => alike(from, to, lives)).map((from) => ({ from, to })),
    );
    if (pairs.length === 0) continue;
    const stageOf = new Map<Value, number>();
    stages(group.ops, defs, new Set(homes.keys()), inlineDots(machine)).stages.forEach((ops, at) => {
      for (const op of ops) for (const v of op.results) stageOf.set(v, at);
    });
    const around = { group, stageOf, defs, homes, dims, inOrder: machine.lanes === 1 };
    for (const { from, to } of pairs) {
      if (found.some((r) => r.from === from || r.to === to)) continue;
      if (mayReplace(from, to, around)) found.push({ from, to });
    }
  }
  return found;
}

/** Whether both have room for the same, and the kernel that reads the one for the last time is the first to write the other. */
function alike(from: Buffer, to: Buffer, lives: ReadonlyMap<Buffer, Life>): boolean {
  return (
    from !== to &&
    from.size === to.size &&
    [from, to].every(({ region, ring }) => (region === "work" || region === "half") && ring === undefined) &&
    from.span === to.span &&
    from.time === to.time &&
    compareMoments(lives.get(from)!.to, lives.get(to)!.from) === 0
  );
}

interface Surroundings {
  readonly group: Group;
  readonly stageOf: ReadonlyMap<Value, number>;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly homes: ReadonlyMap<Value, readonly Home[]>;
  readonly dims: Readonly<Record<string, number>>;
  /** Whether a stage's sums are taken before it stores anything else: one lane does one thing after another. */
  readonly inOrder: boolean;
}

/** An elementwise value that is stored, or a part of one. */
interface Written {
  readonly value: Value;
  readonly home: Home;
  readonly stage: number;
}

/** Whether what a kernel writes to `to` may stand where it finds `from`, which nobody reads afterwards. */
function mayReplace(from: Buffer, to: Buffer, kernel: Surroundings): boolean {
  const { group, stageOf, homes, defs, inOrder } = kernel;
  const written = group.ops.flatMap((op) =>
    op.results.flatMap((value) =>
      (homes.get(value) ?? [])
        .filter(({ buffer }) => buffer === to)
        .map((home): Written => ({ value, home, stage: stageOf.get(value)! })),
    ),
  );
  /** By where they begin: parts of one type do not overlap. */
  const parts = new Map(written.map((part) => [part.home.start, part]));
  const [{ value: first }] = written;
  const { type } = first;
  if (parts.size < written.length) return false;
  if (!written.every(({ value }) => isElementwise(defs.get(value)!.op) && sameType(value.type, type))) return false;
  const earliest = Math.min(...written.map(({ stage }) => stage));

  return group.ops.every((op) =>
    op.results.every((result) => {
      const stage = stageOf.get(result)!;
      const stored = homes.get(result);
      if (stored?.some(({ buffer }) => buffer === from) && stage >= earliest) return false;
      const isPoint = isElementwise(op.op);
      if (isPoint && stored === undefined) return true;
      const reads = op.operands.flatMap((v) => readsOf(from, v, stage, kernel));
      if (reads.length === 0) return true;
      const others = reads.some((read) => read === "elsewhere" || !read.first);
      if (isPoint ? others && !sameType(result.type, type) : !isReduction(op) || op.op === "argmax") return false;
      return reads.every((read) => {
        if (read === "elsewhere" || !sameType(read.value.type, type)) return false;
        const part = parts.get(read.home.start);
        if (part === undefined || !isAligned(read.home, part.home)) return false;
        // The first of several elements is written before the others have read it.
        return stage < part.stage || (stage === part.stage && (isPoint ? !read.first : inOrder));
      });
    }),
  );
}

/** Whether the same element of the same step stands in the same place of two buffers, or of two parts that begin alike. */
const isAligned = (a: Home, b: Home): boolean =>
  a.frame.kind === "shifted" &&
  b.frame.kind === "shifted" &&
  a.frame.by === b.frame.by &&
  a.batch === b.batch &&
  a.strides.length === b.strides.length &&
  a.strides.every((stride, i) => stride === b.strides[i]);

interface Read {
  /** The value as it is used: all that stands in a home, or one of the parts that it is split in. */
  readonly value: Value;
  readonly home: Home;
  /** Of what the workgroup owns, the first along some axes. */
  readonly first: boolean;
}

/** What computing `v` in stage `stage` loads from `buffer`; `elsewhere` for other elements than the one that is computed. */
function readsOf(
  buffer: Buffer,
  v: Value,
  stage: number,
  { group, stageOf, defs, homes, dims }: Surroundings,
): readonly (Read | "elsewhere")[] {
  const seen = new Set<Value>();
  const visit = (u: Value): readonly (Read | "elsewhere")[] => {
    if (seen.has(u)) return [];
    seen.add(u);
    const home = homes.get(u)?.[0];
    const made = stageOf.get(u);
    if (home !== undefined && (made === undefined || made < stage))
      return home.buffer === buffer ? [{ value: u, home, first: false }] : [];
    const op = defs.get(u);
    if (op === undefined || !(isElementwise(op.op) || isView(op))) return [];
    if (op.op === "split") {
      const [whole] = op.operands;
      const { axis } = op.attrs;
      const from = homes.get(whole)?.[0];
      if (from?.buffer === buffer && axis === u.type.shape.length - 1) {
        const start = from.start + op.results.indexOf(u) * dim.evaluate(u.type.shape[axis], dims) * from.strides[axis];
        return [{ value: u, home: { ...from, start }, first: false }];
      }
    }
    const reads = op.operands.flatMap(visit);
    if (isPivot(op) && ownsPivot(group.owners[0], op))
      return reads.map((read) => (read === "elsewhere" ? read : { ...read, first: true }));
    return isElementwise(op.op) ? reads : reads.map(() => "elsewhere");
  };
  return visit(v);
}
