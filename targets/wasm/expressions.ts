/** Kernel IR's expressions as WebAssembly. */
import { f32Digits } from "../../compiler/kernel-ir/literals.ts";
import { someExpr, typeOf } from "../../compiler/kernel-ir/type-of.ts";
import type { FloatType, KExpr, Kernel, Memory } from "../../compiler/kernel-ir/types.ts";
import { KernelError } from "../../compiler/kernel-ir/verify.ts";
import { type Spelling, spellings, wasmConstant } from "../spellings.ts";
import { type Linear, linearOf } from "./linear.ts";
import { type Address, addressOf, type Base, type LoopFrame } from "./pointers.ts";
import type { Wat } from "./wat.ts";

export const get = (local: string): Wat => ["local.get", local];
export const set = (local: string, value: Wat): Wat => ["local.set", local, value];
export const i32 = (value: number): Wat => ["i32.const", String(value)];

const digits = (value: number): string =>
  Number.isFinite(value) ? f32Digits(value).replace(/\.0$/, "") : value > 0 ? "inf" : "-inf";

/** What is known about a name in scope. */
export interface Local {
  readonly local: string;
  /** The form of a `let` that is substituted into indices. */
  readonly form: Linear | undefined;
}

/** The names in scope and the loop around an expression. */
export interface Context {
  readonly scope: Map<string, Local>;
  readonly frame: LoopFrame | undefined;
}

/** The function that is being written. */
export interface Printer {
  readonly kernel: Kernel;
  /** Where `region NAME` and `tile NAME` start. */
  readonly bases: ReadonlyMap<string, Base>;
  /** The locals of a workgroup's place in the grid. */
  readonly axes: readonly (string | undefined)[];
  /** A new i32 local. */
  local(wanted: string): string;
  /** A call of a function of `math.ts`. */
  call(name: string, ...args: readonly Wat[]): Wat;
}

/** The address of an element of memory. */
export function addressIn(memory: Memory, index: KExpr, context: Context, printer: Printer): Address {
  const base = printer.bases.get(memory.kind === "region" ? `region ${memory.region}` : `tile ${memory.name}`)!;
  const form = linearOf(index, (name) => context.scope.get(name)?.form);
  return addressOf(base, form, context.frame, {
    value: (e) => print(e, context, printer),
    local: printer.local,
  });
}

/** A load or a store. */
export const printAccess = (instruction: string, { pointer, offset }: Address, ...operands: readonly Wat[]): Wat =>
  offset === 0 ? [instruction, pointer, ...operands] : [instruction, `offset=${offset}`, pointer, ...operands];

/** The value of an expression. */
export function print(e: KExpr, context: Context, printer: Printer): Wat {
  const inner = (a: KExpr): Wat => print(a, context, printer);
  const load = (instruction: string, { memory, index }: KExpr & { readonly k: "load" }): Wat =>
    printAccess(instruction, addressIn(memory, index, context, printer));
  switch (e.k) {
    case "float":
      return ["f32.const", digits(e.value)];
    case "int":
      return i32(e.value);
    case "var":
      return get(context.scope.get(e.name)!.local);
    case "uniform":
      return get(`$${e.name}`);
    case "group":
      return get(printer.axes[e.axis]!);
    case "groupEnd":
      return get("$to");
    case "int2":
      if (e.op === "min" || e.op === "max") return printer.call(`${e.op}_i32`, inner(e.a), inner(e.b));
      return [`i32.${e.op}${e.op === "div" || e.op === "rem" ? "_s" : ""}`, inner(e.a), inner(e.b)];
    case "compare": {
      if (typeOf(e.a) === "f32") return [`f32.${e.op}`, inner(e.a), inner(e.b)];
      return [`i32.${e.op}${e.op === "eq" || e.op === "ne" ? "" : "_s"}`, inner(e.a), inner(e.b)];
    }
    case "and":
      // The left operand may guard the right one: a load outside memory and a division by zero trap.
      return mayTrap(e.b)
        ? ["if", ["result", "i32"], inner(e.a), ["then", inner(e.b)], ["else", i32(0)]]
        : ["i32.and", inner(e.a), inner(e.b)];
    case "math":
      return math(e.op, e.type, e.args.map(inner), printer);
    case "fma": {
      const prefix = e.type === "f32" ? "f32" : "f32x4";
      return [`${prefix}.add`, [`${prefix}.mul`, inner(e.a), inner(e.b)], inner(e.c)];
    }
    case "splat":
      if (e.a.k === "float") return wasmConstant("f32x4", digits(e.a.value));
      return e.a.k === "load" ? load("v128.load32_splat", e.a) : ["f32x4.splat", inner(e.a)];
    case "vec4":
      return vector(e.lanes, inner);
    case "across":
      return printer.call(`across_${e.op}`, inner(e.a));
    case "extract":
      return ["f32x4.extract_lane", String(e.lane), inner(e.a)];
    case "load":
      return load(e.type === "f32" ? "f32.load" : "v128.load", e);
    case "subgroupSize":
    case "joint":
      throw new KernelError(printer.kernel, "subgroups: WebAssembly has none");
    case "toFloat":
      return ["f32.convert_i32_s", inner(e.a)];
    case "toInt":
      return ["i32.trunc_sat_f32_s", inner(e.a)];
    default:
      return e satisfies never;
  }
}

const mayTrap = (e: KExpr): boolean =>
  someExpr(e, (x) => x.k === "load" || (x.k === "int2" && (x.op === "div" || x.op === "rem")));

function math(op: string, type: FloatType, args: readonly Wat[], { call }: Printer): Wat {
  const { wasm }: Spelling = spellings[op as keyof typeof spellings];
  if ("instructions" in wasm) return wasm.instructions(args, type);
  if (type === "f32x4") return call(wasm.function, ...args);
  return ["f32x4.extract_lane", "0", call(wasm.function, ...args.map((a): Wat => ["f32x4.splat", a]))];
}

/** A vector of four values, a constant where all are. */
function vector([first, ...rest]: readonly KExpr[], inner: (a: KExpr) => Wat): Wat {
  const constants = [first, ...rest].flatMap((a) => (a.k === "float" ? [digits(a.value)] : []));
  if (constants.length === 4) return ["v128.const", "f32x4", ...constants];
  return rest.reduce<Wat>(
    (lanes, a, at) => ["f32x4.replace_lane", String(at + 1), lanes, inner(a)],
    ["f32x4.splat", inner(first)],
  );
}
