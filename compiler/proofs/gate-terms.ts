/**
 * Sums of products, such as `f ∘ c + i ∘ g`, where `f` is σ of another such sum. Algebraically equal forms of an update, as
 * (1 − z) ∘ n + z ∘ h and n + z ∘ (h − n) are, have equal terms.
 */
import type { ElementwiseOp, Value } from "../ir/types.ts";

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

/** The entries of a block, [rows, columns], from those of its value in row-major order. `width`: the value's last extent. */
export function entriesOf(
  { rows, columns, transposed }: WeightBlock,
  data: ArrayLike<number>,
  width: number,
): Float64Array {
  const across = columns[1] - columns[0];
  return Float64Array.from({ length: (rows[1] - rows[0]) * across }, (_, i) => {
    const [row, column] = [rows[0] + Math.floor(i / across), columns[0] + (i % across)];
    return data[transposed ? column * width + row : row * width + column];
  });
}

/** A factor of a term. `key` is the same for equal ones. */
export type Factor = { readonly key: string } & (
  | { readonly kind: "state"; readonly index: number; readonly part: Part }
  /** What a state is after the step. */
  | { readonly kind: "next"; readonly index: number; readonly part: Part }
  /** A sequence of the enclosing block, at this step. */
  | { readonly kind: "sequence"; readonly part: Part }
  /** The same at all steps and for all examples. */
  | { readonly kind: "steady"; readonly part: Part }
  /** 1 by what is the same at all steps and for all examples. */
  | { readonly kind: "inverse"; readonly part: Part }
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
export const MOST_TERMS = 64;

/** The same for equal parts. */
export const partKey = ({ value, from, to }: Part): string => `${value.id}[${from}:${to}]`;

/** A sum of one factor. */
export const single = (factor: Factor): Terms => [{ coefficient: 1, factors: [factor] }];

const termKey = ({ factors }: Term): string => factors.map(({ key }) => key).join(" · ");

/** The same for equal sums. */
export const keyOf = (terms: Terms): string => terms.map((term) => `${term.coefficient} ${termKey(term)}`).join(" + ");

/** A sum times a number. */
export const scaled = (terms: Terms, by: number): Terms =>
  terms.map(({ coefficient, factors }) => ({ coefficient: by * coefficient, factors }));

/** The sum of all these terms. */
export function summed(terms: Terms): Terms {
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

/** The product of two sums; undefined if that has too many terms. */
export function multiplied(x: Terms, y: Terms): Terms | undefined {
  if (x.length * y.length > MOST_TERMS) return undefined;
  const ordered = (factors: readonly Factor[]): readonly Factor[] =>
    factors.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return summed(
    x.flatMap((a) =>
      y.map((b) => ({ coefficient: a.coefficient * b.coefficient, factors: ordered([...a.factors, ...b.factors]) })),
    ),
  );
}

/** Whether a factor is the same at all steps and for all examples. */
export const isConstant = ({ kind }: Factor): boolean => kind === "steady" || kind === "inverse";

/** Whether each term is one thing at most, times constants. */
export const isAffine = (terms: Terms): boolean =>
  terms.every(({ factors }) => factors.filter((factor) => !isConstant(factor)).length <= 1);

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
    case "next":
      return `${nameOf(factor.part.value)}'`;
    case "inverse":
      return `1/${nameOf(factor.part.value)}`;
    default:
      return nameOf(factor.part.value);
  }
}

const nameOf = ({ name }: Value): string => (name === "" ? "…" : name);
