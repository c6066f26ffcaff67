/** The parameters of a cell or model: numbers for its dimensions, the caller's or the declared defaults, and what is no dimension. */
import { choices } from "../diagnostics/nearest.ts";
import { nowhere } from "../diagnostics/span.ts";
import { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import type { Arg, CellParam, DimParam, Expr, Name } from "../syntax/ast.ts";
import { dimension, extentOf, isExtent, numeric } from "./constants.ts";
import type { Context, World } from "./context.ts";
import { dimArithmetic, numberArithmetic } from "./expressions.ts";
import { isNumber } from "./finite.ts";
import type { Module } from "./modules.ts";
import { type Meaning, poison, Scope } from "./scope.ts";

/** Names that the compiler uses itself: the implicit axes, and the training length. */
const reserved: Readonly<Record<string, string>> = {
  batch: "the batch axis",
  time: "the time axis",
  steps: "the length of training sequences",
};

/** What people call the axes that are no dimensions, and where their extents are given. */
function implicit(name: string): string | undefined {
  if (/^(B|batch|batch_?size|n_?batch)$/i.test(name))
    return "the batch is no dimension: write --batch 64, or in a program the option batch: 64";
  if (/^(T|L|time|steps?|seq|seq_?len|length|time_?steps)$/i.test(name))
    return "the time is no dimension: write --time 100, or in a program the option time: 100";
  return undefined;
}

/**
 * The number of a parameter that is no dimension, such as `dt = 0.05` or `gain = 1.0`: its default is written out, and is no positive
 * whole number or has a point. Undefined for dimensions.
 */
export function numberParameter({ default: e }: DimParam): number | undefined {
  const n = e && writtenNumber(e);
  const hasPoint = e?.kind === "number" && /[.e]/i.test(e.text);
  return n !== undefined && isExtent(n) && !hasPoint ? undefined : n;
}

/** The value of numbers and operators alone; undefined if there is anything else. */
function writtenNumber(e: Expr): number | undefined {
  if (e.kind === "number") return e.value;
  if (e.kind === "unary" && e.op === "-") {
    const x = writtenNumber(e.operand);
    return x === undefined ? undefined : -x;
  }
  if (e.kind !== "binary") return undefined;
  const [a, b] = [writtenNumber(e.left), writtenNumber(e.right)];
  return a === undefined || b === undefined ? undefined : numberArithmetic[e.op]?.(a, b);
}

/** Those of `params` that are dimensions. */
export const dimensionsAmong = (params: readonly (DimParam | CellParam)[]): readonly DimParam[] =>
  params.flatMap((p) => (p.kind === "dim" && numberParameter(p) === undefined ? [p] : []));

/** The numbers of the entry's parameters. */
export interface BoundParameters {
  /** Extents, by the dimension's name. */
  readonly dims: Readonly<Record<string, number>>;
  /** Those of the parameters that are no dimensions. */
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * The numbers of `params`, in order: a default may use those before it. `overrides` are the caller's; without them
 * (when a file is only checked), a dimension without a default has no number.
 */
export function bindDims(
  owner: Name,
  params: readonly DimParam[],
  module: Module,
  overrides: Readonly<Record<string, number>> | undefined,
  world: World,
): BoundParameters {
  const { problems } = world;
  const names = params.map((p) => p.name.text);
  for (const name of Object.keys(overrides ?? {})) {
    if (names.includes(name)) continue;
    problems.error("C0302", nowhere, `\`${owner.text}\` has no dimension or number \`${name}\``, {
      help: implicit(name) ?? choices(name, names, "it has", "it has none"),
    });
  }
  // Without a prototype, since a dimension may have any name, even `__proto__`.
  const dims: Record<string, number> = Object.create(null);
  const numbers: Record<string, number> = Object.create(null);
  const scope = new Scope();
  const c: Context = { world, problems, module, scope, builder: new Builder(), calls: [] };
  for (const p of params) {
    const plain = plainNumber(p, overrides, c);
    const n = plain ?? extent(p, overrides, c);
    if (n !== undefined) (plain === undefined ? dims : numbers)[p.name.text] = n;
    // A name declared twice is reported where the body is elaborated.
    if (!scope.has(p.name.text))
      scope.declare(
        p.name,
        "dimension",
        n === undefined ? { kind: "poison" } : { kind: "number", number: n },
        problems,
      );
    const taken = Object.hasOwn(reserved, p.name.text) ? reserved[p.name.text] : undefined;
    if (taken !== undefined) {
      problems.error("C0202", p.name.span, `\`${p.name.text}\` is ${taken} already`, {
        label: "not a name for a dimension",
        help: "choose another name",
      });
    }
  }
  return { dims, numbers };
}

/** The number of a parameter that is no dimension; undefined for dimensions. */
function plainNumber(
  p: DimParam,
  overrides: Readonly<Record<string, number>> | undefined,
  c: Context,
): number | undefined {
  const own = numberParameter(p);
  if (own === undefined) return undefined;
  isNumber(own, p.default!.span, c);
  const name = p.name.text;
  if (overrides === undefined || !Object.hasOwn(overrides, name)) return own;
  const given = overrides[name];
  if (Number.isFinite(Math.fround(given))) return given;
  c.problems.error("C0302", nowhere, `\`${name}\` cannot be ${given}`, { help: "give it a number that f32 can hold" });
  return own;
}

/** What the parameters of a cell or model mean: extents and numbers. Poisoned ones are missing. */
export type Parameters = ReadonlyMap<string, Meaning & { readonly kind: "dim" | "number" }>;

/**
 * The parameters of the entry. Its dimensions are extents of its graph: names, but one whose default is a formula of others, `H = N *
 * P`, is that formula, so that shapes can be compared by it, unless it was given another number.
 */
export function entryParameters(
  params: readonly (DimParam | CellParam)[],
  { numbers, plain }: Pick<World, "numbers" | "plain">,
): Parameters {
  const dims = new Map<string, dim.Dim>();
  const meanings = new Map<string, Meaning & { readonly kind: "dim" | "number" }>();
  for (const p of params) {
    if (p.kind !== "dim") continue;
    const name = p.name.text;
    const number = numberParameter(p);
    if (number !== undefined) {
      meanings.set(name, { kind: "number", number: Object.hasOwn(plain, name) ? plain[name] : number });
      continue;
    }
    const formula = p.default && formulaOf(p.default, dims);
    const isOther = formula && Object.hasOwn(numbers, name) && extentOf(formula, numbers) !== numbers[name];
    const isFormula = formula !== undefined && dim.names(formula).length > 0 && !isOther;
    const extent = isFormula ? formula : dim.variable(name);
    dims.set(name, extent);
    meanings.set(name, { kind: "dim", dim: extent });
  }
  return meanings;
}

/** The parameters of a cell that is scanned, as `given` for some of them, in the terms of `c`; of the others, as the cell says. */
export function scanParameters(
  params: readonly DimParam[],
  given: ReadonlyMap<string, Arg | undefined>,
  module: Module,
  c: Context,
): Parameters {
  const meanings = new Map<string, Meaning & { readonly kind: "dim" | "number" }>();
  const scope = new Scope();
  const inCell: Context = { ...c, module, scope, later: undefined };
  for (const p of params) {
    const name = p.name.text;
    const arg = given.get(name)?.value;
    const own = numberParameter(p);
    if (own !== undefined) {
      const number = arg ? numeric(arg, c) : own;
      if (number !== undefined) meanings.set(name, { kind: "number", number });
    } else {
      const extent = arg ? dimension(arg, c) : dimension(p.default!, inCell);
      if (extent !== undefined) meanings.set(name, { kind: "dim", dim: extent });
    }
    scope.declare(p.name, "dimension", meanings.get(name) ?? poison, c.problems);
  }
  return meanings;
}

/** The extent that `e` means if it is made of dimensions and whole numbers alone. */
function formulaOf(e: Expr, dims: ReadonlyMap<string, dim.Dim>): dim.Dim | undefined {
  if (e.kind === "number") return Number.isSafeInteger(e.value) ? dim.constant(e.value) : undefined;
  if (e.kind === "name") return e.name.primed ? undefined : dims.get(e.name.text);
  if (e.kind !== "binary") return undefined;
  const [left, right] = [formulaOf(e.left, dims), formulaOf(e.right, dims)];
  return left && right && dimArithmetic[e.op]?.(left, right);
}

/** The extent of a dimension. Undefined after a report, or if only checked. */
function extent(p: DimParam, overrides: Readonly<Record<string, number>> | undefined, c: Context): number | undefined {
  const name = p.name.text;
  if (overrides !== undefined && Object.hasOwn(overrides, name)) {
    if (isExtent(overrides[name])) return overrides[name];
    c.problems.error("C0302", nowhere, `the dimension \`${name}\` cannot be ${overrides[name]}`, {
      help: `give it a positive whole number; a number that is no dimension has a default with a point: ${name} = 1.0`,
    });
    return undefined;
  }
  if (p.default === undefined) {
    if (overrides !== undefined) {
      c.problems.error("C0218", p.name.span, `the dimension \`${name}\` has no number`, {
        label: "no default, and none given",
        help: `declare a default (${name} = 100) or give it one: --dims ${name}=100`,
      });
    }
    return undefined;
  }
  const n = numeric(p.default, c);
  if (n === undefined || isExtent(n)) return n;
  c.problems.error("C0217", p.default.span, `the dimension \`${name}\` cannot be ${n}`, {
    label: "not a positive whole number",
    help: `a number that is no dimension is written out: ${name} = ${n}`,
  });
  return undefined;
}
