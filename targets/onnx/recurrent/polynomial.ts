/**
 * The next value of a state as a polynomial in gates, candidates and states, so that it does not matter how it is written:
 * (1 − z)·n + z·h and n + z·(h − n) are both n − z·n + z·h.
 */
import type { Op, Value } from "../../../compiler/ir/types.ts";

/** Monomials by the values that are multiplied: their ids, sorted. */
export type Polynomial = ReadonlyMap<string, Monomial>;

export interface Monomial {
  readonly factors: readonly Value[];
  readonly coefficient: number;
}

/** More monomials than any of the equations that are looked for has. */
const MANY = 8;

export interface Known {
  /** The op of the body that makes a value. */
  defines(v: Value): Op | undefined;
  /** The number that a value is. */
  number(v: Value): number | undefined;
}

/** Multiplies out. Undefined if that makes many monomials. */
export function polynomialOf(v: Value, known: Known): Polynomial | undefined {
  const op = known.defines(v);
  const of = (x: Value): Polynomial | undefined => polynomialOf(x, known);
  const number = known.number(v);
  if (number !== undefined) return collected([{ factors: [], coefficient: number }]);
  const itself: Polynomial = new Map([[keyOf([v]), { factors: [v], coefficient: 1 }]]);
  switch (op?.op) {
    case "neg":
      return times(of(op.operands[0]), -1);
    case "add":
    case "sub": {
      const [a, b] = op.operands.map(of);
      const other = times(b, op.op === "sub" ? -1 : 1);
      return a && other && collected([...a.values(), ...other.values()]);
    }
    case "mul":
      return product(of(op.operands[0]), of(op.operands[1]));
    case "square":
      return product(of(op.operands[0]), of(op.operands[0]));
    default:
      return itself;
  }
}

const keyOf = (factors: readonly Value[]): string =>
  factors
    .map(({ id }) => id)
    .sort((a, b) => a - b)
    .join();

const times = (p: Polynomial | undefined, by: number): Polynomial | undefined =>
  p && new Map([...p].map(([key, m]) => [key, { ...m, coefficient: m.coefficient * by }]));

function product(p: Polynomial | undefined, q: Polynomial | undefined): Polynomial | undefined {
  if (p === undefined || q === undefined) return undefined;
  return collected(
    [...p.values()].flatMap((a) =>
      [...q.values()].map((b) => ({
        factors: [...a.factors, ...b.factors],
        coefficient: a.coefficient * b.coefficient,
      })),
    ),
  );
}

function collected(monomials: readonly Monomial[]): Polynomial | undefined {
  const found = new Map<string, Monomial>();
  for (const { factors, coefficient } of monomials) {
    const key = keyOf(factors);
    found.set(key, { factors, coefficient: coefficient + (found.get(key)?.coefficient ?? 0) });
  }
  for (const [key, { coefficient }] of found) if (coefficient === 0) found.delete(key);
  return found.size > MANY ? undefined : found;
}

/** The polynomial as its monomials, those of few factors first. */
export const monomialsOf = (p: Polynomial): readonly Monomial[] =>
  [...p.values()].sort((a, b) => a.factors.length - b.factors.length);
