/** The type of a built-in function, which is a row of the table in `builtins.ts`, and helpers to read its arguments. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import type { AxisName } from "../syntax/ast.ts";
import { asDim, extentOf, isExact, isExtent, maxParts } from "./constants.ts";
import { type Context, type GivenAxis, wanted } from "./context.ts";
import { describe, misfit, realValue, toValue } from "./expressions.ts";
import { fitsKernels } from "./finite.ts";
import { stepsHabit } from "./habits.ts";
import { type Meaning, poison } from "./scope.ts";

/** An option of a call. */
export interface Option {
  readonly meaning: Meaning;
  /** Where it is given, or the call, if it is not. */
  readonly span: Span;
  readonly isGiven: boolean;
}

export interface BuiltinCall {
  readonly name: string;
  readonly span: Span;
  readonly args: readonly Meaning[];
  /** The spans of the arguments. */
  readonly spans: readonly Span[];
  readonly over: readonly GivenAxis[] | undefined;
  /** Every option of the row: as given, or its default. */
  readonly options: Readonly<Record<string, Option>>;
  /** The function that the first argument names, if the row takes one; `args` and `spans` are then those of the others. */
  readonly f?: (args: readonly Meaning[], round: number) => Meaning;
  readonly c: Context;
}

export interface Builtin {
  readonly signature: string;
  readonly doc: string;
  /** The minimum and maximum number of arguments. */
  readonly arity: readonly [number, number];
  /** It takes `over`. */
  readonly reduces?: true;
  /** It takes `over` with one of these axes, along which it works; where none is given, with the first. */
  readonly along?: readonly AxisName[];
  /** What may be given by name after the arguments, with the defaults. */
  readonly options?: Readonly<Record<string, number | string>>;
  /** It takes values that have all steps of a sequence at once (`all-steps.ts`). Others refuse them. */
  readonly takesAllSteps?: true;
  /** The first argument is the name of a function. */
  readonly takesFunction?: true;
  /** The meaning of a call whose arguments are not poison. */
  readonly apply: (call: BuiltinCall) => Meaning;
}

export const value = (v: Value | undefined): Meaning => (v === undefined ? poison : { kind: "value", value: v });

export const real = ({ args, spans, c }: BuiltinCall, i: number): Value | undefined => realValue(args[i], spans[i], c);

export function positive({ name, args, spans, c }: BuiltinCall, i: number, what: string): number | undefined {
  const m = args[i];
  const n = m.kind === "number" ? m.number : m.kind === "dim" ? dim.asNumber(m.dim) : undefined;
  if (n !== undefined && isExtent(n) && n <= maxParts) return n;
  c.problems.error("C0222", spans[i], `\`${name}\` needs ${what}`, { label: `this is ${describe(m)}` });
  return undefined;
}

/** The argument as an extent, recorded for the check against bound numbers. */
export function extent({ args, spans, c }: BuiltinCall, i: number): dim.Dim | undefined {
  const d = asDim(args[i]);
  const n = d && dim.asNumber(d);
  if (d !== undefined && (n === undefined || isExtent(n))) {
    wanted(d, spans[i], c);
    return d;
  }
  c.problems.error("C0222", spans[i], `${describe(args[i])} is not an extent`, {
    label: "a positive whole number, or made of dimensions",
  });
  return undefined;
}

/** The shape `[n, …]` in an argument; undefined after a report. */
export function extents(call: BuiltinCall, list: Meaning, span: Span): readonly dim.Dim[] | undefined {
  const args = list.kind === "list" ? list.items : [list];
  if (args.some((m) => m.kind === "poison")) return undefined;
  const items = { ...call, args, spans: args.map(() => span) };
  const shape = args.map((_, i) => extent(items, i)).filter((d) => d !== undefined);
  return shape.length === args.length ? shape : undefined;
}

export function index({ args, spans, c }: BuiltinCall, i: number): Value | undefined {
  const isFixed = args[i].kind === "number" || args[i].kind === "dim";
  const v = toValue(args[i], spans[i], c);
  if (v === undefined || v.type.dtype === "index") return v;
  c.problems.error("C0224", spans[i], `${describe(args[i])} does not select rows`, {
    label: "an index is needed here",
    help: isFixed
      ? "for a fixed place write W[0], a row, or range(n) == 0, which is 1 there"
      : "declare the input as `index(n)`",
  });
  return undefined;
}

/** A compile-time number; a dimension is its bound number. Undefined after a report. */
export function constant(m: Meaning, span: Span, c: Context): number | undefined {
  if (m.kind === "number") return fitsKernels(m.number, span, c) ? m.number : undefined;
  // In a mere check, an unbound dimension may be any number; 1 does no harm to messages.
  if (m.kind === "dim") return extentOf(m.dim, c.world.numbers) ?? 1;
  if (m.kind !== "poison") {
    c.problems.error("C0222", span, "this number must be known while compiling", {
      label: `${describe(m)} is not a constant`,
    });
  }
  return undefined;
}

/** A help line if a scan without brackets stands before other arguments, which were perhaps meant for it. */
export function bracketsOfScan(spans: readonly Span[], { world }: Context): string | undefined {
  const at = spans.findIndex((span) => /^scan\s/.test(world.modules.textAt(span)));
  if (at < 0 || at === spans.length - 1) return undefined;
  const meant = spans.slice(at).map((span) => world.modules.textAt(span));
  return `a comma ends a scan among arguments: put brackets around it, (${meant.join(", ").replace(/\s+/g, " ")})`;
}

/** Whether a result may have the extent `d`, which repeated calls can make arbitrarily large. Reports it if not. */
export function isBearable(d: dim.Dim, { name, span, c }: BuiltinCall): boolean {
  if (isExact(d)) return true;
  c.problems.error("C0222", span, `\`${name}\` makes an extent beyond all numbers`, { label: "too large for a shape" });
  return false;
}

/** The axis that the call is along, of the row's. */
export const alongAxis = ({ over }: BuiltinCall, { along }: Pick<Builtin, "along">): AxisName =>
  over?.[0]?.axis ?? along![0];

/** A whole number of at least `least` among the options, known while compiling. Undefined after a report. */
export function wholeOption({ name, options, c }: BuiltinCall, option: string, least: number): number | undefined {
  const { meaning, span } = options[option];
  const n = constant(meaning, span, c);
  if (n === undefined || (Number.isInteger(n) && n >= least && n <= maxParts)) return n;
  c.problems.error("C0222", span, `\`${name}\` cannot have ${option} = ${n}`, {
    label: `a whole number from ${least} to ${maxParts} is needed here`,
  });
  return undefined;
}

/** One of `words` among the options. Undefined after a report. */
export function choiceOption<W extends string>(
  { name, options, c }: BuiltinCall,
  option: string,
  words: readonly W[],
): W | undefined {
  const { meaning, span } = options[option];
  const found = words.find((w) => meaning.kind === "text" && w === meaning.text);
  if (found !== undefined || meaning.kind === "poison") return found;
  const quoted = words.map((w) => `"${w}"`);
  c.problems.error("C0233", span, `${describe(meaning)} is no ${option} of \`${name}\``, {
    label: `one of ${quoted.join(", ")} is needed here`,
    help: () => (meaning.kind === "text" ? didYouMean(meaning.text, words) : undefined),
  });
  return undefined;
}

export function noFeatures(call: BuiltinCall): Meaning {
  return misfit(
    call.span,
    `\`${call.name}\` needs a feature axis`,
    [{ span: call.spans[0], message: "this is []" }],
    call.c,
    call.args[0].kind === "value" ? stepsHabit([call.args[0].value], call.c) : undefined,
  );
}
