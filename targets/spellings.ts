import type { ElementwiseOp } from "../compiler/ir/types.ts";
import { atom, call, infix, negate, type Text } from "../compiler/kernel-ir/c-text.ts";
import type { FloatType } from "../compiler/kernel-ir/types.ts";
import type { CFunctionName } from "./shared/c-functions.ts";
import type { Wat } from "./wasm/wat.ts";

/** C-like text of an op. `F` is the language's own name of `type`: `f32`, `vec4<f32>`, `float`, `vec4`. */
export type CSpelling = (args: readonly Text[], type: FloatType, F: string) => Text;

/**
 * WebAssembly of an op: instructions in which every operand stands once, or a function of `wasm/math.ts`, which takes and
 * returns a `v128`.
 */
export type WasmSpelling =
  | { readonly instructions: (args: readonly Wat[], type: FloatType) => Wat }
  | { readonly function: string };

export interface Spelling {
  readonly arity: 1 | 2 | 3;
  readonly wgsl: CSpelling;
  readonly glsl: CSpelling;
  readonly wasm: WasmSpelling;
}

const one = atom("1.0");

// C-like languages.
const operator =
  (symbol: string): CSpelling =>
  ([a, b]) =>
    infix(symbol, a, b);
const builtin =
  (name: string): CSpelling =>
  (args) =>
    call(name, ...args);
/** A function of `shared/c-functions.ts`. */
const helper =
  (name: CFunctionName): CSpelling =>
  (args, type) =>
    call(helperName(name, type), ...args);
/** WGSL has no overloading of one's own functions, so that the one for vectors has a name of its own. */
export const helperName = (name: string, type: FloatType): string => (type === "f32" ? name : `${name}4`);

/** Of an f32: all set where it is infinite or NaN. */
const exponentBits = atom("0x7f800000u");
const exponent = (bits: Text, words: string): Text => atom(`(${bits.text} & ${call(words, exponentBits).text})`);

const wgslCompare =
  (symbol: string): CSpelling =>
  ([a, b], _type, F) =>
    call(F, infix(symbol, a, b));
const glslCompare =
  (symbol: string, name: string): CSpelling =>
  ([a, b], type, F) =>
    call(F, type === "f32" ? infix(symbol, a, b) : call(name, a, b));

// WebAssembly.
const prefix = (type: FloatType): string => (type === "f32" ? "f32" : "f32x4");
export const wasmConstant = (type: FloatType, digits: string): Wat =>
  type === "f32" ? ["f32.const", digits] : ["v128.const", "f32x4", digits, digits, digits, digits];
const instruction = (scalar: string, vector = scalar): WasmSpelling => ({
  instructions: (args, type) => [`${prefix(type)}.${type === "f32" ? scalar : vector}`, ...args],
});
const instructions = (build: (args: readonly Wat[], type: FloatType) => Wat): WasmSpelling => ({ instructions: build });
const wasmCompare = (name: string): WasmSpelling =>
  instructions((args, type) =>
    type === "f32"
      ? ["f32.convert_i32_u", [`f32.${name}`, ...args]]
      : ["v128.and", [`f32x4.${name}`, ...args], wasmConstant(type, "1")],
  );

const compare = (symbol: string, name: string, glslName: string): Spelling => ({
  arity: 2,
  wgsl: wgslCompare(symbol),
  glsl: glslCompare(symbol, glslName),
  wasm: wasmCompare(name),
});
const arithmetic = (symbol: string, name: string): Spelling => ({
  arity: 2,
  wgsl: operator(symbol),
  glsl: operator(symbol),
  wasm: instruction(name),
});
const same = (arity: 1 | 2, c: CSpelling, wasm: WasmSpelling): Spelling => ({ arity, wgsl: c, glsl: c, wasm });

/**
 * How every op of `KExpr.math` is written in each target: a row for each elementwise op of the compiler's op table, or this
 * does not type-check. (`square` does not occur: code generation turns it into a product.) Results are accurate to a few units in
 * the last place of an f32. `min` and `max` of NaN are not defined: `pmin` and `pmax` are one machine instruction, the NaN-correct
 * ones are five.
 */
export const spellings = {
  add: arithmetic("+", "add"),
  sub: arithmetic("-", "sub"),
  mul: arithmetic("*", "mul"),
  div: arithmetic("/", "div"),
  max: same(2, builtin("max"), instruction("max", "pmax")),
  min: same(2, builtin("min"), instruction("min", "pmin")),
  neg: same(1, ([a]) => negate(a), instruction("neg")),
  exp: same(1, builtin("exp"), { function: "exp" }),
  log: same(1, builtin("log"), { function: "log" }),
  expm1: same(1, helper("exp_minus_1"), { function: "expm1" }),
  log1p: same(1, helper("log_of_1_plus"), { function: "log1p" }),
  erf: same(1, helper("error_function"), { function: "erf" }),
  atan: same(1, helper("arc_tangent"), { function: "atan" }),
  tanh: same(1, helper("rational_tanh"), { function: "tanh" }),
  sigmoid: same(1, helper("sigmoid"), { function: "sigmoid" }),
  softplus: same(1, helper("softplus"), { function: "softplus" }),
  sqrt: same(1, builtin("sqrt"), instruction("sqrt")),
  rsqrt: {
    arity: 1,
    wgsl: builtin("inverseSqrt"),
    glsl: builtin("inversesqrt"),
    wasm: instructions(([a], type) => [`${prefix(type)}.div`, wasmConstant(type, "1"), [`${prefix(type)}.sqrt`, a]]),
  },
  recip: same(
    1,
    ([a]) => infix("/", one, a),
    instructions(([a], type) => [`${prefix(type)}.div`, wasmConstant(type, "1"), a]),
  ),
  abs: same(1, builtin("abs"), instruction("abs")),
  floor: same(1, builtin("floor"), instruction("floor")),
  // Tests the bits: a shader compiler may assume that no number is infinite or NaN.
  finite: {
    arity: 1,
    wgsl: ([a], type, F) => {
      const words = type === "f32" ? "u32" : "vec4<u32>";
      return call(F, infix("<", exponent(call(`bitcast<${words}>`, a), words), call(words, exponentBits)));
    },
    glsl: ([a], type, F) => {
      const words = type === "f32" ? "uint" : "uvec4";
      const bits = exponent(call("floatBitsToUint", a), words);
      return glslCompare("<", "lessThan")([bits, call(words, exponentBits)], type, F);
    },
    wasm: instructions(([a], type) => {
      const size: Wat = [`${prefix(type)}.abs`, a];
      const most = wasmConstant(type, "3.4028235e+38");
      return type === "f32"
        ? ["f32.convert_i32_u", ["f32.le", size, most]]
        : ["v128.and", ["f32x4.le", size, most], wasmConstant(type, "1")];
    }),
  },
  sign: same(1, builtin("sign"), { function: "sign" }),
  sin: same(1, helper("sine"), { function: "sin" }),
  cos: same(1, helper("cosine"), { function: "cos" }),
  relu: same(
    1,
    ([a], _type, F) => call("max", a, call(F, atom("0.0"))),
    instructions(([a], type) => [type === "f32" ? "f32.max" : "f32x4.pmax", a, wasmConstant(type, "0")]),
  ),
  lt: compare("<", "lt", "lessThan"),
  le: compare("<=", "le", "lessThanEqual"),
  gt: compare(">", "gt", "greaterThan"),
  ge: compare(">=", "ge", "greaterThanEqual"),
  eq: compare("==", "eq", "equal"),
  ne: compare("!=", "ne", "notEqual"),
  select: {
    arity: 3,
    wgsl: ([c, a, b], _type, F) => call("select", b, a, infix("!=", c, call(F, atom("0.0")))),
    glsl: ([c, a, b], type, F) =>
      call("mix", b, a, type === "f32" ? infix("!=", c, atom("0.0")) : call("notEqual", c, call(F, atom("0.0")))),
    wasm: instructions(([c, a, b], type) =>
      type === "f32"
        ? ["select", a, b, ["f32.ne", c, wasmConstant(type, "0")]]
        : ["v128.bitselect", a, b, ["f32x4.ne", c, wasmConstant(type, "0")]],
    ),
  },
} as const satisfies Readonly<Record<Exclude<ElementwiseOp, "square">, Spelling>>;

export type MathOp = keyof typeof spellings;

/** An op by its row in the table, in the spelling of `language`. */
export const spelledMath =
  (language: "wgsl" | "glsl", types: Readonly<Record<FloatType, string>>) =>
  (op: string, args: readonly Text[], type: FloatType): Text =>
    spellings[op as MathOp][language](args, type, types[type]);
