/** Damage to JSON values, at a random place each. */
import type { Random } from "./random.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Path = readonly (string | number)[];

export interface Changed {
  readonly value: Json;
  /** The place, and what was changed there. */
  readonly path: Path;
  readonly what: string;
}

/** Values of every kind that JSON has, and numbers at the edges. */
const strangers: readonly Json[] = [
  ...[null, true, false, "", "x", "1", "__proto__", [], {}, [[]], [null], { a: 1 }],
  ...[0, 1, -1, 2, 3, 0.5, -0.5, 15, 16, 17, 64, 1024, 65536, 1e6, 2 ** 31, 2 ** 32, 2 ** 53, 1e18, 1e300, -1e9],
];

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !isList(value);

/** All places in a value, itself included. */
export function placesIn(value: Json, path: Path = []): readonly Path[] {
  const inside = isList(value)
    ? value.flatMap((item, at) => placesIn(item, [...path, at]))
    : isObject(value)
      ? Object.entries(value).flatMap(([key, item]) => placesIn(item, [...path, key]))
      : [];
  return [path, ...inside];
}

export const at = (value: Json, path: Path): Json =>
  path.reduce<Json>((inner, key) => (inner as { readonly [key: string | number]: Json })[key], value);

/** `value` with `change` applied at the place; undefined removes it. */
export function withAt(value: Json, path: Path, change: (old: Json) => Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return change(value) ?? null;
  const inner = (value as { readonly [key: string | number]: Json })[key];
  const changed = rest.length === 0 ? change(inner) : withAt(inner, rest, change);
  if (isList(value)) return changed === undefined ? value.toSpliced(Number(key), 1) : value.with(Number(key), changed);
  const entries = Object.entries(value as { readonly [key: string]: Json });
  return Object.fromEntries(
    entries.flatMap(([name, item]) => (name !== key ? [[name, item]] : changed === undefined ? [] : [[name, changed]])),
  );
}

/** A value with one change: another value or number, something missing, twice, in another order, or from elsewhere. */
export function changeJson(value: Json, random: Random): Changed {
  const places = placesIn(value).slice(1);
  if (places.length === 0) return { value: random.pick(strangers), path: [], what: "another value" };
  const path = random.pick(places);
  const change = random.pick(changes);
  const { what, made } = change(at(value, path), { value, places, random });
  return { value: withAt(value, path, () => made), path, what };
}

interface Around {
  readonly value: Json;
  readonly places: readonly Path[];
  readonly random: Random;
}

type Change = (old: Json, around: Around) => { readonly what: string; readonly made: Json | undefined };

const stranger: Change = (_, { random }) => ({ what: "another value", made: random.pick(strangers) });

const changes: readonly Change[] = [
  stranger,
  () => ({ what: "missing", made: undefined }),
  (old, around) => {
    if (typeof old !== "number") return stranger(old, around);
    const { random } = around;
    const by = random.pick([1, -1, 4, -4, 16, -16, 0.5]);
    return { what: `${by} more`, made: random.chance(0.7) ? old + by : random.pick([old * 2, old / 2, -old]) };
  },
  (old, around) => {
    if (!isList(old) || old.length === 0) return stranger(old, around);
    const which = around.random.below(old.length);
    return { what: "an item twice", made: old.toSpliced(which, 0, old[which]) };
  },
  (old, around) => {
    if (!isList(old) || old.length < 2) return stranger(old, around);
    const [a, b] = [around.random.below(old.length), around.random.below(old.length)];
    return { what: "two items changed about", made: old.with(a, old[b]).with(b, old[a]) };
  },
  // Sound values of the wrong place: of the same key elsewhere, else of any.
  (old, { value, places, random }) => {
    const others = places
      .map((path) => at(value, path))
      .filter((other) => typeof other === typeof old && other !== old);
    return { what: "a value from elsewhere", made: others.length === 0 ? null : random.pick(others) };
  },
];
