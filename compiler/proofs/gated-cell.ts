/**
 * Whether a scan is an LSTM, a GRU or a plain recurrent network in the sense of the libraries that have these as one op, and if so, which
 * of its parameters do what. It is found from what the step computes, never from names:
 *
 *     LSTM   c' = σ(f) ∘ c + σ(i) ∘ tanh(g),  h' = σ(o) ∘ tanh(c')      f, i, o, g = x W + h R + b
 *     GRU    h' = (1 − σ(z)) ∘ n + σ(z) ∘ h,  n = tanh(x W + σ(r) ∘ (h R + b) + b'), or tanh(x W + (σ(r) ∘ h) R + b)
 *     RNN    h' = tanh(x W + h R + b), or relu
 */
import type { Bindings } from "../ir/tensor.ts";
import type { Graph, OpOf, Value } from "../ir/types.ts";
import { type Definitions, definitions } from "../passes/rewrite.ts";
import {
  type Factor,
  factorWords,
  keyOf,
  type Part,
  ScanTerms,
  type Term,
  type Terms,
  type WeightBlock,
  wordsOf,
} from "./gate-terms.ts";

/** A term of a gate's sum, added or subtracted. */
export interface Signed<T> {
  readonly sign: 1 | -1;
  readonly of: T;
}

/** What a gate's nonlinearity is applied to: the sum of all of these. Any list may be empty. */
export interface Gate {
  /** −1: the cell computes the negative of the sum that the equations above mean, as in h' = z ∘ n + (1 − z) ∘ h. The lists are as in the cell. */
  readonly sign: 1 | -1;
  /** [D, H] each: they multiply the input. */
  readonly input: readonly Signed<WeightBlock>[];
  /** [H, H] each: they multiply the state. */
  readonly recurrent: readonly Signed<WeightBlock>[];
  /** [H] each, or one number for all. */
  readonly bias: readonly Signed<Part>[];
  /** Of a GRU that resets after the product: what is added to the product and multiplied by the reset gate, too. */
  readonly resetBias: readonly Signed<Part>[];
}

interface Shared {
  /** H. */
  readonly size: number;
  /** D. */
  readonly inputSize: number;
  /** The sequence that it reads, a value of the enclosing block; undefined if no gate reads any. */
  readonly input: Value | undefined;
  /** From the last step to the first. */
  readonly reverse: boolean;
  /** The number of the state h. */
  readonly hidden: number;
  /** What each of the scan's outputs is at a step: the next h or the next c; undefined: anything else. */
  readonly outputs: readonly ("hidden" | "cell" | undefined)[];
}

export type LstmGate = "input" | "forget" | "cell" | "output";
export type GruGate = "reset" | "update" | "new";

export type GatedCell =
  | (Shared & { readonly kind: "lstm"; readonly cell: number; readonly gates: Readonly<Record<LstmGate, Gate>> })
  | (Shared & {
      readonly kind: "gru";
      /** Whether the reset gate acts on the state, or on its product. */
      readonly reset: "before" | "after";
      readonly gates: Readonly<Record<GruGate, Gate>>;
    })
  | (Shared & {
      readonly kind: "rnn";
      readonly activation: "tanh" | "relu";
      readonly gates: Readonly<Record<"hidden", Gate>>;
    });

/** Why a scan is none of them: where it differs, in words. */
export interface Differs {
  readonly differs: string;
}

/** Thrown within this file only. */
class Difference extends Error {}

function differ(words: string): never {
  throw new Difference(words);
}

/**
 * What `scan` is. Its graph has no sites left, as after `place`; values may be hoisted or not. `defs`: where values are defined;
 * `extents`: of all dimensions, `batch`, `time` and `steps` too.
 */
export function recogniseCell(scan: OpOf<"scan">, defs: Definitions, extents: Bindings): GatedCell | Differs {
  try {
    return new Recogniser(scan, new ScanTerms(scan, defs, extents)).cell();
  } catch (error) {
    if (error instanceof Difference) return { differs: error.message };
    throw error;
  }
}

/** What each scan of a graph is, in their order. */
export function recogniseCells(
  graph: Graph,
  extents: Bindings,
): readonly { readonly scan: OpOf<"scan">; readonly found: GatedCell | Differs }[] {
  const defs = definitions(graph.ops);
  return graph.ops.flatMap((op) => (op.op === "scan" ? [{ scan: op, found: recogniseCell(op, defs, extents) }] : []));
}

class Recogniser {
  readonly #scan: OpOf<"scan">;
  readonly #terms: ScanTerms;
  /** The next value of each state. */
  readonly #next: readonly Terms[];
  /** How many entries each state has. */
  readonly #sizes: readonly number[];
  #input: Part | undefined;

  constructor(scan: OpOf<"scan">, terms: ScanTerms) {
    this.#scan = scan;
    this.#terms = terms;
    const states = scan.body!.params.slice(0, scan.attrs.states);
    const parts = [...states, ...scan.body!.results].map((v) => terms.whole(v));
    const isVector = (v: Value): boolean => terms.whole(v) !== undefined;
    const other = states.find((v) => !isVector(v));
    if (other !== undefined) differ(`the state ${other.name} is no vector`);
    this.#sizes = parts.slice(0, states.length).map((part) => part!.to);
    this.#next = scan.body!.results.slice(0, states.length).map((v) => terms.of(terms.whole(v)!));
  }

  cell(): GatedCell {
    switch (this.#next.length) {
      case 1:
        return this.#isPlain() ? this.#rnn() : this.#gru();
      case 2:
        return this.#lstm();
      default:
        return differ(`it has ${this.#next.length} states: an RNN and a GRU have one, an LSTM has two`);
    }
  }

  #isPlain(): boolean {
    const [only, ...more] = this.#next[0];
    return more.length === 0 && only?.factors.length === 1 && only.factors[0].kind === "function";
  }

  #rnn(): GatedCell {
    const [{ coefficient, factors }] = this.#next[0];
    const [factor] = factors;
    if (factor.kind !== "function" || coefficient !== 1 || (factor.op !== "tanh" && factor.op !== "relu"))
      return differ(`${this.#name(0)}' = ${wordsOf(this.#next[0])}, where an RNN has tanh or relu`);
    const hidden = this.#gate("hidden value", factor.of[0], 0, 1);
    return { kind: "rnn", activation: factor.op, ...this.#shared(0), gates: { hidden } };
  }

  #gru(): GatedCell {
    const update = `${this.#name(0)}' = ${wordsOf(this.#next[0])}`;
    const expected = "where a GRU has (1 − σ(z)) ∘ n + σ(z) ∘ h";
    const next = this.#next[0];
    const gates = factorsOf(next, isSigmoid);
    const news = factorsOf(next, (factor) => factor.kind === "function" && factor.op !== "sigmoid");
    if (gates.length !== 1 || news.length !== 1) return differ(`${update}, ${expected}`);
    const [[z], [n]] = [gates, news];
    if (n.kind !== "function" || n.op !== "tanh")
      return differ(`${update}: its new value is ${factorWords(n)}, where a GRU has tanh`);
    const coefficient = (...wanted: readonly Factor[]) => coefficientOf(next, wanted);
    const h = factorsOf(next, (factor) => factor.kind === "state")[0];
    if (h === undefined || next.length !== 3) return differ(`${update}, ${expected}`);
    const keeps = coefficient(n) === 1 && coefficient(n, z) === -1 && coefficient(h, z) === 1;
    const lets = coefficient(h) === 1 && coefficient(h, z) === -1 && coefficient(n, z) === 1;
    if (!keeps && !lets) return differ(`${update}, ${expected}`);
    const gate = this.#gate("update gate", argumentOf(z), 0, keeps ? 1 : -1);
    return { kind: "gru", ...this.#new(n.of[0], gate), ...this.#shared(0) };
  }

  /** The new value of a GRU and its reset gate, from what tanh is applied to. */
  #new(terms: Terms, update: Gate): Pick<GatedCell & { kind: "gru" }, "reset" | "gates"> {
    const inside = terms.flatMap(({ factors }) => factors.filter(isSigmoid));
    const before = terms.flatMap(({ factors }) =>
      factors.flatMap((factor) =>
        factor.kind === "product" && factor.of.length === 1 && factor.of[0].coefficient === 1
          ? factor.of[0].factors.filter(isSigmoid)
          : [],
      ),
    );
    const resets = new Map([...inside, ...before].map((factor) => [factor.key, factor]));
    if (resets.size !== 1 || (inside.length > 0 && before.length > 0))
      return differ(`the new value is tanh(${wordsOf(terms)}), where a GRU has one reset gate`);
    const [reset] = resets.values();
    const gate = this.#gate("reset gate", argumentOf(reset), 0, 1);
    if (before.length > 0)
      return {
        reset: "before",
        gates: { reset: gate, update, new: this.#gate("new value", terms, 0, 1, { before: reset }) },
      };
    return {
      reset: "after",
      gates: { reset: gate, update, new: this.#gate("new value", terms, 0, 1, { after: reset }) },
    };
  }

  #lstm(): GatedCell {
    const shapes = this.#next.map(
      (next) => next.length === 1 && next[0].coefficient === 1 && next[0].factors.length === 2 && next[0].factors,
    );
    // h' = σ(o) ∘ tanh(c').
    const at = shapes.findIndex((factors, i) => {
      const other = keyOf(this.#next[1 - i]);
      return (factors || []).some((f) => f.kind === "function" && f.op !== "sigmoid" && keyOf(f.of[0]) === other);
    });
    const all = this.#next.map((next, i) => `${this.#name(i)}' = ${wordsOf(next)}`).join(", ");
    if (at < 0) return differ(`${all}: no state is σ(o) ∘ tanh of the other's next value, as in an LSTM`);
    const [hidden, cell] = [at, 1 - at];
    const factors = shapes[hidden] as readonly Factor[];
    const squashed = factors.find((f) => f.kind === "function" && f.op !== "sigmoid")!;
    const o = factors.find((f) => f !== squashed)!;
    if (squashed.kind !== "function" || squashed.op !== "tanh" || !isSigmoid(o))
      return differ(`${this.#name(hidden)}' = ${wordsOf(this.#next[hidden])}, where an LSTM has σ(o) ∘ tanh(c')`);
    const next = this.#next[cell];
    const update = `${this.#name(cell)}' = ${wordsOf(next)}, where an LSTM has σ(f) ∘ c + σ(i) ∘ tanh(g)`;
    const isKept = ({ factors }: Term): boolean => factors.some((f) => f.kind === "state" && f.index === cell);
    const [kept, added] = [next.find(isKept), next.find((term) => !isKept(term))];
    if (next.length !== 2 || kept === undefined || added === undefined) return differ(update);
    const ofTwo = ({ coefficient, factors }: Term): boolean => coefficient === 1 && factors.length === 2;
    const f = kept.factors.find(isSigmoid);
    const i = added.factors.find(isSigmoid);
    const g = added.factors.find((factor) => factor !== i);
    if (
      !ofTwo(kept) ||
      !ofTwo(added) ||
      f === undefined ||
      i === undefined ||
      g?.kind !== "function" ||
      g.op !== "tanh"
    )
      return differ(update);
    const gates = {
      input: this.#gate("input gate", argumentOf(i), hidden, 1),
      forget: this.#gate("forget gate", argumentOf(f), hidden, 1),
      cell: this.#gate("cell input", g.of[0], hidden, 1),
      output: this.#gate("output gate", argumentOf(o), hidden, 1),
    };
    return { kind: "lstm", cell, ...this.#shared(hidden), gates };
  }

  #shared(hidden: number): Shared {
    const [h, ...others] = [this.#next[hidden], ...this.#next.filter((_, i) => i !== hidden)].map(keyOf);
    const kind = (terms: Terms | undefined): "hidden" | "cell" | undefined => {
      const key = terms && keyOf(terms);
      if (key === h) return "hidden";
      return key !== undefined && others.includes(key) ? "cell" : undefined;
    };
    const { attrs, body } = this.#scan;
    return {
      size: this.#sizes[hidden],
      inputSize: this.#input === undefined ? 0 : this.#input.to - this.#input.from,
      input: this.#input?.value,
      reverse: attrs.reverse,
      hidden,
      outputs: body!.results.slice(attrs.states).map((v) => {
        const part = this.#terms.whole(v);
        return kind(part && this.#terms.of(part));
      }),
    };
  }

  /**
   * The parts of the sum that a gate's nonlinearity is applied to. `reset`: of the new value of a GRU, the reset gate, and what it
   * multiplies.
   */
  #gate(
    role: string,
    terms: Terms,
    hidden: number,
    sign: 1 | -1,
    reset: { readonly before?: Factor; readonly after?: Factor } = {},
  ): Gate {
    const input: Signed<WeightBlock>[] = [];
    const recurrent: Signed<WeightBlock>[] = [];
    const bias: Signed<Part>[] = [];
    const resetBias: Signed<Part>[] = [];
    for (const { coefficient, factors } of terms) {
      const words = wordsOf([{ coefficient, factors }]);
      const isReset = reset.after !== undefined && factors.some(({ key }) => key === reset.after!.key);
      const [factor, ...more] = isReset ? factors.filter(({ key }) => key !== reset.after!.key) : factors;
      const by = coefficient === 1 || coefficient === -1 ? coefficient : undefined;
      if (factor === undefined || more.length > 0 || by === undefined)
        return differ(`the ${role} also adds ${words}: it adds products of matrices, and vectors that all steps share`);
      if (factor.kind === "steady") (isReset ? resetBias : bias).push({ sign: by, of: factor.part });
      else if (factor.kind === "product") {
        const isRecurrent = this.#isOfState(factor.of, hidden, reset.before);
        if (reset.after !== undefined && isRecurrent !== isReset)
          return differ(
            `the ${role} adds ${words}: the reset gate multiplies the whole product of the state, and nothing else`,
          );
        if (!isRecurrent) this.#reads(factor.of, role, words);
        (isRecurrent ? recurrent : input).push({ sign: by, of: factor.weight });
      } else
        return differ(`the ${role} also adds ${words}: it adds products of matrices, and vectors that all steps share`);
    }
    return { sign, input, recurrent, bias, resetBias };
  }

  /** Whether these are the terms of the whole state h, times the reset gate if there is one `before` the product. */
  #isOfState(terms: Terms, hidden: number, before: Factor | undefined): boolean {
    if (terms.length !== 1 || terms[0].coefficient !== 1) return false;
    const others = terms[0].factors.filter(({ key }) => key !== before?.key);
    const [state] = others;
    if (others.length !== 1 || terms[0].factors.length !== (before === undefined ? 1 : 2)) return false;
    return (
      state.kind === "state" && state.index === hidden && state.part.from === 0 && state.part.to === this.#sizes[hidden]
    );
  }

  /** Takes what a product reads as the input sequence, of which there is one. */
  #reads(terms: Terms, role: string, words: string): void {
    const [factor] = terms[0]?.factors ?? [];
    if (
      terms.length !== 1 ||
      factor?.kind !== "sequence" ||
      terms[0].factors.length !== 1 ||
      terms[0].coefficient !== 1
    )
      differ(`the ${role} adds ${words}, which is a product of neither the input nor the state before`);
    const { part } = factor;
    const known = this.#input;
    if (known !== undefined && (known.value !== part.value || known.from !== part.from || known.to !== part.to))
      differ(`it reads two sequences, ${known.value.name} and ${part.value.name}`);
    this.#input = part;
  }

  #name(state: number): string {
    return this.#scan.body!.params[state].name;
  }
}

const isSigmoid = (factor: Factor): boolean => factor.kind === "function" && factor.op === "sigmoid";

const argumentOf = (factor: Factor): Terms => (factor.kind === "function" ? factor.of[0] : []);

/** The factors of a kind in a sum, each once. */
const factorsOf = (terms: Terms, is: (factor: Factor) => boolean): readonly Factor[] => [
  ...new Map(terms.flatMap(({ factors }) => factors.filter(is)).map((factor) => [factor.key, factor])).values(),
];

/** The number before a product of these factors, in a sum. */
function coefficientOf(terms: Terms, factors: readonly Factor[]): number {
  const wanted = factors
    .map(({ key }) => key)
    .sort()
    .join();
  const found = terms.find((term) => term.factors.map(({ key }) => key).join() === wanted);
  return found?.coefficient ?? 0;
}
