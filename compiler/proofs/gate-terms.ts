/**
 * What a step of a scan computes, as sums of products: `f ∘ c + i ∘ g`, where `f` is σ of another such sum. Algebraically equal forms of
 * an update, such as (1 − z) ∘ n + z ∘ h and n + z ∘ (h − n), have equal terms.
 *
 * A vector is followed part by part: a gate is H entries of what may be computed as one value of 4H, or as four. What does not depend on
 * states is followed out of the loop, so it does not matter whether an input product was hoisted.
 */
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Bindings } from "../ir/tensor.ts";
import type { Block, ElementwiseOp, Op, OpOf, Value } from "../ir/types.ts";
import type { Definitions } from "../passes/rewrite.ts";

/** The entries `from` to `to` of a vector, the latter not included; of a single number, which stands for all, 0 to 1. */
export interface Part {
  readonly value: Value;
  readonly from: number;
  readonly to: number;
}

/** A block of a matrix that all steps share: its rows multiply what comes in, and its columns are what comes out. */
export interface WeightBlock {
  readonly value: Value;
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  /** The value holds it with its axes exchanged. */
  readonly transposed: boolean;
}

/** A factor of a term. `key` is the same for equal ones. */
export type Factor = { readonly key: string } & (
  | { readonly kind: "state"; readonly index: number; readonly part: Part }
  /** A sequence of the enclosing block, at this step. */
  | { readonly kind: "sequence"; readonly part: Part }
  /** The same at all steps and for all examples. */
  | { readonly kind: "steady"; readonly part: Part }
  | { readonly kind: "product"; readonly of: Terms; readonly weight: WeightBlock }
  | { readonly kind: "function"; readonly op: ElementwiseOp; readonly of: readonly Terms[]; readonly part: Part }
  /** Anything else. */
  | { readonly kind: "other"; readonly part: Part }
);

export interface Term {
  readonly coefficient: number;
  /** In the order of their keys. Empty: a number. */
  readonly factors: readonly Factor[];
}

/** A sum, in the order of its terms' keys, each once. */
export type Terms = readonly Term[];

/** More terms than any gate has: what is larger is left unexpanded. */
const MOST_TERMS = 64;

/** Follows the values of one scan. `defs`: where the values of its graph are defined; `extents`: of every dimension in it. */
export class ScanTerms {
  readonly #body: Block;
  readonly #scan: OpOf<"scan">;
  readonly #defs: Definitions;
  readonly #extents: Bindings;
  readonly #known = new Map<Value, Map<string, Terms>>();
  readonly #steady = new Map<Value, boolean>();

  constructor(scan: OpOf<"scan">, defs: Definitions, extents: Bindings) {
    this.#scan = scan;
    this.#body = scan.body!;
    this.#defs = defs;
    this.#extents = extents;
  }

  /** The terms of a vector of the body, or of a part of it. */
  of(part: Part): Terms {
    const known = this.#known.get(part.value) ?? new Map<string, Terms>();
    this.#known.set(part.value, known);
    const at = `${part.from}:${part.to}`;
    const found = known.get(at) ?? this.#expand(part);
    known.set(at, found);
    return found;
  }

  /** The whole of a vector; undefined for a value of another shape. */
  whole(value: Value): Part | undefined {
    const { shape } = value.type;
    if (shape.length > 1) return undefined;
    return { value, from: 0, to: shape.length === 0 ? 1 : this.extent(shape[0]) };
  }

  extent(d: dim.Dim): number {
    return dim.evaluate(d, this.#extents);
  }

  /** Whether a value is the same at all steps and for all examples. */
  isSteady(v: Value): boolean {
    const known = this.#steady.get(v);
    if (known !== undefined) return known;
    const op = this.#defs.get(v);
    const isDrawn = op?.op === "leaf" && op.attrs.leaf.kind === "noise";
    const steady =
      op !== undefined &&
      op.op !== "scan" &&
      !isDrawn &&
      !v.type.time &&
      !v.type.batch &&
      op.operands.every((x) => this.isSteady(x));
    this.#steady.set(v, steady);
    return steady;
  }

  #expand(part: Part): Terms {
    const { value } = part;
    const number = this.#number(value);
    if (number !== undefined) return number === 0 ? [] : [{ coefficient: number, factors: [] }];
    if (this.isSteady(value)) return this.#steadyTerms(part);
    const at = this.#body.params.indexOf(value);
    if (at >= 0 && at < this.#scan.attrs.states)
      return single({ kind: "state", index: at, part, key: `state ${text(part)}` });
    if (at >= 0) return this.of({ ...part, value: this.#scan.operands[at] });
    const op = this.#defs.get(value);
    const through = op && this.#through(op, part);
    if (through !== undefined && through.length <= MOST_TERMS) return through;
    const kind = value.type.time ? "sequence" : "other";
    return single({ kind, part, key: `${kind} ${text(part)}` });
  }

  /** A part of a vector that all steps share, as sums of parts of what it was taken from. */
  #steadyTerms(part: Part): Terms {
    const op = this.#defs.get(part.value)!;
    const isTaken = /^(add|sub|neg|split|cut|slice|concat|broadcast|copy|stop)$/.test(op.op);
    return (isTaken && this.#through(op, part)) || single({ kind: "steady", part, key: `steady ${text(part)}` });
  }

  /** The terms of what `op` computes, from those of its operands; undefined if it is none of the ops that make sums and products. */
  #through(op: Op, part: Part): Terms | undefined {
    const { from, to } = part;
    const operand = (v: Value): Terms | undefined => this.#aligned(v, op.results[0], part);
    switch (op.op) {
      case "add":
      case "sub":
      case "mul": {
        const [x, y] = op.operands.map(operand);
        if (x === undefined || y === undefined) return undefined;
        return op.op === "mul" ? multiplied(x, y) : summed([...x, ...(op.op === "sub" ? scaled(y, -1) : y)]);
      }
      case "neg": {
        const x = operand(op.operands[0]);
        return x && scaled(x, -1);
      }
      case "square": {
        const x = operand(op.operands[0]);
        return x && multiplied(x, x);
      }
      case "broadcast":
      case "copy":
      case "stop":
        return operand(op.operands[0]);
      case "split": {
        if (op.operands[0].type.shape.length !== 1) return undefined;
        const width = this.extent(op.results[0].type.shape[0]);
        const before = width * op.results.indexOf(part.value);
        return this.of({ value: op.operands[0], from: before + from, to: before + to });
      }
      case "cut": {
        if (op.operands[0].type.shape.length !== 1) return undefined;
        const at = op.results.indexOf(part.value);
        const before = op.results.slice(0, at).reduce((sum, { type }) => sum + this.extent(type.shape[0]), 0);
        return this.of({ value: op.operands[0], from: before + from, to: before + to });
      }
      case "slice": {
        if (op.operands[0].type.shape.length !== 1) return undefined;
        const before = this.extent(dim.parse(op.attrs.from));
        return this.of({ value: op.operands[0], from: before + from, to: before + to });
      }
      case "concat":
        return this.#joined(op, part);
      case "dot":
        return this.#product(op, part);
      case "scan":
      case "leaf":
        return undefined;
      default: {
        // Functions of a sequence are a sequence, and what it is computed from is not asked.
        if (!isElementwise(op.op) || part.value.type.time) return undefined;
        const of = op.operands.map(operand);
        if (of.some((terms) => terms === undefined)) return undefined;
        const terms = of as readonly Terms[];
        return single({
          kind: "function",
          op: op.op,
          of: terms,
          part,
          key: `${op.op}(${terms.map(keyOf).join(", ")})`,
        });
      }
    }
  }

  /** The part of an operand of an elementwise op. */
  #aligned(operand: Value, result: Value, { from, to }: Part): Terms | undefined {
    if (result.type.shape.length > 1) return undefined;
    const whole = this.whole(operand);
    if (whole === undefined) return undefined;
    // A single number is the same for all entries.
    return this.of(whole.to === 1 ? whole : { value: operand, from, to });
  }

  #joined(op: OpOf<"concat">, { from, to }: Part): Terms | undefined {
    let before = 0;
    for (const value of op.operands) {
      const whole = this.whole(value);
      if (whole === undefined) return undefined;
      if (before <= from && to <= before + whole.to) return this.of({ value, from: from - before, to: to - before });
      before += whole.to;
    }
    return undefined;
  }

  #product(op: OpOf<"dot">, { from, to }: Part): Terms | undefined {
    const { a, b, out, batch, time } = op.attrs;
    if (batch || time || out.length !== 1) return undefined;
    const [x, y] = op.operands;
    const steadySecond = this.isSteady(y) && a.length === 1 && b.length === 2;
    const steadyFirst = this.isSteady(x) && b.length === 1 && a.length === 2;
    if (!steadySecond && !steadyFirst) return undefined;
    const [vector, matrix, labels] = steadySecond ? [x, y, b] : [y, x, a];
    const turned = this.#defs.get(matrix);
    const isTurned = turned?.op === "transpose";
    const value = isTurned ? turned.operands[0] : matrix;
    const transposed = (labels[0] === out) !== isTurned;
    const parts = this.#entering(vector);
    if (parts === undefined) return undefined;
    let row = 0;
    return summed(
      parts.map((part): Term => {
        const rows = [row, row + part.to - part.from] as const;
        row = rows[1];
        const of = this.#vector(part);
        const weight: WeightBlock = { value, rows, columns: [from, to], transposed };
        const key = `(${keyOf(of)}) @ ${value.id}[${rows}; ${[from, to]}]${transposed ? "ᵀ" : ""}`;
        return { coefficient: 1, factors: [{ kind: "product", of, weight, key }] };
      }),
    );
  }

  /** The vectors that a product reads: those that are joined, state and input, are read each by its own rows. */
  #entering(vector: Value): readonly Part[] | undefined {
    const op = this.#defs.get(vector);
    const pieces = op?.op === "concat" && !vector.type.time ? op.operands : [vector];
    const parts = pieces.map((piece) => this.whole(piece));
    return parts.every((part) => part !== undefined) ? parts : undefined;
  }

  /** What is multiplied by a matrix: of a sequence it does not matter how it was computed. */
  #vector(part: Part): Terms {
    const at = this.#body.params.indexOf(part.value);
    const value = at >= this.#scan.attrs.states ? this.#scan.operands[at] : part.value;
    if (!value.type.time) return this.of(part);
    const outside = { ...part, value };
    return single({ kind: "sequence", part: outside, key: `sequence ${text(outside)}` });
  }

  /** The number that a value has in every entry, if it is one. */
  #number(v: Value): number | undefined {
    const op = this.#defs.get(v);
    if (op?.op === "broadcast") return this.#number(op.operands[0]);
    if (op?.op !== "const" || op.attrs.dims.some((d) => d === "batch" || d === "time")) return undefined;
    return op.attrs.dims.reduce((product, d) => product * this.extent(dim.parse(d)), op.attrs.value);
  }
}

const text = ({ value, from, to }: Part): string => `${value.id}[${from}:${to}]`;

const single = (factor: Factor): Terms => [{ coefficient: 1, factors: [factor] }];

const termKey = ({ factors }: Term): string => factors.map(({ key }) => key).join(" · ");

/** The same for equal sums. */
export const keyOf = (terms: Terms): string => terms.map((term) => `${term.coefficient} ${termKey(term)}`).join(" + ");

const scaled = (terms: Terms, by: number): Terms =>
  terms.map(({ coefficient, factors }) => ({ coefficient: by * coefficient, factors }));

function summed(terms: Terms): Terms {
  const found = new Map<string, Term>();
  for (const term of terms) {
    const key = termKey(term);
    const coefficient = (found.get(key)?.coefficient ?? 0) + term.coefficient;
    found.set(key, { ...term, coefficient });
  }
  return [...found]
    .filter(([, { coefficient }]) => coefficient !== 0)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([, term]) => term);
}

function multiplied(x: Terms, y: Terms): Terms | undefined {
  if (x.length * y.length > MOST_TERMS) return undefined;
  const ordered = (factors: readonly Factor[]): readonly Factor[] =>
    factors.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return summed(
    x.flatMap((a) =>
      y.map((b) => ({ coefficient: a.coefficient * b.coefficient, factors: ordered([...a.factors, ...b.factors]) })),
    ),
  );
}

/** The most terms of a sum that are written out. */
const MOST_WRITTEN = 4;

/** A sum in words: `sigmoid(…) ∘ c + h @ Wh`. */
export function wordsOf(terms: Terms): string {
  if (terms.length === 0) return "0";
  const more = terms.length > MOST_WRITTEN ? ` + ${terms.length - MOST_WRITTEN} terms more` : "";
  const written = terms.slice(0, MOST_WRITTEN).map(({ coefficient, factors }, at) => {
    const size = Math.abs(coefficient);
    const number = size === 1 && factors.length > 0 ? [] : [String(Number(size.toPrecision(6)))];
    const words = [...number, ...factors.map(factorWords)].join(" ∘ ");
    if (at === 0) return coefficient < 0 ? `−${words}` : words;
    return `${coefficient < 0 ? " − " : " + "}${words}`;
  });
  return `${written.join("")}${more}`;
}

/** A factor in words. */
export function factorWords(factor: Factor): string {
  switch (factor.kind) {
    case "function":
      return `${factor.op}(…)`;
    case "product": {
      const [term] = factor.of;
      const isSimple = factor.of.length === 1 && term.coefficient === 1 && term.factors.length === 1;
      const { value, transposed } = factor.weight;
      const entering = isSimple ? wordsOf(factor.of) : `(${wordsOf(factor.of)})`;
      return `${entering} @ ${nameOf(value)}${transposed ? "ᵀ" : ""}`;
    }
    default:
      return nameOf(factor.part.value);
  }
}

const nameOf = ({ name }: Value): string => (name === "" ? "…" : name);
