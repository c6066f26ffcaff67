/** Evaluates a parameter's initialiser, the expression after its `=`, to the plan's `Init`. */
import type { Init } from "../../runtime/plan.ts";
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import type { Arg, Expr } from "../syntax/ast.ts";
import { matchArguments, type Parameter } from "./arguments.ts";
import { extentOf, isConstant, isExtent, maxParts, numeric } from "./constants.ts";
import { type Context, showShape } from "./context.ts";
import { describe, resolveName } from "./expressions.ts";
import { fitsKernels } from "./finite.ts";
import { initialiserHabit } from "./habits.ts";
import { formula } from "./initial-formulas.ts";
import { entriesOf, entriesOfMeaning, listInit } from "./initial-lists.ts";
import { type Meaning, spell } from "./scope.ts";

interface Initialiser {
  readonly params: readonly Parameter[];
  /** `n[i]` is the number given for parameter i, if one is. The result is undefined if the initialiser is not allowed in `c`. */
  readonly make: (n: readonly (number | undefined)[], c: Context) => Init | undefined;
}

const constant = (value: number): Init => ({ kind: "constant", value });
const optional = (...names: string[]): readonly Parameter[] =>
  names.map((name) => ({
    name,
    default: { kind: "number", value: 0, text: "0", span: { file: "", start: 0, end: 0 } },
  }));

/** The same initialiser for each of `n` equal parts of the last axis, one per gate. */
const repeated = (init: Init, n: number | undefined): Init =>
  n === undefined ? init : { kind: "blocks", parts: Array.from({ length: n }, () => init) };

/** The number of each entry along an axis: `range`, `range(from, step)`. */
const counted = (along: "first" | "last"): Initialiser => ({
  params: optional("from", "step"),
  make: ([from = 0, step = 1]) => ({ kind: "range", from, step, along }),
});

export const initialisers: Readonly<Record<string, Initialiser>> = {
  zeros: { params: [], make: () => constant(0) },
  ones: { params: [], make: () => constant(1) },
  /** `uniform(r)` is ±r; `uniform(low, high)`. */
  uniform: {
    params: [{ name: "low" }, ...optional("high")],
    make: ([low = 0, high]) =>
      high === undefined
        ? { kind: "uniform", low: -Math.abs(low), high: Math.abs(low) }
        : { kind: "uniform", low, high },
  },
  /** `normal(std)` or `normal(mean, std)`. */
  normal: {
    params: [{ name: "mean" }, ...optional("std")],
    make: ([mean = 0, std]) =>
      std === undefined ? { kind: "normal", mean: 0, std: mean } : { kind: "normal", mean, std },
  },
  xavier: { params: optional("gain"), make: ([gain = 1]) => ({ kind: "xavier", gain }) },
  kaiming: { params: optional("gain"), make: ([gain = Math.SQRT2]) => ({ kind: "kaiming", gain }) },
  lecun: { params: optional("gain"), make: ([gain = 1]) => ({ kind: "kaiming", gain }) },
  orthogonal: {
    params: optional("gain", "blocks"),
    make: ([gain = 1, n]) => repeated({ kind: "orthogonal", gain }, n),
  },
  identity: { params: optional("gain", "blocks"), make: ([gain = 1, n]) => repeated({ kind: "identity", gain }, n) },
  /** The place of an entry along the last axis, or along the first. */
  range: counted("last"),
  rows: counted("first"),
  /** In a norm on a parameter: the initial length of each of its columns. */
  lengths: { params: [], make: (_, { parameter }) => parameter && { kind: "lengths", of: parameter.name } },
};

/** Whether `name` is that of an initialiser, with or without arguments. */
export const isInitialiser = (name: string): boolean => name === "blocks" || Object.hasOwn(initialisers, name);

/** The initialiser that `e` means for a parameter of `shape`; "none" if there is to be no parameter. Undefined after a report. */
export function initialiser(e: Expr, shape: readonly dim.Dim[], c: Context): Init | "none" | undefined {
  const meaning = initialMeaning(e, c);
  switch (meaning.kind) {
    case "none":
      return "none";
    case "number":
      return fitsKernels(meaning.number, e.span, c) ? constant(meaning.number) : undefined;
    case "init":
      return meaning.of(shape, e.span);
    case "dim":
      return constant(extentOf(meaning.dim, c.world.numbers) ?? 1);
    case "list": {
      const entries = entriesOfMeaning(meaning, e.span);
      if (entries !== undefined) return listInit(entries, shape, c);
      break;
    }
    case "value":
    case "text":
      break;
    case "poison":
      return undefined;
    default:
      return meaning satisfies never;
  }
  c.problems.error("C0216", e.span, `${describe(meaning)} is not an initialiser`, {
    label: "a number or an initialiser is needed here",
    help: `write a number, or one of ${Object.keys(initialisers).join(", ")}, blocks`,
  });
  return undefined;
}

/** The meaning of an expression where an initialiser is allowed: after a parameter's `=`, and as an argument of a norm. */
export function initialMeaning(e: Expr, c: Context): Meaning {
  const poison: Meaning = { kind: "poison" };
  if (e.kind === "name") {
    const key = spell(e.name);
    if (Object.hasOwn(initialisers, key) && !c.scope.has(key)) return built(key, e.span, [], c);
    if (!c.scope.has(key) && key !== "none" && key !== "pi" && !c.later?.has(key)) {
      c.problems.error("C0201", e.span, `there is no initialiser \`${key}\``, {
        help: () =>
          initialiserHabit(key) ?? didYouMean(key, [...Object.keys(initialisers), "blocks", ...c.scope.names()]),
      });
      return poison;
    }
    const meaning = resolveName(e.name, c);
    return meaning.kind === "value" ? formula(e, c) : meaning;
  }
  if (e.kind === "list") {
    const entries = entriesOf(e, c);
    return entries ? { kind: "init", of: (shape) => listInit(entries, shape, c) } : poison;
  }
  if (e.kind === "call" && e.callee.text === "blocks") return blocks(e.args, e.span, c);
  if (e.kind === "call" && isInitialiser(e.callee.text) && e.args.every(({ value }) => isConstant(value, c)))
    return built(e.callee.text, e.span, e.args, c);
  const habit = e.kind === "call" && !c.module.names.has(e.callee.text) ? initialiserHabit(e.callee.text) : undefined;
  if (e.kind === "call" && habit !== undefined) {
    c.problems.error("C0201", e.callee.span, `there is no initialiser \`${e.callee.text}\``, { help: habit });
    return poison;
  }
  if (!isConstant(e, c)) return formula(e, c);
  const n = numeric(e, c);
  return n === undefined ? poison : { kind: "number", number: n };
}

function built(name: string, span: Span, args: readonly Arg[], c: Context): Meaning {
  const { params, make } = initialisers[name];
  // A single number is the spread, whatever its name: uniform(0.1), normal(std = 0.1).
  const alone =
    params.length === 2 && params[0].default === undefined && args.length === 1 && args[0].name?.text === "std";
  // `range(n)` counts 0 … n − 1, as it does where a value is needed.
  const upTo = (name === "range" || name === "rows") && args.length === 1 && args[0].name === undefined;
  if (upTo) return counting(name, args[0], c);
  const matched = matchArguments(name, span, params, alone ? [{ ...args[0], name: undefined }] : args, c.problems);
  if (matched === undefined) return { kind: "poison" };
  const numbers: (number | undefined)[] = [];
  for (const [key, arg] of matched) {
    const n = arg && numeric(arg.value, c);
    if (arg !== undefined && (n === undefined || !fitsKernels(n, arg.value.span, c))) return { kind: "poison" };
    if (arg !== undefined && key === "blocks" && !(isExtent(n!) && n! <= maxParts)) {
      c.problems.error("C0216", arg.span, `${n} is not a number of blocks`, { label: "a positive whole number is" });
      return { kind: "poison" };
    }
    numbers.push(n);
  }
  const init = make(numbers, c);
  if (init !== undefined) return { kind: "init", of: (shape, at) => (fits(init, shape, at, c) ? init : undefined) };
  c.problems.error("C0216", span, `\`${name}\` are those of a parameter's columns`, {
    label: "this is not a norm on a parameter",
    help: "place the norm on a parameter: place Wh : weight(gamma = lengths)",
  });
  return { kind: "poison" };
}

/** `range(n)` along an axis of extent n. */
function counting(name: string, { value }: Arg, c: Context): Meaning {
  const n = numeric(value, c);
  if (n === undefined) return { kind: "poison" };
  const init = initialisers[name].make([], c)!;
  return {
    kind: "init",
    of: (shape, at) => {
      if (!fits(init, shape, at, c)) return undefined;
      const axis = shape.at(name === "range" ? -1 : 0)!;
      const extent = extentOf(axis, c.world.numbers);
      if (extent === undefined || extent === n) return init;
      c.problems.error(
        "C0216",
        value.span,
        `\`${name}(${n})\` has ${n} entries, and ${showShape(shape)} has ${extent}`,
        {
          label: `the ${name === "range" ? "last" : "first"} dimension has another extent`,
          help: `write \`${name}\`, which fits any extent, or \`${name}(from, step)\``,
        },
      );
      return undefined;
    },
  };
}

/** `blocks(a, b, …)`: an initialiser for each of equal parts of the last axis. */
function blocks(args: readonly Arg[], span: Span, c: Context): Meaning {
  if (args.length === 0) {
    c.problems.error("C0216", span, "`blocks` needs an initialiser for each part", {
      help: "blocks(orthogonal, identity)",
    });
    return { kind: "poison" };
  }
  return {
    kind: "init",
    of: (shape, at) => {
      const part = partOf(shape, args.length, at, c);
      if (part === undefined) return undefined;
      const parts = args.map((arg) => initialiser(arg.value, [...shape.slice(0, -1), part], c));
      if (parts.includes("none"))
        c.problems.error("C0216", span, "`none` is not an initialiser of a block", { help: "write 0" });
      const made = parts.filter((init) => init !== undefined && init !== "none");
      return made.length === parts.length ? { kind: "blocks", parts: made } : undefined;
    },
  };
}

/** The extent of each of `count` equal parts of the last axis. Undefined after a report. */
function partOf(shape: readonly dim.Dim[], count: number, span: Span, c: Context): dim.Dim | undefined {
  const width = shape.at(-1);
  const part = width && dim.divide(width, dim.constant(count));
  const number = part && extentOf(part, c.world.numbers);
  if (part !== undefined && !dim.isBroken(part) && (number === undefined || isExtent(number))) return part;
  const parts =
    number === undefined || isExtent(number) ? "" : `: parts of ${dim.show(part!)} would have ${number} entries`;
  c.problems.error("C0216", span, `${showShape(shape)} cannot be cut in ${count} blocks${parts}`, {
    label: "the last axis has blocks",
  });
  return undefined;
}

/** Whether a parameter of `shape` can begin so. Reports C0216 if not. */
function fits(init: Init, shape: readonly dim.Dim[], span: Span, c: Context): boolean {
  const wrong = (message: string, label: string, help?: string): false => {
    c.problems.error("C0216", span, message, { label, help });
    return false;
  };
  switch (init.kind) {
    case "blocks": {
      const part = partOf(shape, init.parts.length, span, c);
      return part !== undefined && init.parts.every((p) => fits(p, [...shape.slice(0, -1), part], span, c));
    }
    case "lengths": {
      const columns = c.parameter?.shape.at(-1);
      const alike = columns !== undefined && shape.length === 1 && dim.equal(shape[0], columns);
      return (
        alike ||
        wrong(
          `the lengths of columns are [${columns ? dim.show(columns) : 1}], not ${showShape(shape)}`,
          "one for each column",
        )
      );
    }
    case "range":
      return shape.length > 0 || wrong("this parameter is a single number", "there is nothing to count");
    case "identity": {
      if (shape.length !== 2) break;
      const [rows, columns] = shape.map((d) => extentOf(d, c.world.numbers));
      const whole = rows === undefined || columns === undefined || columns <= rows || columns % rows === 0;
      return (
        whole ||
        wrong(
          `identities of ${rows} columns each do not fill ${columns} columns`,
          `${showShape(shape)} is [${rows}, ${columns}]`,
        )
      );
    }
    case "orthogonal":
    case "xavier":
    case "kaiming":
      if (shape.length !== 2) break;
      return true;
    default:
      return true;
  }
  const name = init.kind === "kaiming" && init.gain === 1 ? "lecun" : init.kind;
  const message = `${name} is a matrix, and this parameter is ${showShape(shape)}`;
  return wrong(message, "needs a shape [n, m]", insteadOfMatrix(name, shape));
}

/** What a parameter that is no matrix may begin as, instead of the initialiser `name` of matrices. */
function insteadOfMatrix(name: string, shape: readonly dim.Dim[]): string | undefined {
  const isStack = shape.length > 2;
  const [n, m] = shape.slice(isStack ? -2 : 0).map(dim.show);
  const spreads: Readonly<Record<string, string>> = {
    xavier: `uniform(sqrt(6 / (${n} + ${m ?? 1})))`,
    kaiming: `normal(sqrt(2 / ${n}))`,
    lecun: `normal(1 / sqrt(${n}))`,
  };
  if (Object.hasOwn(spreads, name) && n !== undefined)
    return `write ${spreads[name]}${isStack ? `, if each matrix has ${n} inputs${name === "xavier" ? ` and ${m} outputs` : ""}` : ""}`;
  return isStack ? `declare matrices and stack them: param U, V : [${n}, ${m}] = ${name}, then [U, V]` : undefined;
}
