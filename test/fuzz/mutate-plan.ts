/** Plans as they might come back from an editor, a broken copy or another program: one thing in them is not what it was. */
import type { Plan } from "../../runtime/plan.ts";

export interface Mutation {
  /** What was done where: `entries.train.tensors[3].offset: 16 becomes 17`. */
  readonly what: string;
  /** A plan of its own, as JSON gives it; it need not be one any more. */
  readonly plan: unknown;
}

type Path = readonly (string | number)[];
type Node = { [key: string]: unknown };

const regions = ["param", "grad", "slot", "stat", "input", "work", "half"];
/** In place of anything. */
const strangers = (): readonly unknown[] => [null, "x", -1, 1.5, 2 ** 31, 1e300, true, [], {}, "__proto__", "1"];

/** Makes one change to a copy of a plan. `random` is uniform in [0, 1), and decides alone. */
export function mutatePlan(plan: Plan, random: () => number): Mutation {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
  const copy = JSON.parse(JSON.stringify(plan)) as Plan;
  const paths = pathsOf(copy);
  const path = pick(paths);
  const parent = at(copy, path.slice(0, -1)) as Node;
  const key = String(path.at(-1));
  const before = parent[key];
  const of = (after: unknown): Mutation => {
    set(parent, key, after);
    return { what: `${spelled(path)}: ${short(before)} becomes ${short(after)}`, plan: copy };
  };
  const changes: (() => Mutation)[] = [
    () => of(pick(strangers())),
    () => {
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      return { what: `${spelled(path)} is gone`, plan: copy };
    },
    () => {
      const other = pick(paths);
      return of(structuredClone(at(plan, other)));
    },
  ];
  if (typeof before === "number") {
    const near = [before + 1, before - 1, before + 16, before - 16, 2 * before, before / 2, -before, 0];
    changes.push(...near.map((after) => () => of(after)));
  }
  if (typeof before === "string")
    changes.push(
      () => of(pick(regions)),
      () => of(`${before}x`),
      () => of(pick(copy.kernels).name),
    );
  if (typeof before === "boolean") changes.push(() => of(!before));
  if (Array.isArray(before)) {
    changes.push(
      () => of(before.toReversed()),
      () => of([...before, ...before.slice(0, 1)]),
      () => of(before.slice(1)),
    );
  } else if (typeof before === "object" && before !== null) {
    changes.push(() => of({ ...before, extra: 1 }));
  }
  return pick(changes)();
}

/** Of everything in a value but itself. */
function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    return [here, ...pathsOf(inner, here)];
  });
}

const at = (value: unknown, path: Path): unknown => path.reduce((node, key) => (node as Node)[key], value);

/** Also of `__proto__`. */
function set(parent: Node, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

const spelled = (path: Path): string =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : i > 0 ? `.${key}` : key)).join("");

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
