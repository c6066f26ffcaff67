/**
 * Finds out whether a loop is an LSTM, a GRU or a plain RNN as ONNX defines them. It looks at what the equations mean once all constants are
 * folded: which states there are, which gates their next values are made of, and which matrices these see. Names, the order of gates, and how
 * an equation is written do not matter.
 *
 *     LSTM  c' = f·c + i·g                h' = o·tanh(c')
 *     GRU   h' = (1 − z)·n + z·h          n = tanh(… + (r·h) @ W), or tanh(… + r·(h @ W + b))
 *     RNN   h' = tanh(…) or relu(…)
 */
import type { Block, Op, OpOf, Value } from "../../../compiler/ir/types.ts";
import type { Printer } from "../printer.ts";
import { type Affine, AffineValues, diagonal, isIdentity, type Matrix, negated } from "./affine.ts";
import { type Monomial, monomialsOf, type Polynomial, polynomialOf } from "./polynomial.ts";

/** What a gate sees. */
export interface Gate {
  /** By what is outside the loop, with steps and examples. */
  readonly inputs: ReadonlyMap<Value, Matrix>;
  /** By the hidden state. */
  readonly hidden: Matrix | undefined;
  /** By the cell state: a number for each unit. */
  readonly peephole?: Float64Array;
  readonly bias: Float64Array;
  /** Added to the product with the hidden state, where a gate multiplies both. */
  readonly hiddenBias?: Float64Array;
}

export type Activation = "Sigmoid" | "Tanh" | "Relu";

/** A loop that is an op of ONNX. The gates are in ONNX's order. */
export interface Native {
  readonly op: "LSTM" | "GRU" | "RNN";
  readonly size: number;
  readonly gates: readonly Gate[];
  readonly activations: readonly Activation[];
  /** Of a GRU: the reset gate multiplies the product with h, not h. */
  readonly resetAfter?: boolean;
  /** The places of h and c among the loop's states. */
  readonly states: readonly number[];
  /** For a loop over sequences of their own lengths: the mark of the steps that each example has. */
  readonly valid?: Value;
}

export interface NotNative {
  readonly why: string;
}

/** The op that `scan` is, or why it is none. */
export function recognise(p: Printer, scan: OpOf<"scan">): Native | NotNative {
  const body = scan.body as Block;
  const reader = new Reader(p, scan, body);
  const { states } = scan.attrs;
  if (states === 0) return { why: "it has no states" };
  if (states > 2) return { why: `it has ${states} states, and an LSTM has two` };
  const held = reader.held();
  if (held === undefined) return { why: "its states do not all wait at missing steps" };
  const native = states === 2 ? (reader.lstm(0, 1) ?? reader.lstm(1, 0)) : (reader.rnn() ?? reader.gru());
  if (native === undefined) return { why: whyOther(body) };
  const [h] = native.states;
  const isSquare = ({ bias, hidden }: Gate): boolean =>
    bias.length === native.size && (hidden === undefined || hidden.rows === native.size);
  if (!native.gates.every(isSquare)) return { why: "its gates have other sizes than its states" };
  if (native.gates.every(({ inputs }) => inputs.size === 0)) return { why: "it reads no input" };
  const hidden = new Set([body.results[h], reader.next(h)]);
  const other = body.results.slice(states).findIndex((v) => !hidden.has(v));
  if (other >= 0) {
    const { name } = scan.results[states + other];
    return { why: `it also gives ${name ? `\`${name}\`` : "another value"} at each step` };
  }
  return { ...native, ...(held.valid && { valid: held.valid }) };
}

/** What is in a loop that no op has, or else that its equations are others. */
function whyOther({ ops, params, results }: Block): string {
  const across = ops.find(({ op }) => op === "sum" || op === "maximum");
  if (across !== undefined && results.every(({ type }) => type.shape.length === 1))
    return "at each step it takes sums over its features, as layer norm and attention do";
  const large = params.find(({ type }) => type.shape.length > 1);
  if (large !== undefined) return `${large.name ? `\`${large.name}\`` : "a state"} is no vector`;
  return "its equations are those of no LSTM, GRU or RNN";
}

class Reader {
  readonly #scan: OpOf<"scan">;
  readonly #body: Block;
  readonly #ops: ReadonlyMap<Value, Op>;
  readonly #affine: AffineValues;
  /** What multiplies and adds up to the next value of each state. */
  #next: readonly Value[] = [];

  constructor(p: Printer, scan: OpOf<"scan">, body: Block) {
    this.#scan = scan;
    this.#body = body;
    this.#ops = new Map(body.ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
    this.#affine = new AffineValues(p, scan);
  }

  next = (state: number): Value => this.#next[state];

  /** The next values at the steps that an example has, and what marks these; undefined if the states do not agree on that. */
  held(): { readonly valid?: Value } | undefined {
    const { states } = this.#scan.attrs;
    const marks = new Set<Value | undefined>();
    this.#next = this.#body.results.slice(0, states).map((v, k) => {
      const op = this.#ops.get(v);
      const [condition, next, before] = op?.op === "select" ? op.operands : [];
      const at = condition === undefined ? -1 : this.#body.params.indexOf(condition);
      const isHeld = before === this.#body.params[k] && at >= states;
      marks.add(isHeld ? this.#scan.operands[at] : undefined);
      return isHeld ? next : v;
    });
    for (const v of this.#next) this.#affine.keepWhole(v);
    if (marks.size !== 1) return undefined;
    const [mark] = marks;
    if (mark === undefined) return {};
    const leaf = this.#affine.definedBy(mark);
    const isValid = leaf?.op === "leaf" && leaf.attrs.leaf.kind === "lengths" && leaf.attrs.leaf.mark === "valid";
    return isValid ? { valid: mark } : undefined;
  }

  lstm(h: number, c: number): Native | undefined {
    const cell = this.#polynomial(this.#next[c]);
    const output = this.#polynomial(this.#next[h]);
    const before = this.#body.params[c];
    const parts = cell && this.#update(cell, before);
    const [shown, ...others] = output ? monomialsOf(output) : [];
    if (parts === undefined || shown === undefined || others.length > 0 || !isProduct(shown, 2)) return undefined;
    const open = shown.factors.find((v) => this.#is(v, "sigmoid"));
    const after = shown.factors.find((v) => v !== open);
    const of = after && this.#activated(after);
    if (open === undefined || of === undefined || of.operand !== this.#next[c]) return undefined;
    const candidate = this.#activated(parts.candidate);
    const keep = this.#gate(parts.keep, h, { value: before });
    const add = this.#gate(parts.add, h, { value: before });
    const show = this.#gate({ gate: open, negative: false }, h, { value: this.#next[c] });
    const seen = candidate && this.#gated(this.#affine.of(candidate.operand), h);
    if (!keep || !add || !show || !candidate || !seen) return undefined;
    return {
      op: "LSTM",
      size: show.bias.length,
      gates: [add, show, keep, seen],
      activations: ["Sigmoid", candidate.kind, of.kind],
      states: [h, c],
    };
  }

  rnn(): Native | undefined {
    const made = this.#activated(this.#next[0]);
    const gate = made && this.#gated(this.#affine.of(made.operand), 0);
    if (!made || !gate) return undefined;
    return { op: "RNN", size: gate.bias.length, gates: [gate], activations: [made.kind], states: [0] };
  }

  gru(): Native | undefined {
    const polynomial = this.#polynomial(this.#next[0]);
    const [h] = this.#body.params;
    const parts = polynomial && this.#update(polynomial, h);
    if (parts === undefined || parts.keep.gate !== parts.add.gate || parts.keep.negative === parts.add.negative)
      return undefined;
    const made = this.#activated(parts.candidate);
    const update = this.#gate(parts.keep, 0);
    const sees = made && this.#affine.of(made.operand);
    const candidate = sees && this.#reset(sees, h);
    if (!made || !update || !candidate) return undefined;
    const reset = this.#gate({ gate: candidate.reset, negative: false }, 0);
    if (reset === undefined) return undefined;
    return {
      op: "GRU",
      size: update.bias.length,
      gates: [update, reset, candidate.gate],
      activations: ["Sigmoid", made.kind],
      resetAfter: candidate.after,
      states: [0],
    };
  }

  /** What the candidate of a GRU sees, and which gate resets it. */
  #reset(
    { size, terms, bias }: Affine,
    h: Value,
  ): { readonly gate: Gate; readonly reset: Value; readonly after: boolean } | undefined {
    const inner = [...terms].filter(([v]) => this.#isInner(v));
    if (inner.length !== 1) return undefined;
    const [[value, matrix]] = inner;
    const op = this.#ops.get(value);
    if (op?.op !== "mul") return undefined;
    const reset = op.operands.find((v) => this.#is(v, "sigmoid"));
    const other = op.operands.find((v) => v !== reset);
    if (reset === undefined || other === undefined) return undefined;
    const outside = this.#outside({ size, terms: new Map([...terms].filter(([v]) => v !== value)), bias });
    if (outside === undefined) return undefined;
    if (other === h) return { gate: { inputs: outside, hidden: matrix, bias }, reset, after: false };
    const product = isIdentity(matrix) ? this.#affine.of(other) : undefined;
    const hidden = product?.terms.get(h);
    if (product === undefined || hidden === undefined || product.terms.size !== 1) return undefined;
    return { gate: { inputs: outside, hidden, bias, hiddenBias: product.bias }, reset, after: true };
  }

  /**
   * keep·before + add·candidate, where one of keep and add may be 1 minus the other: the gates, with whether they are 1 minus a sigmoid.
   */
  #update(polynomial: Polynomial, before: Value) {
    const found = monomialsOf(polynomial);
    const [first, second, third] = found;
    const otherThan = (m: Monomial, ...known: readonly Value[]): Value | undefined => {
      const left = m.factors.filter((v) => !known.includes(v));
      return left.length === 1 ? left[0] : undefined;
    };
    const isGate = (v: Value | undefined): v is Value => v !== undefined && this.#is(v, "sigmoid");
    if (found.length === 2 && found.every((m) => isProduct(m, 2))) {
      const kept = found.find((m) => m.factors.includes(before));
      const added = found.find((m) => m !== kept);
      const keep = kept && otherThan(kept, before);
      const add = added?.factors.find((v) => isGate(v));
      const candidate = added && add && otherThan(added, add);
      if (!isGate(keep) || add === undefined || candidate === undefined) return undefined;
      return { keep: { gate: keep, negative: false }, add: { gate: add, negative: false }, candidate };
    }
    // x − gate·x + gate·y
    if (found.length !== 3 || first.factors.length !== 1 || first.coefficient !== 1) return undefined;
    const [x] = first.factors;
    const minus = [second, third].find((m) => m.coefficient === -1 && m.factors.length === 2 && m.factors.includes(x));
    const plus = [second, third].find((m) => m !== minus && isProduct(m, 2));
    const gate = minus && otherThan(minus, x);
    if (!isGate(gate) || plus === undefined || !plus.factors.includes(gate)) return undefined;
    const y = otherThan(plus, gate);
    if (y === undefined) return undefined;
    const direct = { gate, negative: false };
    const rest = { gate, negative: true };
    if (x === before) return { keep: rest, add: direct, candidate: y };
    return y === before ? { keep: direct, add: rest, candidate: x } : undefined;
  }

  #polynomial = (v: Value): Polynomial | undefined =>
    polynomialOf(v, { defines: (x) => this.#ops.get(x), number: (x) => this.#affine.numbers(x, 1)?.[0] });

  #is = (v: Value, op: Op["op"]): boolean => this.#ops.get(v)?.op === op;

  #activated(v: Value): { readonly kind: Activation; readonly operand: Value } | undefined {
    const op = this.#ops.get(v);
    if (op?.op === "tanh") return { kind: "Tanh", operand: op.operands[0] };
    if (op?.op === "relu") return { kind: "Relu", operand: op.operands[0] };
    return op?.op === "sigmoid" ? { kind: "Sigmoid", operand: op.operands[0] } : undefined;
  }

  /** 1 − σ(x) is σ(−x). */
  #gate(
    { gate, negative }: { readonly gate: Value; readonly negative: boolean },
    h: number,
    cell?: { readonly value: Value },
  ): Gate | undefined {
    const [operand] = this.#ops.get(gate)!.operands;
    const sees = this.#affine.of(operand);
    return sees && this.#gated(negative ? negated(sees) : sees, h, cell?.value);
  }

  /** What is seen of inputs, of the hidden state, and by `cell` through peepholes; undefined if there is something else. */
  #gated(sees: Affine | undefined, h: number, cell?: Value): Gate | undefined {
    if (sees === undefined) return undefined;
    const state = this.#body.params[h];
    const terms = new Map(sees.terms);
    const hidden = terms.get(state);
    terms.delete(state);
    const through = cell && terms.get(cell);
    const peephole = through && diagonal(through);
    if (through && peephole === undefined) return undefined;
    if (cell) terms.delete(cell);
    const inputs = this.#outside({ ...sees, terms });
    return inputs && { inputs, hidden, bias: sees.bias, ...(peephole && { peephole }) };
  }

  /** The terms, if all are of values before the loop, with steps and examples. */
  #outside({ terms }: Affine): ReadonlyMap<Value, Matrix> | undefined {
    const isInput = (v: Value): boolean => !this.#isInner(v) && v.type.time && v.type.batch;
    return [...terms.keys()].every(isInput) ? terms : undefined;
  }

  #isInner = (v: Value): boolean => this.#ops.has(v) || this.#body.params.includes(v);
}

const isProduct = ({ factors, coefficient }: Monomial, of: number): boolean =>
  factors.length === of && coefficient === 1;
