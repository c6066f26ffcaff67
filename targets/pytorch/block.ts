/** Prints a block of Tensor IR as lines of Python: a short value stands where it is used, a named one gets a line of its own. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { elementwise, isElementwise } from "../../compiler/ir/ops/elementwise.ts";
import { broadcastTypes, sameType } from "../../compiler/ir/type.ts";
import type { ElementwiseOp, Op, OpOf, Type, Value } from "../../compiler/ir/types.ts";
import { atom, call, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { captured } from "../../compiler/passes/rewrite.ts";
import type { Mark } from "../../runtime/plan.ts";
import type { Namer } from "../shared/names.ts";
import { helper } from "./helpers.ts";
import { numberSpellings, type Operand, spellings, truths } from "./math.ts";
import { type At, rows, trainingText } from "./ops.ts";
import { extent, list, method, number } from "./text.ts";

/** Longer lines than this are hard to read; what would make one gets a line of its own. */
const LONGEST = 88;

/** A value as it is printed. */
export interface Printed extends Operand {
  /** Whether it has an axis for examples: see `ops.ts`. */
  readonly leaded: boolean;
  /** Of a number: what it is, if that is known now. */
  readonly known?: number;
  /** Of a mark: which one, and of which time axis. */
  readonly mark?: { readonly mark: Mark; readonly axis: string };
  /** What is stretched to the value's type, but not yet printed as such. */
  readonly stretched?: { readonly from: Printed; readonly type: Type };
}

/** What a block stands in. */
export interface Surroundings {
  readonly names: Namer;
  readonly uses: ReadonlyMap<Value, number>;
  /** See `At`. */
  readonly outermost: boolean;
  readonly like: string;
  /** A sum over examples, as that over all examples of a batch that is spread over several processes. */
  across(text: Text): Text;
  /** A dimension's name. */
  dimension(name: string): string;
  /** The axes before the features of a tensor of this type, as a list of Python, or what precedes one: `[T, B`. */
  shape(type: Type, features: readonly string[]): string;
  /** Which steps the examples have: in a step, of that step. */
  has(axis: string): string;
  /** A mark as a tensor. */
  mark(mark: Mark, axis: string): Text;
  /** What is not printed as an op: leaves, sites, loops. Undefined for anything else. */
  special(op: Op, block: Block): readonly Printed[] | undefined;
}

/** How often values are used. What a loop's body uses of the block around it counts twice: it is computed before the loop. */
export function usesOf(ops: readonly Op[], results: readonly Value[]): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  const use = (v: Value, times = 1): void => void uses.set(v, (uses.get(v) ?? 0) + times);
  const count = (all: readonly Op[], ends: readonly Value[]): void => {
    for (const op of all) {
      for (const v of op.operands) use(v);
      if (!op.body) continue;
      for (const v of captured(op.body)) use(v, 2);
      count(op.body.ops, op.body.results);
    }
    // A loop's output that is a state is read by the state's name.
    for (const v of new Set(ends)) use(v);
  };
  count(ops, results);
  return uses;
}

export class Block {
  readonly lines: string[] = [];
  readonly around: Surroundings;
  private readonly outer: Block | undefined;
  private readonly printed = new Map<Value, Printed>();

  constructor(around: Surroundings, outer?: Block) {
    this.around = around;
    this.outer = outer;
  }

  /** What a value is printed as. */
  of(v: Value): Printed {
    const found = this.printed.get(v) ?? this.outer?.of(v);
    if (found === undefined) throw new InternalError(`value ${v.id} (${v.name}) is used before it is printed`);
    return found;
  }

  set(v: Value, printed: Printed): void {
    this.printed.set(v, printed);
  }

  /** A line that names a value. Returns the name. */
  assign(hint: string, text: string): string {
    const name = this.around.names.fresh(hint);
    this.lines.push(`${name} = ${text}`);
    return name;
  }

  ops(ops: readonly Op[]): void {
    for (const op of ops) {
      const special = this.around.special(op, this);
      if (special) for (const [i, v] of op.results.entries()) this.set(v, special[i]);
      else if (op.results.length > 1) this.several(op);
      else this.set(op.results[0], this.placed(op.results[0], this.print(op), op.op));
    }
  }

  private print(op: Op): Printed {
    if (isElementwise(op.op)) return this.elementwise(op as OpOf<ElementwiseOp>);
    const leaded = op.operands.some((v) => this.of(v).leaded) || op.results[0].type.batch || op.results[0].type.time;
    if (op.op === "const") {
      const text = rows.const(op, this.at(op));
      return { text, kind: "number", leaded: false, ...(op.attrs.dims.length === 0 && { known: op.attrs.value }) };
    }
    if (op.op === "training") return { text: rows.training(op, this.at(op)), kind: "number", leaded: false };
    if (op.op === "broadcast") {
      const from = this.of(op.operands[0]);
      if (sameType(op.operands[0].type, op.results[0].type)) return from;
      return { text: from.text, kind: "tensor", leaded, stretched: { from, type: op.operands[0].type } };
    }
    if (op.op === "stop" && this.of(op.operands[0]).kind === "number") return this.of(op.operands[0]);
    return { text: this.structural(op), kind: "tensor", leaded: this.isLeaded(op, leaded) };
  }

  /** Reductions of the outermost block leave nothing where they leave no axis. */
  private isLeaded(op: Op, leaded: boolean): boolean {
    const { type } = op.results[0];
    return this.around.outermost ? type.time || type.batch : leaded;
  }

  private structural(op: Op): Text {
    const row = rows[op.op as keyof typeof rows] as (op: Op, at: At) => Text;
    const text = row(op, this.at(op));
    // The operands of `concat` have the same axes.
    if (op.op !== "concat") return text;
    const { axis } = op.attrs;
    const [y] = op.results;
    const parts = op.operands.map((v) => {
      const whole = { ...y.type, shape: y.type.shape.map((d, i) => (i === axis ? v.type.shape[i] : d)) };
      return this.stretchedTo(v, whole).text.text;
    });
    return { ...text, text: text.text.replace("#operands", () => list(parts)) };
  }

  private at(op: Op): At {
    const { around } = this;
    const at: At = {
      outermost: around.outermost,
      like: around.like,
      x: (i) => this.tensor(op.operands[i]),
      leaded: (i) => this.of(op.operands[i]).leaded,
      extent: (text) => this.extent(dim.parse(text)),
      shape: (type) => this.shape(type),
      across: around.across,
    };
    return at;
  }

  extent(d: dim.Dim): Text {
    return extent(d, this.around.dimension);
  }

  shape(type: Type): string {
    return this.around.shape(
      type,
      type.shape.map((d) => this.extent(d).text),
    );
  }

  /** A value as a tensor of its whole type. */
  tensor(v: Value): Text {
    const printed = this.of(v);
    if (printed.stretched) return this.whole(v, printed).text;
    if (printed.mark) return this.asTensor(this.marked(printed), v.type);
    return this.asTensor(printed, v.type);
  }

  /** A mark as what it is printed as. */
  private marked(printed: Printed): Printed {
    if (!printed.mark) return printed;
    const { mark, axis } = printed.mark;
    return { ...printed, text: this.around.mark(mark, axis), mark: undefined };
  }

  private asTensor({ text, kind }: Printed, type: Type): Text {
    if (kind === "tensor") return text;
    if (kind === "bool") return type.dtype === "f32" ? method(text, "to", `${this.around.like}.dtype`) : text;
    return this.filled(text, type);
  }

  private filled(text: Text, type: Type): Text {
    const shape = this.shape(type);
    return text.text === "0"
      ? method(atom(this.around.like), "new_zeros", shape)
      : method(atom(this.around.like), "new_full", shape, text.text);
  }

  /** What was stretched lazily, stretched; with a name if it is used again. */
  private whole(v: Value, printed: Printed): Printed {
    const { from } = printed.stretched!;
    const text =
      from.kind === "number"
        ? this.filled(from.text, v.type)
        : method(this.alignedTo(this.asTensorOf(from), printed.stretched!.type, v.type), "expand", this.shape(v.type));
    const made: Printed = { text, kind: "tensor", leaded: printed.leaded };
    const named = (this.around.uses.get(v) ?? 0) > 1 ? this.named(v, made, "whole") : made;
    this.set(v, named);
    return named;
  }

  private asTensorOf(p: Printed): Printed {
    return p.kind === "bool"
      ? { ...p, text: this.asTensor(this.marked(p), { dtype: "f32" } as Type), kind: "tensor" }
      : p;
  }

  /** A value stretched to a type, if it does not have it. */
  stretchedTo(v: Value, type: Type): Printed {
    const own = this.of(v);
    if (sameType({ ...v.type, dtype: "f32" }, { ...type, dtype: "f32" }) && (this.around.outermost || own.leaded))
      return { ...own, text: this.tensor(v), kind: "tensor" };
    if (own.kind === "number") return { text: this.filled(own.text, type), kind: "tensor", leaded: true };
    if (!type.batch && !type.time && !own.leaded) return { ...own, text: this.tensor(v), kind: "tensor" };
    const text = method(this.alignedTo({ ...own, text: this.tensor(v) }, v.type, type), "expand", this.shape(type));
    return { text, kind: "tensor", leaded: true };
  }

  /** With axes of extent 1 between its examples and its features, as many as it lacks. */
  private alignedTo(p: Printed, from: Type, to: Type): Text {
    let { text } = p;
    if (!p.leaded || p.kind === "number") return text;
    for (let r = from.shape.length; r < to.shape.length; r++)
      text = method(text, "unsqueeze", String(-from.shape.length - 1));
    return text;
  }

  private elementwise(op: OpOf<ElementwiseOp>): Printed {
    const [y] = op.results;
    const operands = this.unstretched(op.operands, y.type);
    const leaded = operands.some(({ printed }) => printed.leaded);
    const known = operands.map(({ printed }) => printed.known);
    if (known.every((k) => k !== undefined)) {
      const value = (elementwise[op.op].evaluate as (...x: number[]) => number)(...(known as number[]));
      return { text: number(value), kind: "number", leaded: false, known: value };
    }
    if (operands.every(({ printed }) => printed.kind === "number")) {
      const text = numberSpellings[op.op](operands.map(({ printed }) => printed));
      return { text, kind: "number", leaded: false };
    }
    const same = this.unchanged(op, operands);
    if (same) return same;
    if (op.op === "select") return this.select(op as OpOf<"select">, operands, leaded);
    const args = operands.map(({ printed, type }): Operand => {
      if (printed.kind === "number") return printed;
      const shown = this.marked(printed);
      // A truth value takes part as the number that it is.
      const text = shown.kind === "bool" ? this.asTensor(shown, { ...type, dtype: "f32" }) : shown.text;
      return { text: this.alignedTo({ ...shown, text }, type, y.type), kind: "tensor" };
    });
    const text = spellings[op.op](args);
    return { text, kind: truths.has(op.op) ? "bool" : "tensor", leaded };
  }

  /** The operand that an op returns as it is, because another one is known: x + 0, x · 1, or what `select` chooses. */
  private unchanged(
    { op, results: [y] }: OpOf<ElementwiseOp>,
    operands: readonly { readonly printed: Printed; readonly type: Type }[],
  ): Printed | undefined {
    const known = (i: number): number | undefined => operands[i].printed.known;
    const neutral = op === "add" || op === "sub" ? 0 : op === "mul" || op === "div" ? 1 : undefined;
    const kept =
      op === "select"
        ? known(0) === undefined
          ? undefined
          : operands[known(0) === 0 ? 2 : 1]
        : neutral !== undefined && known(1) === neutral
          ? operands[0]
          : neutral !== undefined && known(0) === neutral && (op === "add" || op === "mul")
            ? operands[1]
            : undefined;
    if (kept === undefined) return undefined;
    if (sameType({ ...kept.type, dtype: "f32" }, { ...y.type, dtype: "f32" })) return kept.printed;
    const { printed, type } = kept;
    return { text: printed.text, kind: "tensor", leaded: true, stretched: { from: printed, type } };
  }

  private select(
    op: OpOf<"select">,
    [c, a, b]: readonly { readonly printed: Printed; readonly type: Type }[],
    leaded: boolean,
  ): Printed {
    const [y] = op.results;
    const { around } = this;
    const isWhole = (i: 1 | 2): boolean =>
      sameType({ ...op.operands[i].type, dtype: "f32" }, { ...y.type, dtype: "f32" });
    if (c.printed.mark?.mark === "valid" && isWhole(1)) {
      const has = atom(around.has(c.printed.mark.axis));
      if (b.printed.known === 0)
        return { text: call(helper("present"), this.tensor(op.operands[1]), has), kind: "tensor", leaded };
      if (isWhole(2) && !around.outermost) {
        const both = [op.operands[1], op.operands[2]].map((v) => this.tensor(v));
        return { text: call(helper("keep"), ...both, has), kind: "tensor", leaded };
      }
    }
    if (c.printed.kind === "number") {
      // Either is whole: nothing stretches it.
      const [first, second] = [op.operands[1], op.operands[2]].map(
        (v) => this.stretchedTo(v, { ...y.type, dtype: v.type.dtype }).text.text,
      );
      return { text: atom(`(${first} if ${truth(c.printed.text.text)} else ${second})`), kind: "tensor", leaded };
    }
    const condition = this.condition(c.printed, c.type, y.type);
    const chosen = [a, b].map(({ printed, type }): Printed => {
      if (printed.kind === "number") return printed;
      const shown = this.marked(printed);
      const text = shown.kind === "bool" ? this.asTensor(shown, { ...type, dtype: "f32" }) : shown.text;
      return { ...shown, kind: "tensor", text: this.alignedTo({ ...shown, text }, type, y.type) };
    });
    // Of two numbers, PyTorch would make numbers of its default precision.
    const args = chosen.every(({ kind }) => kind === "number")
      ? [{ ...chosen[0], text: method(atom(around.like), "new_full", "[]", chosen[0].text.text) }, chosen[1]]
      : chosen;
    return { text: spellings.select([condition, ...args]), kind: "tensor", leaded };
  }

  private condition(printed: Printed, from: Type, to: Type): Operand {
    const shown = this.marked(printed);
    const aligned = this.alignedTo(shown, from, to);
    if (shown.kind === "bool") return { text: aligned, kind: "bool" };
    return {
      text: spellings.ne([
        { text: aligned, kind: "tensor" },
        { text: atom("0"), kind: "number" },
      ]),
      kind: "bool",
    };
  }

  /** Operands as they were before they were stretched, as far as the op stretches them anyway. */
  private unstretched(
    operands: readonly Value[],
    to: Type,
  ): readonly { readonly printed: Printed; readonly type: Type }[] {
    const lazy = operands.map((v) => this.of(v).stretched !== undefined);
    for (;;) {
      const chosen = operands.map((v, i) => {
        const printed = this.of(v);
        return lazy[i]
          ? { printed: printed.stretched!.from, type: printed.stretched!.type }
          : { printed: printed.stretched ? this.whole(v, printed) : printed, type: v.type };
      });
      const types = chosen.map(({ type }): Type => ({ ...type, dtype: "f32" }));
      if (sameType(broadcastTypes(types), { ...to, dtype: "f32" }) || !lazy.includes(true)) return chosen;
      lazy[lazy.lastIndexOf(true)] = false;
    }
  }

  private several(op: Op): void {
    const { text } = this.structural(op);
    const isUsed = (v: Value): boolean => (this.around.uses.get(v) ?? 0) > 0;
    const names = op.results.map((v) => (isUsed(v) ? this.around.names.fresh(v.name || "part") : "_"));
    this.lines.push(`${names.join(", ")} = ${text}`);
    const leaded = op.operands.some((v) => this.of(v).leaded);
    for (const [i, v] of op.results.entries()) this.set(v, { text: atom(names[i]), kind: "tensor", leaded });
  }

  /** The value where it is used, or its name. */
  placed(v: Value, printed: Printed, hint: string): Printed {
    if (printed.kind === "number" || printed.stretched || printed.mark) return printed;
    const isShort = printed.text.text.length <= LONGEST / 2 || (this.around.uses.get(v) ?? 0) <= 1;
    const isAtom = /^[\w.[\]]+$/.test(printed.text.text);
    if (isAtom && (v.name === "" || isSelf(printed.text.text))) return printed;
    const uses = this.around.uses.get(v) ?? 0;
    if (v.name === "" && uses <= 1 && isShort && printed.text.text.length <= LONGEST) return printed;
    return this.named(v, printed, hints[hint] ?? hint);
  }

  named(v: Value, printed: Printed, hint: string): Printed {
    const name = this.assign(v.name || hint, printed.text.text);
    return { ...printed, text: atom(name), stretched: undefined };
  }
}

/** What a value without a name is called, where the name of its op is one of Python's. */
const hints: Readonly<Record<string, string>> = {
  ...{ sum: "total", max: "larger", min: "smaller", maximum: "largest", abs: "size", iota: "positions" },
  ...{
    dot: "product",
    mul: "product",
    div: "ratio",
    add: "total",
    sub: "difference",
    select: "chosen",
    neg: "negative",
  },
};

/** Whether a number is another one than 0. */
const truth = (text: string): string => (text === trainingText ? "self.training" : `${text} != 0`);

const isSelf = (text: string): boolean => text.startsWith("self.");
