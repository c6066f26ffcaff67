/**
 * A linear loop whose steps are taken in chunks, side by side: where there are few units, each step of which waits for the one before, most
 * of a machine would have nothing to do. A chunk of steps does to a linear state h what one step does: it makes a h + b of it. So
 *
 * 1. `reduce`: for each chunk, its a and b;
 * 2. `combine`: from the loop's first state, the first state of each chunk in turn;
 * 3. the loop itself, each chunk from its first state;
 * 4. `finish`: sums over the steps, from the chunks' own sums, if there are any.
 */
import * as dim from "../ir/dim.ts";
import type { Op, OpOf, Type, Value } from "../ir/types.ts";
import { invocationsOf, type Machine } from "../machine.ts";
import { type ChunkedState, chunkedStates } from "../passes/linear-states.ts";

/** What a kernel of a loop in chunks does, besides the one that runs the chunks' steps. */
export type ChunkRole = "reduce" | "combine" | "finish";

/** A loop whose steps are taken in chunks. */
export interface Chunks {
  readonly count: number;
  readonly states: readonly Chunked[];
}

/** A state, and what is kept of each chunk, [chunks, batch, …]. */
export type Chunked =
  /** `factor` is overwritten by the chunk's first state. */
  | (Extract<ChunkedState, { kind: "linear" }> & { readonly factor: Value; readonly offset: Value })
  | { readonly kind: "sum"; readonly partial: Value };

/** What is kept of each chunk. */
export const keptOf = ({ states }: Chunks): readonly Value[] =>
  states.flatMap((state) => (state.kind === "linear" ? [state.factor, state.offset] : [state.partial]));

/** More chunks would each have few steps, and their pairs are combined one after another. */
const MOST = 64;

/** Why a loop cannot be taken in chunks; undefined if it can. */
export function refusalOfChunks(
  scan: OpOf<"scan">,
  defs: ReadonlyMap<Value, Op>,
  { unit, name }: Machine,
): string | undefined {
  // A few threads find units enough.
  if (unit.kind !== "workgroup") return `${name} has no lanes to fill`;
  const states = chunkedStates(scan, defs);
  return "refused" in states ? states.refused : undefined;
}

/**
 * Why a loop is not taken in chunks unless it is asked for: a product of many coefficients that exceed 1 overflows where the state, being
 * small, would not. Undefined if there is no reason.
 */
export function reservation(scan: OpOf<"scan">, defs: ReadonlyMap<Value, Op>): string | undefined {
  const states = chunkedStates(scan, defs);
  if ("refused" in states) return undefined;
  const large = states.flatMap((state) => (state.kind === "linear" && state.large !== undefined ? [state.large] : []));
  return large.length === 0 ? undefined : `\`${large[0]}\` may exceed 1: only if asked for`;
}

/** The chunks of a loop, as many as fill the machine; undefined if it cannot be taken in chunks. */
export function chunksOf(
  scan: OpOf<"scan">,
  defs: ReadonlyMap<Value, Op>,
  machine: Machine,
  dims: Readonly<Record<string, number>>,
  id: () => number,
): Chunks | undefined {
  const states = chunkedStates(scan, defs);
  if ("refused" in states) return undefined;
  const { type } = scan.body!.params[0];
  const units = type.shape.reduce((n, d) => n * dim.evaluate(d, dims), dims.batch);
  const workgroups = Math.ceil(units / invocationsOf(machine));
  const count = Math.min(MOST, Math.max(2, Math.floor(machine.rates.units / workgroups)));
  const each: Type = { ...type, shape: [dim.constant(count), ...type.shape] };
  const value = (name: string): Value => ({ id: id(), type: each, name });
  return {
    count,
    states: states.map((state, i): Chunked => {
      const name = scan.body!.params[i].name || "sum";
      if (state.kind === "sum") return { kind: "sum", partial: value(`${name}_partial`) };
      return { ...state, factor: value(`${name}_factor`), offset: value(`${name}_offset`) };
    }),
  };
}
