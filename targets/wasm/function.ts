import { commentLines } from "../../compiler/kernel-ir/c-text.ts";
import { f32Digits } from "../../compiler/kernel-ir/literals.ts";
import { someExpr, typeOf } from "../../compiler/kernel-ir/type-of.ts";
import type { Extent, FloatType, KExpr, Kernel, KStmt, KType, Memory } from "../../compiler/kernel-ir/types.ts";
import { KernelError } from "../../compiler/kernel-ir/verify.ts";
import { eachExpr, eachStmt } from "../../compiler/kernel-ir/walk.ts";
import { createNamer } from "../shared/names.ts";
import { type Spelling, spellings, wasmConstant } from "../spellings.ts";
import { isPlain, type Linear, linearOf } from "./linear.ts";
import { type Address, addressOf, type Base, type LoopFrame } from "./pointers.ts";
import { withoutUnread } from "./prune.ts";
import type { Wat } from "./wat.ts";

export interface FunctionOptions {
  /** `$name` of the function. */
  readonly name: string;
  /** Told the name of every function of `math.ts` that is called. */
  readonly calls: (name: string) => void;
}

const wasmType: Readonly<Record<KType, string>> = { f32: "f32", f32x4: "v128", i32: "i32", bool: "i32" };
const get = (local: string): Wat => ["local.get", local];
const set = (local: string, value: Wat): Wat => ["local.set", local, value];
const i32 = (value: number): Wat => ["i32.const", String(value)];
const isOne = (extent: Extent): boolean => extent.fixed === 1 && extent.perStep === 0;
const digits = (value: number): string =>
  Number.isFinite(value) ? f32Digits(value).replace(/\.0$/, "") : value > 0 ? "inf" : "-inf";

const parameters = ["t", "T", "gx", "gy", "gz", "from", "to"];

/** What is known of a name in scope. */
interface Local {
  readonly local: string;
  /** For a `let` that indices write out. */
  readonly form: Linear | undefined;
}
type Scope = Map<string, Local>;

interface Context {
  readonly scope: Scope;
  readonly frame: LoopFrame | undefined;
}

/**
 * A kernel as a function of (t, T, gx, gy, gz, from, to): it runs the workgroups g with from ≤ g < to of a grid of
 * gx × gy × gz, where g = (z · gy + y) · gx + x. Axes the kernel declares to be 1 are taken to be 1. A kernel that asks for
 * `groupEnd` runs them as one.
 */
export function kernelFunction(kernel: Kernel, options: FunctionOptions): Wat {
  const namer = createNamer(new Set(), parameters);
  const locals = new Map<string, string>();
  const local = (wanted: string, type: string): string => {
    const name = `$${namer.fresh(wanted)}`;
    locals.set(name, type);
    return name;
  };
  const call = (name: string, ...args: readonly Wat[]): Wat => {
    options.calls(name);
    return ["call", `$${name}`, ...args];
  };

  const used = new Set<number | "end">();
  eachExpr(kernel, (e) => {
    if (e.k === "group") used.add(e.axis);
    else if (e.k === "groupEnd") used.add("end");
  });
  /** All its workgroups are run as one. */
  const spans = used.has("end");
  const group = local("group", "i32");
  const axes = [0, 1, 2].map((axis) => (used.has(axis) ? local(`group_${"xyz"[axis]}`, "i32") : undefined));

  // Where memory starts.
  const starts: Wat[] = [];
  const bases = new Map<string, Base>();
  for (const { region } of kernel.regions) {
    const name = local(region, "i32");
    starts.push(set(name, ["global.get", `$region_${region}`]));
    bases.set(`region ${region}`, { name: region, local: name, offset: 0 });
  }
  const tilesLocal = kernel.tiles.length > 0 ? local("tiles", "i32") : "";
  if (tilesLocal !== "") starts.push(set(tilesLocal, ["global.get", "$tiles"]));
  let tileOffset = 0;
  for (const { name, size } of kernel.tiles) {
    bases.set(`tile ${name}`, { name, local: tilesLocal, offset: tileOffset });
    tileOffset += tileStride(size);
  }

  /** A local for an IR name; names of ended scopes are used again if the type is the same. */
  const declared = new Map<string, string>();
  const localFor = (name: string, type: KType): string => {
    const key = `${wasmType[type]} ${name}`;
    const known = declared.get(key) ?? local(name, wasmType[type]);
    declared.set(key, known);
    return known;
  };

  const varNames = new Set<string>();
  eachStmt(kernel.body, (s) => {
    if (s.s === "var") varNames.add(s.name);
  });

  const formOf = (e: KExpr, { scope }: Context): Linear => linearOf(e, (name) => scope.get(name)?.form);

  const address = (memory: Memory, index: KExpr, context: Context): Address => {
    const base = bases.get(memory.kind === "region" ? `region ${memory.region}` : `tile ${memory.name}`) as Base;
    return addressOf(base, formOf(index, context), context.frame, {
      value: (e) => value(e, context),
      local: (wanted) => local(wanted, "i32"),
    });
  };

  const access = (instruction: string, { pointer, offset }: Address, ...operands: readonly Wat[]): Wat =>
    offset === 0 ? [instruction, pointer, ...operands] : [instruction, `offset=${offset}`, pointer, ...operands];

  const math = (op: string, type: FloatType, args: readonly Wat[]): Wat => {
    const { wasm }: Spelling = spellings[op as keyof typeof spellings];
    if ("instructions" in wasm) return wasm.instructions(args, type);
    if (type === "f32x4") return call(wasm.function, ...args);
    return ["f32x4.extract_lane", "0", call(wasm.function, ...args.map((a): Wat => ["f32x4.splat", a]))];
  };

  const value = (e: KExpr, context: Context): Wat => {
    const inner = (a: KExpr): Wat => value(a, context);
    switch (e.k) {
      case "float":
        return ["f32.const", digits(e.value)];
      case "int":
        return i32(e.value);
      case "var":
        return get((context.scope.get(e.name) as Local).local);
      case "uniform":
        return get(`$${e.name}`);
      case "group":
        return get(axes[e.axis] as string);
      case "groupEnd":
        return get("$to");
      case "int2":
        if (e.op === "min" || e.op === "max") return call(`${e.op}_i32`, inner(e.a), inner(e.b));
        return [`i32.${e.op}${e.op === "div" || e.op === "rem" ? "_s" : ""}`, inner(e.a), inner(e.b)];
      case "compare": {
        if (typeOf(e.a) === "f32") return [`f32.${e.op}`, inner(e.a), inner(e.b)];
        return [`i32.${e.op}${e.op === "eq" || e.op === "ne" ? "" : "_s"}`, inner(e.a), inner(e.b)];
      }
      case "and":
        // The left operand may guard the right one: a load outside memory and a division by zero trap.
        return someExpr(e.b, (x) => x.k === "load" || (x.k === "int2" && (x.op === "div" || x.op === "rem")))
          ? ["if", ["result", "i32"], inner(e.a), ["then", inner(e.b)], ["else", i32(0)]]
          : ["i32.and", inner(e.a), inner(e.b)];
      case "math":
        return math(e.op, e.type, e.args.map(inner));
      case "fma": {
        const prefix = e.type === "f32" ? "f32" : "f32x4";
        return [`${prefix}.add`, [`${prefix}.mul`, inner(e.a), inner(e.b)], inner(e.c)];
      }
      case "splat":
        if (e.a.k === "float") return wasmConstant("f32x4", digits(e.a.value));
        if (e.a.k === "load") return access("v128.load32_splat", address(e.a.memory, e.a.index, context));
        return ["f32x4.splat", inner(e.a)];
      case "vec4": {
        const constants = e.lanes.flatMap((a) => (a.k === "float" ? [digits(a.value)] : []));
        if (constants.length === 4) return ["v128.const", "f32x4", ...constants];
        const [first, ...rest] = e.lanes;
        return rest.reduce<Wat>(
          (vector, a, at) => ["f32x4.replace_lane", String(at + 1), vector, inner(a)],
          ["f32x4.splat", inner(first)],
        );
      }
      case "across":
        return call(`across_${e.op}`, inner(e.a));
      case "extract":
        return ["f32x4.extract_lane", String(e.lane), inner(e.a)];
      case "load":
        return access(e.type === "f32" ? "f32.load" : "v128.load", address(e.memory, e.index, context));
      case "subgroupSize":
      case "joint":
        throw new KernelError(kernel, "subgroups: WebAssembly has none");
      case "toFloat":
        return ["f32.convert_i32_s", inner(e.a)];
      case "toInt":
        return ["i32.trunc_sat_f32_s", inner(e.a)];
      default:
        return e satisfies never;
    }
  };

  const block = (body: readonly KStmt[], outer: Context): Wat[] => {
    const context: Context = { scope: new Map(outer.scope), frame: outer.frame };
    return body.flatMap((s) => statement(s, context));
  };

  const statement = (s: KStmt, context: Context): Wat[] => {
    switch (s.s) {
      case "register":
        throw new KernelError(kernel, `a register of lanes, \`${s.name}\`: WebAssembly has none`);
      case "let":
      case "var": {
        const name = localFor(s.name, s.type);
        const printed = set(name, value(s.value, context));
        const form = s.s === "let" && s.type === "i32" ? formOf(s.value, context) : undefined;
        const constant =
          form !== undefined && isPlain(form) && ![...form.terms.values()].some(({ atom }) => isVar(atom, varNames));
        context.scope.set(s.name, { local: name, form: constant ? form : undefined });
        return [printed];
      }
      case "assign":
        return [set((context.scope.get(s.name) as Local).local, value(s.value, context))];
      case "store": {
        const instruction = s.type === "f32" ? "f32.store" : "v128.store";
        return [access(instruction, address(s.memory, s.index, context), value(s.value, context))];
      }
      case "for":
        return loop(s, context);
      case "if": {
        const then: Wat = ["then", ...block(s.then, context)];
        const other: Wat[] = s.else.length > 0 ? [["else", ...block(s.else, context)]] : [];
        return [["if", value(s.condition, context), then, ...other]];
      }
      case "barrier":
        return [];
      case "comment":
        return commentLines(s.text).map((comment) => ({ comment }));
      default:
        return s satisfies never;
    }
  };

  /** Tested at its end, behind a guard where it might not run at all. */
  const loop = (s: Extract<KStmt, { s: "for" }>, context: Context): Wat[] => {
    const counter = localFor(s.name, "i32");
    const from = value(s.from, context);
    const inner = new Set<string>();
    eachStmt(s.body, (x) => {
      if (x.s === "let" || x.s === "var" || x.s === "assign" || x.s === "for") inner.add(x.name);
    });
    const frame: LoopFrame = {
      parent: context.frame,
      variable: s.name,
      from: formOf(s.from, context),
      step: s.step,
      inner,
      pointers: new Map(),
      before: [],
      after: [],
    };
    let end = value(s.to, context);
    const before: Wat[] = [set(counter, from)];
    if (s.to.k !== "int" && s.to.k !== "var" && s.to.k !== "uniform") {
      const name = local(`${s.name}_end`, "i32");
      before.push(set(name, end));
      end = get(name);
    }
    const scope = new Map(context.scope).set(s.name, { local: counter, form: undefined });
    const body = block(s.body, { scope, frame });
    const counted = counting(counter, s.step, end, namer.fresh(`each_${s.name}`), [...body, ...frame.after]);
    const runs = s.from.k === "int" && s.to.k === "int" && s.from.value < s.to.value;
    const guarded: Wat = runs ? counted : ["if", ["i32.lt_s", get(counter), end], ["then", counted]];
    return [...before, ...frame.before, guarded];
  };

  const body = block(kernel.body, { scope: new Map(), frame: undefined });
  const groups = [...groupIndices(kernel, group, axes), ...body];
  const all = spans ? groups : [counting(group, 1, get("$to"), namer.fresh("each_group"), groups)];
  return withoutUnread([
    "func",
    `$${options.name}`,
    ["export", JSON.stringify(kernel.name)],
    ...parameters.map((name): Wat => ["param", `$${name}`, "i32"]),
    ...[...locals].map(([name, type]): Wat => ["local", name, type]),
    ...starts,
    set(group, get("$from")),
    ["if", ["i32.lt_s", get(group), get("$to")], ["then", ...all]],
  ]);
}

/** Bytes a tile takes: whole vectors, so that each starts at one. */
export const tileStride = (floats: number): number => Math.ceil(floats / 4) * 16;

const isVar = (e: KExpr, names: ReadonlySet<string>): boolean => e.k === "var" && names.has(e.name);

/** A loop that runs its body, adds the step, and goes on while the counter is below the end. */
const counting = (counter: string, step: number, end: Wat, label: string, body: readonly Wat[]): Wat => {
  const next: Wat = ["local.tee", counter, ["i32.add", get(counter), i32(step)]];
  return ["loop", `$${label}`, ...body, ["br_if", `$${label}`, ["i32.lt_s", next, end]]];
};

/** x, y and z of a workgroup's number, as far as the kernel asks for them. */
function groupIndices(kernel: Kernel, group: string, [x, y, z]: readonly (string | undefined)[]): Wat[] {
  const [, oneY, oneZ] = kernel.grid.map(isOne);
  const row: Wat = ["i32.div_s", get(group), get("$gx")];
  const lines: Wat[] = [];
  if (x !== undefined) lines.push(set(x, oneY && oneZ ? get(group) : ["i32.rem_s", get(group), get("$gx")]));
  if (y !== undefined) lines.push(set(y, oneZ ? row : ["i32.rem_s", row, get("$gy")]));
  if (z !== undefined) lines.push(set(z, ["i32.div_s", row, get("$gy")]));
  return lines;
}
