import { f32Digits } from "../../compiler/kernel-ir/literals.ts";
import type { FloatType } from "../../compiler/kernel-ir/types.ts";
import { helperName } from "../spellings.ts";
import { atanFit, cosFit, erfFit, expm1Fit, log1pFit, quarterTurn, sinFit, tanhFit } from "./approximations.ts";

/** What differs between the C-like languages in a function of one argument. */
export interface FunctionDialect {
  readonly types: Readonly<Record<FloatType, string>>;
  /** `fn name(x: F) -> F {` */
  header(name: string, F: string): string;
  /** `let name = value;` */
  bind(name: string, F: string, value: string): string;
  /** `a` where x < y, element by element, else `b`. All are of the type `F`. */
  where(x: string, y: string, a: string, b: string, type: FloatType): string;
}

interface CFunction<Name extends string = string> {
  readonly name: Name;
  readonly doc: string;
  lines(F: string, bind: (name: string, value: string) => string, where: Where): readonly string[];
}

/** The text of `a` where x < y, else `b`. */
type Where = (x: string, y: string, a: string, b: string) => string;

/** Horner's scheme in `z`; coefficients lowest power first. */
const horner = (coefficients: readonly number[], z: string): string =>
  coefficients
    .slice(0, -1)
    .reduceRight((inner, c) => `(${inner} * ${z} + ${f32Digits(c)})`, f32Digits(coefficients[coefficients.length - 1]))
    .slice(1, -1);

/** sin of x and `shift` quarter turns: x = n·π/2 + r with n whole. */
const trigonometric = <Name extends string>(name: Name, shift: 0 | 1): CFunction<Name> => ({
  name,
  doc: `${name} x, absolute error 2e-7 for |x| <= 6000; a GPU's own promises 5e-4, and nothing beyond a turn.`,
  lines: (F, bind) => [
    bind("n", `floor(x * ${f32Digits(2 / Math.PI)} + 0.5)`),
    bind("e", quarterTurn.reduce((rest, part) => `(${rest} - n * ${f32Digits(part)})`, "x").slice(1, -1)),
    bind("r", `clamp(e, ${F}(-0.8), ${F}(0.8))`),
    bind("z", "r * r"),
    bind("s", `r + r * z * (${horner(sinFit, "z")})`),
    bind("c", `1.0 + z * (${horner(cosFit, "z")})`),
    bind("halves", shift === 0 ? "floor(n * 0.5)" : "floor((n + 1.0) * 0.5)"),
    bind("odd", shift === 0 ? "n - 2.0 * halves" : "n + 1.0 - 2.0 * halves"),
    bind("turned", "halves - 2.0 * floor(halves * 0.5)"),
    "return (1.0 - 2.0 * turned) * mix(s, c, odd);",
  ],
});

const functions = {
  tanh: {
    name: "rational_tanh",
    doc: "tanh with a small relative error everywhere, and no overflow.",
    lines: (F, bind) => [
      bind("c", `clamp(x, ${F}(${f32Digits(-tanhFit.limit)}), ${F}(${f32Digits(tanhFit.limit)}))`),
      bind("z", "c * c"),
      bind("p", horner(tanhFit.numerator, "z")),
      bind("q", horner(tanhFit.denominator, "z")),
      "return c * (p / q);",
    ],
  },
  sigmoid: {
    name: "sigmoid",
    doc: "The exponent is bounded, so that exp stays finite.",
    lines: (F) => [`return 1.0 / (1.0 + exp(min(-x, ${F}(87.0))));`],
  },
  sin: trigonometric("sine", 0),
  cos: trigonometric("cosine", 1),
  expm1: {
    name: "exp_minus_1",
    doc: "exp(x) - 1; near 0, where that cancels, a polynomial.",
    lines: (F, bind, where) => [
      bind("p", `x + x * x * (${horner(expm1Fit, "x")})`),
      `return ${where("abs(x)", `${F}(0.5)`, "p", "exp(x) - 1.0")};`,
    ],
  },
  log1p: {
    name: "log_of_1_plus",
    doc: "log(1 + x); from -0.5 to 1 it is 2 atanh(x / (2 + x)), since 1 + x is rounded.",
    lines: (F, bind, where) => [
      bind("s", "x / (2.0 + x)"),
      bind("z", "s * s"),
      bind("r", horner(log1pFit, "z")),
      // |x − ¼| < ¾
      `return ${where("abs(x - 0.25)", `${F}(0.75)`, "2.0 * s + s * z * r", "log(1.0 + x)")};`,
    ],
  },
  erf: {
    name: "error_function",
    doc: "erf with a small relative error everywhere, never beyond 1, and exactly 1 where f32 says so.",
    lines: (F, bind, where) => [
      bind("z", "x * x"),
      bind("p", horner(erfFit.numerator, "z")),
      bind("q", horner(erfFit.denominator, "z")),
      bind("y", `clamp(x * (p / q), ${F}(-1.0), ${F}(1.0))`),
      `return ${where("abs(x)", `${F}(${f32Digits(erfFit.limit)})`, "y", "sign(x)")};`,
    ],
  },
  atan: {
    name: "arc_tangent",
    doc: "atan x = pi/2 - atan(1 / x) beyond 1; a GPU's own promises 4096 units in the last place.",
    lines: (F, bind, where) => [
      bind("a", "abs(x)"),
      bind("t", `min(a, ${F}(1.0)) / max(a, ${F}(1.0))`),
      bind("z", "t * t"),
      bind("y", `t + t * z * (${horner(atanFit, "z")})`),
      `return sign(x) * ${where("a", `${F}(1.0)`, "y", `${f32Digits(Math.PI / 2)} - y`)};`,
    ],
  },
  softplus: {
    name: "softplus",
    doc: "log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|); log(1 + e) = 2 atanh(e / (2 + e)).",
    lines: (F, bind) => [
      bind("e", "exp(-abs(x))"),
      bind("s", "e / (2.0 + e)"),
      bind("z", "s * s"),
      bind("r", horner(log1pFit, "z")),
      `return max(x, ${F}(0.0)) + (2.0 * s + s * z * r);`,
    ],
  },
} as const satisfies Readonly<Record<string, CFunction>>;

/** The name of a function of this file. */
export type CFunctionName = (typeof functions)[keyof typeof functions]["name"];

const byOp: ReadonlyMap<string, CFunction> = new Map(Object.entries(functions));

/** The text of the functions that ops stand for; each use is an op and the type it is used at. */
export function cFunctionLines(
  uses: Iterable<{ readonly op: string; readonly type: FloatType }>,
  dialect: FunctionDialect,
): string[] {
  const lines: string[] = [];
  const done = new Set<string>();
  for (const { op, type } of uses) {
    const f = byOp.get(op);
    if (f === undefined) continue;
    const name = helperName(f.name, type);
    if (done.has(name)) continue;
    done.add(name);
    const F = dialect.types[type];
    const body = f.lines(
      F,
      (local, value) => dialect.bind(local, F, value),
      (x, y, a, b) => dialect.where(x, y, a, b, type),
    );
    lines.push(`// ${f.doc}`, dialect.header(name, F), ...body.map((line) => `  ${line}`), "}", "");
  }
  return lines;
}

/** Every name `cFunctionLines` may define. */
export const cFunctionNames: readonly string[] = Object.values(functions).flatMap((f) => [f.name, `${f.name}4`]);
