/** What the pieces of a graph compute together, by the reference. */
import { interpret } from "../../compiler/ir/interpret.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import type { Leaf, Type } from "../../compiler/ir/types.ts";
import type { Piece, Segmented } from "../../compiler/passes/segment.ts";
import type { Leaves } from "./meaning.ts";

/** Every result but carries, keyed as `interpret` keys them, for segments of `length` steps. */
export function runPieces(
  { pieces, carries, cotangents }: Segmented,
  length: number,
  { dims, leaves }: { readonly dims: Bindings; readonly leaves: Leaves },
): ReadonlyMap<string, Float64Array> {
  const T = dims.time;
  const segments = Math.ceil(T / length);
  const found = new Map<string, Float64Array>();
  /** By name; of what is kept at borders by name and border. */
  const carried = new Map<string, Float64Array>();
  const isHanded = (kind: string): boolean => kind === "carry" || kind === "cotangent";
  const isKept = (kind: string, name: string): boolean =>
    (kind === "carry" ? carries : cotangents).get(name) === "borders";

  const run = (piece: Piece, segment: number | undefined): void => {
    const from = (segment ?? 0) * length;
    const steps = segment === undefined ? T : Math.min(length, T - from);
    const own = { ...dims, time: steps, sequence: T };
    const cut = (data: ArrayLike<number>, type: Type): Float64Array => {
      const all = Float64Array.from(data);
      const row = count(extents({ ...type, time: false }, own));
      return type.time ? all.slice(from * row, (from + steps) * row) : all;
    };
    const border = segment === undefined ? segments : segment;
    const leaf = (name: string, { kind }: Leaf, type: Type): ArrayLike<number> => {
      if (kind === "gradient") return found.get(`grad:${name}`)!;
      if (!isHanded(kind)) return cut(leaves[name], type);
      const key = `${kind}:${name}`;
      return cut(carried.get(isKept(kind, name) ? `${key}@${border}` : key)!, type);
    };
    const results = interpret(piece.graph, { dims: own, leaf });
    const keep = (map: Map<string, Float64Array>, key: string, data: Float64Array, time: boolean): void => {
      const before = map.get(key);
      if (!time || before === undefined || segment === undefined) {
        const whole = new Float64Array(time ? (data.length / steps) * T : data.length);
        whole.set(data, time ? (from * data.length) / steps : 0);
        map.set(key, whole);
      } else before.set(data, (from * data.length) / steps);
    };
    for (const { kind, name, value } of piece.graph.results) {
      const { data } = results.get(`${kind}:${name}`)!;
      const key = `${kind}:${name}`;
      if (!isHanded(kind)) keep(found, key, data, value.type.time);
      else if (!isKept(kind, name)) keep(carried, key, data, value.type.time);
      else carried.set(`${key}@${segment === undefined ? 0 : segment + 1}`, data);
    }
  };
  for (const piece of pieces) {
    if (piece.loop === undefined) run(piece, undefined);
    else for (let k = 0; k < segments; k++) run(piece, piece.loop === "forward" ? k : segments - 1 - k);
  }
  return found;
}
