/**
 * What a step of a scan computes, as sums of products.
 *
 * A vector is followed part by part: a gate is H entries of what may be computed as one value of 4H, or as four. What does not depend on
 * states is followed out of the loop, so it does not matter whether an input product was hoisted. The next values of states are factors of
 * their own, so that σ(o) ∘ tanh(c') is just that.
 */
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Bindings } from "../ir/tensor.ts";
import type { Block, Op, OpOf, Value } from "../ir/types.ts";
import type { Definitions } from "../passes/rewrite.ts";
import {
  isAffine,
  keyOf,
  MOST_TERMS,
  multiplied,
  type Part,
  partKey,
  scaled,
  single,
  summed,
  type Term,
  type Terms,
  type WeightBlock,
} from "./gate-terms.ts";

/**
 * Follows the values of one scan. `defs`: where the values of its graph are defined, bodies included; `extents`: of every dimension that
 * vectors and weights have; `next`: the values that are a state's next one, and the number of that state.
 */
export class ScanTerms {
  readonly #body: Block;
  readonly #scan: OpOf<"scan">;
  readonly #defs: Definitions;
  readonly #extents: Bindings;
  readonly #next: ReadonlyMap<Value, number>;
  readonly #known = new Map<Value, Map<string, Terms>>();
  readonly #steady = new Map<Value, boolean>();

  constructor(scan: OpOf<"scan">, defs: Definitions, extents: Bindings, next: ReadonlyMap<Value, number>) {
    this.#scan = scan;
    this.#body = scan.body!;
    this.#defs = defs;
    this.#extents = extents;
    this.#next = next;
  }

  /** The terms of a vector of the body, or of a part of it. The next value of a state is one factor. */
  of(part: Part): Terms {
    const index = this.#next.get(part.value);
    if (index !== undefined)
      return single({ kind: "next", index, part, key: `next ${index} [${part.from}:${part.to}]` });
    const known = this.#known.get(part.value) ?? new Map<string, Terms>();
    this.#known.set(part.value, known);
    const at = `${part.from}:${part.to}`;
    const found = known.get(at) ?? this.expanded(part);
    known.set(at, found);
    return found;
  }

  /** The whole of a vector; undefined for a value of another shape. */
  whole(value: Value): Part | undefined {
    const { shape } = value.type;
    if (shape.length > 1) return undefined;
    return { value, from: 0, to: shape.length === 0 ? 1 : this.#extent(shape[0]) };
  }

  #extent(d: dim.Dim): number {
    return dim.evaluate(d, this.#extents);
  }

  /** Whether a value is the same at all steps and for all examples. */
  #isSteady(v: Value): boolean {
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
      op.operands.every((x) => this.#isSteady(x));
    this.#steady.set(v, steady);
    return steady;
  }

  /** The terms of a part, also of a next value. */
  expanded(part: Part): Terms {
    const { value } = part;
    const number = this.#number(value);
    if (number !== undefined) return number === 0 ? [] : [{ coefficient: number, factors: [] }];
    if (this.#isSteady(value)) return this.#steadyTerms(part);
    const at = this.#body.params.indexOf(value);
    if (at >= 0 && at < this.#scan.attrs.states)
      return single({ kind: "state", index: at, part, key: `state ${partKey(part)}` });
    if (at >= 0) return this.of({ ...part, value: this.#scan.operands[at] });
    const op = this.#defs.get(value);
    // What differs between steps but not between examples is no weight: a sequence with it is taken as it is.
    const isWhole = value.type.time && op?.operands.some(({ type }) => type.time && !type.batch);
    const through = op && !isWhole ? this.#through(op, part) : undefined;
    if (through !== undefined && through.length <= MOST_TERMS && (!value.type.time || isAffine(through)))
      return through;
    return value.type.time ? sequenceOf(part) : single({ kind: "other", part, key: `other ${partKey(part)}` });
  }

  /** A part of a vector that all steps share, as sums of parts of what it was taken from. */
  #steadyTerms(part: Part): Terms {
    const op = this.#defs.get(part.value)!;
    const isTaken = /^(add|sub|neg|split|cut|slice|concat|broadcast|copy|stop)$/.test(op.op);
    return (isTaken && this.#through(op, part)) || single({ kind: "steady", part, key: `steady ${partKey(part)}` });
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
      case "div": {
        const x = operand(op.operands[0]);
        const by = this.#inverse(op.operands[1], part);
        return x && by && multiplied(x, by);
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
        const width = this.#extent(op.results[0].type.shape[0]);
        const before = width * op.results.indexOf(part.value);
        return this.of({ value: op.operands[0], from: before + from, to: before + to });
      }
      case "cut": {
        if (op.operands[0].type.shape.length !== 1) return undefined;
        const at = op.results.indexOf(part.value);
        const before = op.results.slice(0, at).reduce((sum, { type }) => sum + this.#extent(type.shape[0]), 0);
        return this.of({ value: op.operands[0], from: before + from, to: before + to });
      }
      case "slice": {
        if (op.operands[0].type.shape.length !== 1) return undefined;
        const before = this.#extent(dim.parse(op.attrs.from));
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

  /** 1 by a number or a vector that all steps share. */
  #inverse(divisor: Value, { from, to }: Part): Terms | undefined {
    const number = this.#number(divisor);
    if (number !== undefined) return number === 0 ? undefined : [{ coefficient: 1 / number, factors: [] }];
    const whole = this.whole(divisor);
    if (whole === undefined || !this.#isSteady(divisor)) return undefined;
    const part = whole.to === 1 ? whole : { value: divisor, from, to };
    return single({ kind: "inverse", part, key: `inverse ${partKey(part)}` });
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
    const steadySecond = this.#isSteady(y) && a.length === 1 && b.length === 2;
    const steadyFirst = this.#isSteady(x) && b.length === 1 && a.length === 2;
    if (!steadySecond && !steadyFirst) return undefined;
    const [vector, own, matrix, labels] = steadySecond ? [x, a, y, b] : [y, b, x, a];
    if (out === own || !labels.includes(own) || !labels.includes(out)) return undefined;
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
    return sequenceOf({ ...part, value });
  }

  /** The number that a value has in every entry, if it is one. */
  #number(v: Value): number | undefined {
    const op = this.#defs.get(v);
    if (op?.op === "broadcast") return this.#number(op.operands[0]);
    if (op?.op !== "const" || op.attrs.dims.some((d) => d === "batch" || d === "time")) return undefined;
    return op.attrs.dims.reduce((product, d) => product * this.#extent(dim.parse(d)), op.attrs.value);
  }
}

const sequenceOf = (part: Part): Terms => single({ kind: "sequence", part, key: `sequence ${partKey(part)}` });
