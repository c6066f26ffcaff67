import { operands, someExpr } from "../../compiler/kernel-ir/type-of.ts";
import type { KExpr } from "../../compiler/kernel-ir/types.ts";

export interface Term {
  /** Neither a constant nor a sum: a variable, `t`, a group index, a product of variables, a quotient … */
  readonly atom: KExpr;
  readonly coefficient: number;
}

export type Terms = ReadonlyMap<string, Term>;

/** An integer as `constant + Σ coefficient × atom`, without coefficients of 0; equal atoms have equal keys. */
export interface Linear {
  readonly constant: number;
  readonly terms: Terms;
}

/** a + factor × b, in i32. */
export function addScaled(a: Linear, b: Linear, factor: number): Linear {
  const terms = new Map(a.terms);
  for (const [key, { atom, coefficient }] of b.terms) {
    const sum = ((terms.get(key)?.coefficient ?? 0) + Math.imul(coefficient, factor)) | 0;
    if (sum === 0) terms.delete(key);
    else terms.set(key, { atom, coefficient: sum });
  }
  return { constant: (a.constant + Math.imul(b.constant, factor)) | 0, terms };
}

const zero: Linear = { constant: 0, terms: new Map() };

/** The linear form of an integer expression. `known` gives the form of a `let` that may be written out. */
export function linearOf(e: KExpr, known: (name: string) => Linear | undefined): Linear {
  const constant = (value: number): Linear => ({ constant: value, terms: new Map() });
  if (e.k === "int") return constant(e.value);
  if (e.k === "var") {
    const form = known(e.name);
    if (form !== undefined) return form;
  }
  if (e.k === "int2" && (e.op === "add" || e.op === "sub"))
    return addScaled(linearOf(e.a, known), linearOf(e.b, known), e.op === "add" ? 1 : -1);
  if (e.k === "int2" && e.op === "mul") {
    const [a, b] = [linearOf(e.a, known), linearOf(e.b, known)];
    if (b.terms.size === 0) return addScaled(zero, a, b.constant);
    if (a.terms.size === 0) return addScaled(zero, b, a.constant);
  }
  const key = e.k === "var" ? e.name : JSON.stringify(e);
  return { constant: 0, terms: new Map([[key, { atom: e, coefficient: 1 }]]) };
}

/**
 * Whether a `let` of this form is better substituted into an index than used as a variable: its terms are variables, and none has
 * a negative coefficient, so that the index without its constant is never an address before the memory's start.
 */
export const isPlain = (form: Linear): boolean =>
  [...form.terms.values()].every((t) => operands(t.atom).length === 0 && t.coefficient > 0);

/** The names an expression mentions. */
export function namesIn(e: KExpr): readonly string[] {
  return e.k === "var" ? [e.name] : operands(e).flatMap(namesIn);
}

/** Whether an expression may be computed earlier than it stands: it reads no memory and cannot trap. */
export const isMovable = (e: KExpr): boolean =>
  !someExpr(
    e,
    (x) =>
      x.k === "load" || (x.k === "int2" && (x.op === "div" || x.op === "rem") && !(x.b.k === "int" && x.b.value > 0)),
  );
