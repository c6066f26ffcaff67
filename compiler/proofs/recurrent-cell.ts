/**
 * Whether a scan is an LSTM, a GRU or a plain recurrent network, and if so, what each of its gates sees. It is found from what the step
 * computes, never from names, nor from how an equation is written:
 *
 *     LSTM   c' = σ(f) ∘ c + σ(i) ∘ tanh(g),  h' = σ(o) ∘ tanh(c')
 *     GRU    h' = (1 − σ(z)) ∘ n + σ(z) ∘ h,  n = tanh(… + σ(r) ∘ (h R + b)), or tanh(… + (σ(r) ∘ h) R)
 *     RNN    h' = tanh(…), or relu
 *
 * What f, i, o, g, z, r and … may be, each reader says for itself: `gated-cell.ts` where the parameters of a library's layer go, and
 * `targets/onnx/recurrent` which numbers an op of ONNX gets.
 */
import type { Bindings } from "../ir/tensor.ts";
import type { ElementwiseOp, OpOf, Value } from "../ir/types.ts";
import { type Definitions, definedBy } from "../passes/rewrite.ts";
import { type Factor, factorWords, type Part, type Term, type Terms, wordsOf } from "./gate-terms.ts";
import { ScanTerms } from "./scan-terms.ts";

export type Activation = "sigmoid" | "tanh" | "relu";

/** What may differ from the equations above. */
export interface Dialect {
  /** What may stand for tanh in an LSTM, for tanh in a GRU, and for tanh or relu in a plain network. */
  readonly activations: Readonly<Record<"lstm" | "gru" | "rnn", readonly Activation[]>>;
  /** An LSTM's σ(f) may be 1 − σ(i), or the other way round. */
  readonly coupled: boolean;
}

/** What a gate's nonlinearity is applied to. */
export interface Sum {
  /** −1: the sum that the equations above mean is the negative of these terms, as in h' = σ(z) ∘ n + (1 − σ(z)) ∘ h. */
  readonly sign: 1 | -1;
  readonly terms: Terms;
}

export type LstmGate = "input" | "forget" | "cell" | "output";
export type GruGate = "reset" | "update" | "new";

interface Shared {
  /** H. */
  readonly size: number;
  /** The number of the state h. */
  readonly hidden: number;
  /** What each of the scan's outputs is at a step: the next h or the next c; undefined: anything else. */
  readonly outputs: readonly ("hidden" | "cell" | undefined)[];
  /** Where sequences have lengths of their own: the mark of the steps that an example has. At the others all states stay as they are. */
  readonly valid: Value | undefined;
  /** For readers that follow what a gate sees. */
  readonly terms: ScanTerms;
}

export type RecurrentCell =
  | (Shared & {
      readonly kind: "lstm";
      /** The number of the state c. */
      readonly cell: number;
      readonly gates: Readonly<Record<LstmGate, Sum>>;
      /** Of g, and of c'. */
      readonly activations: readonly [cell: Activation, shown: Activation];
    })
  | (Shared & {
      readonly kind: "gru";
      /** Whether the reset gate acts on the state, or on its product. */
      readonly reset: "before" | "after";
      /** σ(r), as it stands in the terms of the new value. */
      readonly resetGate: Factor;
      readonly gates: Readonly<Record<GruGate, Sum>>;
      readonly activations: readonly [candidate: Activation];
    })
  | (Shared & {
      readonly kind: "rnn";
      readonly gates: Readonly<Record<"hidden", Sum>>;
      readonly activations: readonly [hidden: Activation];
    });

/** Why a scan is none of them: where it differs, in words. */
export interface Differs {
  readonly differs: string;
  /** Whether that is in its states, or in what it computes of them. */
  readonly in: "states" | "equations";
}

/** Thrown by `differ`, and caught by `orDiffers`. */
class Difference extends Error {
  readonly in: Differs["in"];

  constructor(words: string, where: Differs["in"] = "equations") {
    super(words);
    this.in = where;
  }
}

/** Ends the reading of a cell that is none, and says why: where it differs, in words. */
export function differ(words: string, where?: Differs["in"]): never {
  throw new Difference(words, where);
}

/** What `read` returns, or why it ended with `differ`. */
export function orDiffers<T>(read: () => T): T | Differs {
  try {
    return read();
  } catch (error) {
    if (error instanceof Difference) return { differs: error.message, in: error.in };
    throw error;
  }
}

/**
 * What `scan` is. Its graph has no sites left, as after `place`; values may be hoisted or not. `defs`: where values are defined, bodies
 * included; `extents`: of all dimensions, `batch` and `time` too if weights have such axes. Calls
 * `differ` if it is none of the cells.
 */
export function recurrentCell(
  scan: OpOf<"scan">,
  defs: Definitions,
  extents: Bindings,
  dialect: Dialect,
): RecurrentCell {
  return new Recogniser(scan, defs, extents, dialect).cell();
}

/** A sigmoid, or 1 minus it. */
interface Weight {
  readonly gate: Factor;
  readonly sign: 1 | -1;
}

class Recogniser {
  readonly #scan: OpOf<"scan">;
  readonly #dialect: Dialect;
  readonly #terms: ScanTerms;
  /** The next value of each state. */
  readonly #next: readonly Terms[];
  /** How many entries each state has. */
  readonly #sizes: readonly number[];
  readonly #valid: Value | undefined;

  constructor(scan: OpOf<"scan">, defs: Definitions, extents: Bindings, dialect: Dialect) {
    this.#scan = scan;
    this.#dialect = dialect;
    const { states } = scan.attrs;
    const { params, results } = scan.body!;
    const { next, valid } = heldStates(scan, defs);
    this.#valid = valid;
    // A state that only takes on another value is that value.
    const made = [...next, ...results.slice(0, states)].map((v, k) => [v, k % states] as const);
    this.#terms = new ScanTerms(scan, defs, extents, new Map(made.filter(([v]) => !params.includes(v))));
    const parts = [...params.slice(0, states), ...next].map((v) => this.#terms.whole(v));
    const other = parts.indexOf(undefined);
    if (other >= 0) {
      const { name } = params[other % states];
      differ(`${name === "" ? "a state" : `the state ${name}`} is no vector`, "states");
    }
    this.#sizes = parts.slice(0, states).map((part) => part!.to);
    this.#next = parts.slice(states).map((part) => this.#terms.expanded(part!));
  }

  cell(): RecurrentCell {
    switch (this.#next.length) {
      case 1:
        return this.#isPlain() ? this.#rnn() : this.#gru();
      case 2:
        return this.#lstm();
      default:
        return differ(`it has ${this.#next.length} states: an RNN and a GRU have one, an LSTM has two`, "states");
    }
  }

  #isPlain(): boolean {
    const [only, ...more] = this.#next[0];
    return more.length === 0 && only?.factors.length === 1 && only.factors[0].kind === "function";
  }

  #rnn(): RecurrentCell {
    const [{ coefficient, factors }] = this.#next[0];
    const made = activated(factors[0], this.#dialect.activations.rnn);
    if (made === undefined || coefficient !== 1) return differ(`${this.#update(0)}, where an RNN has tanh or relu`);
    return {
      ...{ kind: "rnn", ...this.#shared(0), activations: [made.op] },
      gates: { hidden: { sign: 1, terms: made.of } },
    };
  }

  #gru(): RecurrentCell {
    const update = this.#update(0);
    const mixed = mixtureOf(this.#next[0], (factor) => this.#isWhole(factor, "state", 0));
    if (mixed === undefined || mixed.keep.gate.key !== mixed.add.gate.key || mixed.keep.sign === mixed.add.sign)
      return differ(`${update}, where a GRU has (1 − σ(z)) ∘ n + σ(z) ∘ h`);
    const made = activated(mixed.candidate, this.#dialect.activations.gru);
    if (made === undefined)
      return differ(`${update}: its new value is ${factorWords(mixed.candidate)}, where a GRU has tanh`);
    const { reset, resetGate } = resetIn(made.op, made.of);
    return {
      ...{ kind: "gru", ...this.#shared(0), activations: [made.op], reset, resetGate },
      gates: {
        reset: sumOf({ gate: resetGate, sign: 1 }),
        update: sumOf(mixed.keep),
        new: { sign: 1, terms: made.of },
      },
    };
  }

  #lstm(): RecurrentCell {
    // h' = σ(o) ∘ tanh(c').
    const hidden = this.#next.findIndex((_, h) => this.#showing(h) !== undefined);
    if (hidden < 0) {
      const all = `${this.#update(0)}, ${this.#update(1)}`;
      return differ(`${all}: no state is σ(o) ∘ tanh of the other's next value, as in an LSTM`);
    }
    const cell = 1 - hidden;
    const { squashed, open } = this.#showing(hidden)!;
    const allowed = this.#dialect.activations.lstm;
    const shown = activated(squashed, allowed);
    if (shown === undefined || !isSigmoid(open))
      return differ(`${this.#update(hidden)}, where an LSTM has σ(o) ∘ tanh(c')`);
    const mixed = mixtureOf(this.#next[cell], (factor) => this.#isWhole(factor, "state", cell));
    const made = mixed && activated(mixed.candidate, allowed);
    const isCoupled = mixed?.keep.sign === -1 || mixed?.add.sign === -1;
    if (mixed === undefined || made === undefined || (isCoupled && !this.#dialect.coupled))
      return differ(`${this.#update(cell)}, where an LSTM has σ(f) ∘ c + σ(i) ∘ tanh(g)`);
    return {
      ...{ kind: "lstm", cell, ...this.#shared(hidden), activations: [made.op, shown.op] },
      gates: {
        input: sumOf(mixed.add),
        forget: sumOf(mixed.keep),
        cell: { sign: 1, terms: made.of },
        output: sumOf({ gate: open, sign: 1 }),
      },
    };
  }

  /** The factors of the next value of a state, if it is the other one's next value through a function, times something. */
  #showing(hidden: number): { readonly squashed: Factor; readonly open: Factor } | undefined {
    const factors = productOf(this.#next[hidden]);
    const isShown = (factor: Factor): boolean => {
      const inner = factor.kind === "function" ? productOf(factor.of[0], 1)?.[0] : undefined;
      return inner !== undefined && this.#isWhole(inner, "next", 1 - hidden);
    };
    const at = factors?.findIndex(isShown) ?? -1;
    return factors && at >= 0 && this.#sizes[0] === this.#sizes[1]
      ? { squashed: factors[at], open: factors[1 - at] }
      : undefined;
  }

  #shared(hidden: number): Shared {
    const { attrs, body } = this.#scan;
    return {
      size: this.#sizes[hidden],
      hidden,
      outputs: body!.results.slice(attrs.states).map((v) => {
        const part = this.#terms.whole(v);
        const [factor] = (part && productOf(this.#terms.of(part), 1)) ?? [];
        if (factor === undefined) return undefined;
        if (this.#isWhole(factor, "next", hidden)) return "hidden";
        return this.#sizes.some((_, state) => this.#isWhole(factor, "next", state)) ? "cell" : undefined;
      }),
      valid: this.#valid,
      terms: this.#terms,
    };
  }

  #isWhole(factor: Factor, kind: "state" | "next", state: number): boolean {
    return factor.kind === kind && factor.index === state && isAll(factor.part, this.#sizes[state]);
  }

  /** The equation of a state, for messages. */
  #update = (state: number): string => `${this.#scan.body!.params[state].name}' = ${wordsOf(this.#next[state])}`;
}

/** The next values of the states at the steps that an example has, and what marks these. */
function heldStates(
  scan: OpOf<"scan">,
  defs: Definitions,
): { readonly next: readonly Value[]; readonly valid: Value | undefined } {
  const { states } = scan.attrs;
  const { params, results } = scan.body!;
  const marks = new Set<Value | undefined>();
  const next = results.slice(0, states).map((v, k) => {
    const [condition, made, before] = definedBy(defs, v, "select")?.operands ?? [];
    const at = condition === undefined ? -1 : params.indexOf(condition);
    const mark = before === params[k] && at >= states ? scan.operands[at] : undefined;
    const leaf = mark && definedBy(defs, mark, "leaf")?.attrs.leaf;
    const isHeld = leaf?.kind === "lengths" && leaf.mark === "valid";
    marks.add(isHeld ? mark : undefined);
    return isHeld ? made : v;
  });
  if (marks.size > 1) return differ("its states do not all wait at missing steps", "states");
  return { next, valid: [...marks][0] };
}

/** Whether a part is all of a vector of `size` entries. */
export const isAll = ({ from, to }: Part, size: number): boolean => from === 0 && to === size;

const isSigmoid = (factor: Factor | undefined): factor is Factor =>
  factor?.kind === "function" && factor.op === "sigmoid";

/** What a factor is a function of, if that is one of those. */
function activated(
  factor: Factor,
  allowed: readonly Activation[],
): { readonly op: Activation; readonly of: Terms } | undefined {
  if (factor.kind !== "function") return undefined;
  const isAllowed = (op: ElementwiseOp): op is Activation => (allowed as readonly ElementwiseOp[]).includes(op);
  return isAllowed(factor.op) ? { op: factor.op, of: factor.of[0] } : undefined;
}

const sumOf = ({ gate, sign }: Weight): Sum => ({ sign, terms: gate.kind === "function" ? gate.of[0] : [] });

/** The factors of a sum that is one product of so many. */
function productOf(terms: Terms, count = 2): readonly Factor[] | undefined {
  const [term, ...more] = terms;
  return more.length === 0 && term?.coefficient === 1 && term.factors.length === count ? term.factors : undefined;
}

/** keep ∘ before + add ∘ candidate, where keep or add may be 1 minus the other. `isState`: whether a factor is what was before. */
function mixtureOf(
  terms: Terms,
  isState: (factor: Factor) => boolean,
): { readonly keep: Weight; readonly add: Weight; readonly candidate: Factor } | undefined {
  const direct = (gate: Factor): Weight => ({ gate, sign: 1 });
  if (terms.length === 2) {
    const pairs = terms.map((term) => productOf([term]));
    const kept = pairs.find((pair) => pair?.some(isState));
    const added = pairs.find((pair) => pair !== kept);
    const keep = kept?.find((factor) => !isState(factor));
    const at = added?.findIndex(isSigmoid) ?? -1;
    if (added === undefined || at < 0 || !isSigmoid(keep)) return undefined;
    return { keep: direct(keep), add: direct(added[at]), candidate: added[1 - at] };
  }
  // x − gate ∘ x + gate ∘ y
  const alone = terms.find(({ factors }) => factors.length === 1);
  const [minus, plus] = terms.filter((term) => term !== alone).sort((a, b) => a.coefficient - b.coefficient);
  if (terms.length !== 3 || alone?.coefficient !== 1 || minus.coefficient !== -1) return undefined;
  const [x] = alone.factors;
  const gate = otherThan(x, minus);
  const y = gate && plus.coefficient === 1 ? otherThan(gate, plus) : undefined;
  if (!isSigmoid(gate) || y === undefined) return undefined;
  if (isState(x)) return { keep: { gate, sign: -1 }, add: direct(gate), candidate: y };
  return isState(y) ? { keep: direct(gate), add: { gate, sign: -1 }, candidate: x } : undefined;
}

/** The other factor of a term of two. */
function otherThan({ key }: Factor, { factors }: Term): Factor | undefined {
  const at = factors.findIndex((factor) => factor.key === key);
  return factors.length === 2 && at >= 0 ? factors[1 - at] : undefined;
}

/** The reset gate in what the new value of a GRU is a function of. */
function resetIn(op: Activation, terms: Terms): { readonly reset: "before" | "after"; readonly resetGate: Factor } {
  const sigmoids = (of: Terms): readonly Factor[] => of.flatMap(({ factors }) => factors.filter(isSigmoid));
  const after = sigmoids(terms);
  const before = terms.flatMap(({ factors }) =>
    factors.flatMap((factor) => (factor.kind === "product" ? sigmoids(factor.of) : [])),
  );
  const [resetGate, ...others] = new Map([...after, ...before].map((factor) => [factor.key, factor])).values();
  if (resetGate === undefined || others.length > 0 || (after.length > 0 && before.length > 0))
    return differ(`the new value is ${op}(${wordsOf(terms)}), where a GRU has one reset gate`);
  return { reset: after.length > 0 ? "after" : "before", resetGate };
}
