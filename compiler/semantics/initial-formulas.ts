/**
 * Initialisers that are computed: `log(1 + range)`, `exp(uniform(0, 6))`, `uniform(0, tau)`.
 *
 * The expression is evaluated like any other, on a builder of its own, whose leaves are the draws, lists and ranges in it and the
 * initial values of other parameters. What came out must be elementwise, and becomes the steps of a formula.
 */
import type { Formula, Init, InitFunction } from "../../runtime/plan.ts";
import type { Span } from "../diagnostics/span.ts";
import { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { ElementwiseOp, Op, Value } from "../ir/types.ts";
import type { Expr } from "../syntax/ast.ts";
import { matchArguments } from "./arguments.ts";
import { extentOf, isConstant } from "./constants.ts";
import { type Context, leaf, showShape } from "./context.ts";
import { elementwise, evaluate, realValue } from "./expressions.ts";
import { firstNotFinite } from "./initial-check.ts";
import { entriesOf, listInit, listShape } from "./initial-lists.ts";
import { initialisers, initialMeaning, isInitialiser } from "./initialisers.ts";
import { type Binding, type Meaning, poison, spell } from "./scope.ts";

type Call = Expr & { readonly kind: "call" };

/** The meaning of a computed initialiser, for whatever shape the parameter has. */
export const formula = (e: Expr, c: Context): Meaning => ({
  kind: "init",
  of: (shape) => new Computed(shape, c).run(e),
});

class Computed {
  private readonly shape: readonly dim.Dim[];
  private readonly c: Context;
  private readonly builder = new Builder();
  /** What each leaf of the builder stands for. */
  private readonly leaves = new Map<Value, Init>();

  constructor(shape: readonly dim.Dim[], outer: Context) {
    this.shape = shape;
    this.c = {
      ...outer,
      builder: this.builder,
      forbids: (binding) => forbidden(binding, outer),
      draw: ({ span }) => {
        outer.problems.error("C0216", span, "noise is drawn in every run, and an initial value once", {
          help: "write normal(0.1) or uniform(0.1)",
        });
        return poison;
      },
      scan: undefined,
      member: undefined,
      site: undefined,
      initial: (e, c) => this.initial(e, c),
    };
  }

  run(e: Expr): Init | undefined {
    const { problems } = this.c;
    const errors = problems.errors;
    const v = realValue(evaluate(e, this.c), e.span, this.c);
    if (v === undefined || problems.errors > errors) return undefined;
    const lead = this.shape.length - v.type.shape.length;
    if (lead >= 0 && v.type.shape.every((d, i) => dim.equal(d, this.shape[lead + i])))
      return this.finite(this.formula(v, e), e);
    problems.error(
      "C0204",
      e.span,
      `this is ${showShape(v.type.shape)}, and the parameter is ${showShape(this.shape)}`,
      {
        label: "an initial value has the parameter's shape, or the end of it",
      },
    );
    return undefined;
  }

  /** What an expression means only in an initialiser; undefined if it means what it means elsewhere. */
  private initial(e: Expr, c: Context): Meaning | undefined {
    switch (e.kind) {
      case "list": {
        const entries = entriesOf(e, c);
        const shape = entries && listShape(entries, this.shape, c);
        const init = entries && shape && listInit(entries, this.shape, c);
        return init === undefined ? poison : this.leaf(init, shape!);
      }
      case "name": {
        const key = spell(e.name);
        const binding = c.scope.find(key);
        if (binding === undefined)
          return Object.hasOwn(initialisers, key) ? this.made(initialMeaning(e, c), e.span) : undefined;
        if (binding.meaning.kind === "init") {
          binding.used = true;
          return this.made(binding.meaning, e.span);
        }
        if (binding.meaning.kind !== "value") return undefined;
        const of = c.world.parameters.get(binding.meaning.value);
        if (of === undefined) return undefined;
        binding.used = true;
        return this.leaf({ kind: "copy", of }, binding.meaning.value.type.shape);
      }
      case "call": {
        const name = e.callee.text;
        if (!isInitialiser(name)) return undefined;
        const isPlain = name === "blocks" || e.args.every(({ value }) => isConstant(value, c));
        return isPlain ? this.made(initialMeaning(e, c), e.span) : this.spread(e, c);
      }
      default:
        return undefined;
    }
  }

  private made(m: Meaning, span: Span): Meaning {
    if (m.kind !== "init") return m;
    const init = m.of(this.shape, span);
    if (init === undefined) return poison;
    if (init.kind === "constant") return { kind: "number", number: init.value };
    const counts = init.kind === "range" && init.along === "last";
    return this.leaf(init, counts ? this.shape.slice(-1) : this.shape);
  }

  private leaf(init: Init, shape: readonly dim.Dim[]): Meaning {
    const name = `initial/${this.leaves.size}`;
    const value = leaf(this.builder, { kind: "carry", name }, { dtype: "f32", time: false, batch: false, shape });
    this.leaves.set(value, init);
    return { kind: "value", value };
  }

  /** `uniform` and `normal` with bounds that are computed: a standard draw, moved and spread. */
  private spread(e: Call, c: Context): Meaning {
    const name = e.callee.text;
    if (name !== "uniform" && name !== "normal") {
      c.problems.error("C0222", e.span, `the arguments of \`${name}\` are numbers`, {
        label: "not known while compiling",
        help:
          name === "zeros" || name === "ones"
            ? `write ${name}: the shape is the declared one`
            : `multiply: 0.5 * ${name}`,
      });
      return poison;
    }
    const matched = matchArguments(name, e.span, initialisers[name].params, e.args, c.problems);
    if (matched === undefined) return poison;
    const [first, second] = [...matched.values()].flatMap((arg) => (arg ? [arg.value] : []));
    const draw = (init: Init): Value => (this.leaf(init, this.shape) as Extract<Meaning, { kind: "value" }>).value;
    const apply = (op: "add" | "sub" | "mul", a: Value, b: Value): Value | undefined => {
      const m = elementwise(op, [a, b], [e.span, e.span], e.span, c);
      return m.kind === "value" ? m.value : undefined;
    };
    const a = realValue(evaluate(first, c), first.span, c);
    const b = second && realValue(evaluate(second, c), second.span, c);
    if (a === undefined || (second !== undefined && b === undefined)) return poison;
    const standard: Init =
      name === "normal" ? { kind: "normal", mean: 0, std: 1 } : { kind: "uniform", low: b ? 0 : -1, high: 1 };
    const fromZero = b !== undefined && c.world.known.get(a) === 0;
    const width = fromZero ? b : b === undefined ? a : name === "normal" ? b : apply("sub", b, a);
    const wide = width && apply("mul", width, draw(standard));
    const value = b === undefined || fromZero ? wide : wide && apply("add", a, wide);
    return value === undefined ? poison : { kind: "value", value };
  }

  /** `init`, unless it is the same for every seed and not finite somewhere. */
  private finite(init: Init | undefined, e: Expr): Init | undefined {
    const shape = this.shape.map((d) => extentOf(d, this.c.world.numbers));
    const wrong = init && shape.every((n) => n !== undefined) ? firstNotFinite(init, shape) : undefined;
    if (wrong === undefined) return init;
    const at = wrong.at === 0 ? "its first entry" : `entry ${wrong.at}, counted from 0,`;
    this.c.problems.error("C0229", e.span, `this initial value is not finite: ${at} is ${wrong.value}`, {
      label: `for ${showShape(this.shape)}`,
      help: "see what is divided by zero, or taken a root or log of: range counts from 0",
    });
    return undefined;
  }

  /** The steps that compute `v`; undefined after a report. */
  private formula(v: Value, e: Expr): Init | undefined {
    const { ops } = this.builder;
    const needed = new Set([v]);
    // In SSA, an op comes after everything that it reads.
    for (const op of ops.toReversed())
      if (op.results.some((r) => needed.has(r)) && !op.results.some((r) => this.c.world.known.has(r)))
        for (const operand of op.operands) needed.add(operand);
    const steps: Formula["steps"][number][] = [];
    const places = new Map<Value, number>();
    for (const op of ops) {
      const [value] = op.results;
      if (!op.results.some((r) => needed.has(r))) continue;
      if (op.op === "broadcast" && !this.c.world.known.has(value)) {
        places.set(value, places.get(op.operands[0])!);
        continue;
      }
      const step = this.step(value, op, places);
      if (step === undefined) {
        this.c.problems.error("C0216", e.span, "an initial value is computed element by element", {
          label: "this needs more than that",
          help: "use numbers, lists, range, draws, other parameters, + - * / ^ and functions such as exp, log and where",
        });
        return undefined;
      }
      places.set(value, steps.push(step) - 1);
    }
    const [only] = steps;
    return steps.length === 1 && only.kind !== "apply" ? only : { kind: "formula", steps };
  }

  /** The step that makes `value`; undefined if its op is not elementwise. */
  private step(value: Value, op: Op, places: ReadonlyMap<Value, number>): Formula["steps"][number] | undefined {
    const number = this.c.world.known.get(value);
    if (number !== undefined) return { kind: "constant", value: number };
    const init = this.leaves.get(value);
    if (init !== undefined) return init;
    // In a mere check, a dimension without a number counts as 1.
    if (op.op === "const") return { kind: "constant", value: op.attrs.value };
    return isElementwise(op.op) && isInitFunction(op.op)
      ? { kind: "apply", op: op.op, of: op.operands.map((operand) => places.get(operand)!) }
      : undefined;
  }
}

/** Whether the runtime computes an op in initial values. An error function is too much for the few that would want it. */
const isInitFunction = (op: ElementwiseOp): op is InitFunction => op !== "erf";

/** Values of a step have no initial value. */
function forbidden(binding: Binding, outer: Context): string | undefined {
  const { meaning, origin } = binding;
  if (meaning.kind !== "value" || outer.world.parameters.has(meaning.value)) return outer.forbids?.(binding);
  return `an initial value is made of numbers and of other parameters, and this is ${origin === "input" ? "an" : "a"} ${origin}`;
}
