import { commentLines } from "../../compiler/kernel-ir/c-text.ts";
import type { KExpr, Kernel, KStmt, KType } from "../../compiler/kernel-ir/types.ts";
import { KernelError } from "../../compiler/kernel-ir/verify.ts";
import { eachExpr, eachStmt } from "../../compiler/kernel-ir/walk.ts";
import type { Extent } from "../../runtime/plan.ts";
import { createNamer } from "../shared/names.ts";
import { addressIn, type Context, get, i32, type Printer, print, printAccess, set } from "./expressions.ts";
import { isPlain, linearOf } from "./linear.ts";
import type { Base, LoopFrame } from "./pointers.ts";
import { withoutUnread } from "./prune.ts";
import type { Wat } from "./wat.ts";

export interface FunctionOptions {
  /** `$name` of the function. */
  readonly name: string;
  /** Told the name of every function of `math.ts` that is called. */
  readonly calls: (name: string) => void;
}

const wasmType: Readonly<Record<KType, string>> = { f32: "f32", f32x4: "v128", i32: "i32", bool: "i32" };

const parameters = ["t", "T", "gx", "gy", "gz", "from", "to"];

/**
 * A kernel as a function of (t, T, gx, gy, gz, from, to): it runs the workgroups g with from ≤ g < to of a grid of
 * gx × gy × gz, where g = (z · gy + y) · gx + x. Axes the kernel declares to be 1 are taken to be 1. A kernel that asks for
 * `groupEnd` runs them as one.
 */
export const kernelFunction = (kernel: Kernel, options: FunctionOptions): Wat =>
  new KernelFunction(kernel, options).text();

class KernelFunction {
  private readonly kernel: Kernel;
  private readonly options: FunctionOptions;
  private readonly namer = createNamer(new Set(), parameters);
  /** The function's locals → their types. */
  private readonly locals = new Map<string, string>();
  /** A local for an IR name and its type: names of ended scopes are used again. */
  private readonly declared = new Map<string, string>();
  /** What is assigned again after its declaration. */
  private readonly varNames = new Set<string>();
  private readonly group: string;
  /** The locals of a workgroup's place in the grid, of the axes that the kernel asks for. */
  private readonly axes: readonly (string | undefined)[];
  /** Whether all workgroups are run as one. */
  private readonly spans: boolean;
  /** Statements that set the locals with the start of each region and of the tiles. */
  private readonly starts: Wat[] = [];
  private readonly printer: Printer;

  constructor(kernel: Kernel, options: FunctionOptions) {
    this.kernel = kernel;
    this.options = options;
    const used = new Set<number | "end">();
    eachExpr(kernel.body, (e) => {
      if (e.k === "group") used.add(e.axis);
      else if (e.k === "groupEnd") used.add("end");
    });
    this.spans = used.has("end");
    this.group = this.local("group", "i32");
    this.axes = [0, 1, 2].map((axis) => (used.has(axis) ? this.local(`group_${"xyz"[axis]}`, "i32") : undefined));
    this.printer = {
      ...{ kernel, bases: this.bases(), axes: this.axes },
      local: (wanted) => this.local(wanted, "i32"),
      call: (name, ...args) => {
        options.calls(name);
        return ["call", `$${name}`, ...args];
      },
    };
    eachStmt(kernel.body, (s) => {
      if (s.s === "var") this.varNames.add(s.name);
    });
  }

  text(): Wat {
    const body = this.block(this.kernel.body, { scope: new Map(), frame: undefined });
    const groups = [...groupIndices(this.kernel, this.group, this.axes), ...body];
    const all = this.spans ? groups : [counting(this.group, 1, get("$to"), this.namer.fresh("each_group"), groups)];
    return withoutUnread([
      "func",
      `$${this.options.name}`,
      ["export", JSON.stringify(this.kernel.name)],
      ...parameters.map((name): Wat => ["param", `$${name}`, "i32"]),
      ...[...this.locals].map(([name, type]): Wat => ["local", name, type]),
      ...this.starts,
      set(this.group, get("$from")),
      ["if", ["i32.lt_s", get(this.group), get("$to")], ["then", ...all]],
    ]);
  }

  private local(wanted: string, type: string): string {
    const name = `$${this.namer.fresh(wanted)}`;
    this.locals.set(name, type);
    return name;
  }

  private localFor(name: string, type: KType): string {
    const key = `${wasmType[type]} ${name}`;
    const known = this.declared.get(key) ?? this.local(name, wasmType[type]);
    this.declared.set(key, known);
    return known;
  }

  /** Where regions and tiles start; tiles follow each other. */
  private bases(): ReadonlyMap<string, Base> {
    const bases = new Map<string, Base>();
    for (const { region } of this.kernel.regions) {
      const name = this.local(region, "i32");
      this.starts.push(set(name, ["global.get", `$region_${region}`]));
      bases.set(`region ${region}`, { name: region, local: name, offset: 0 });
    }
    const { tiles } = this.kernel;
    const first = tiles.length > 0 ? this.local("tiles", "i32") : "";
    if (first !== "") this.starts.push(set(first, ["global.get", "$tiles"]));
    let offset = 0;
    for (const { name, size } of tiles) {
      bases.set(`tile ${name}`, { name, local: first, offset });
      offset += tileStride(size);
    }
    return bases;
  }

  private value(e: KExpr, context: Context): Wat {
    return print(e, context, this.printer);
  }

  private block(body: readonly KStmt[], outer: Context): Wat[] {
    const context: Context = { scope: new Map(outer.scope), frame: outer.frame };
    return body.flatMap((s) => this.statement(s, context));
  }

  private statement(s: KStmt, context: Context): Wat[] {
    switch (s.s) {
      case "register":
        throw new KernelError(this.kernel, `a register of lanes, \`${s.name}\`: WebAssembly has none`);
      case "let":
      case "var":
        return [this.declaration(s, context)];
      case "assign":
        return [set(context.scope.get(s.name)!.local, this.value(s.value, context))];
      case "store": {
        const instruction = s.type === "f32" ? "f32.store" : "v128.store";
        const address = addressIn(s.memory, s.index, context, this.printer);
        return [printAccess(instruction, address, this.value(s.value, context))];
      }
      case "for":
        return this.loop(s, context);
      case "if": {
        const then: Wat = ["then", ...this.block(s.then, context)];
        const other: Wat[] = s.else.length > 0 ? [["else", ...this.block(s.else, context)]] : [];
        return [["if", this.value(s.condition, context), then, ...other]];
      }
      case "barrier":
        return [];
      case "comment":
        return commentLines(s.text).map((comment) => ({ comment }));
      default:
        return s satisfies never;
    }
  }

  /** An integer that is a sum of variables which are never reassigned is substituted into indices. */
  private declaration(s: KStmt & { readonly s: "let" | "var" }, context: Context): Wat {
    const local = this.localFor(s.name, s.type);
    const printed = set(local, this.value(s.value, context));
    const form =
      s.s === "let" && s.type === "i32" ? linearOf(s.value, (name) => context.scope.get(name)?.form) : undefined;
    const isVar = (e: KExpr): boolean => e.k === "var" && this.varNames.has(e.name);
    const isConstant = form !== undefined && isPlain(form) && ![...form.terms.values()].some(({ atom }) => isVar(atom));
    context.scope.set(s.name, { local, form: isConstant ? form : undefined });
    return printed;
  }

  /** A loop that tests at its end, with a guard if it may have no iteration. */
  private loop(s: KStmt & { readonly s: "for" }, context: Context): Wat[] {
    const counter = this.localFor(s.name, "i32");
    const from = this.value(s.from, context);
    const frame: LoopFrame = {
      parent: context.frame,
      variable: s.name,
      from: linearOf(s.from, (name) => context.scope.get(name)?.form),
      step: s.step,
      inner: namesSetIn(s.body),
      pointers: new Map(),
      before: [],
      after: [],
    };
    let end = this.value(s.to, context);
    const before: Wat[] = [set(counter, from)];
    if (s.to.k !== "int" && s.to.k !== "var" && s.to.k !== "uniform") {
      const name = this.local(`${s.name}_end`, "i32");
      before.push(set(name, end));
      end = get(name);
    }
    const scope = new Map(context.scope).set(s.name, { local: counter, form: undefined });
    const body = this.block(s.body, { scope, frame });
    const counted = counting(counter, s.step, end, this.namer.fresh(`each_${s.name}`), [...body, ...frame.after]);
    const runs = s.from.k === "int" && s.to.k === "int" && s.from.value < s.to.value;
    const guarded: Wat = runs ? counted : ["if", ["i32.lt_s", get(counter), end], ["then", counted]];
    return [...before, ...frame.before, guarded];
  }
}

/** Names that statements declare or assign. */
function namesSetIn(body: readonly KStmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  eachStmt(body, (s) => {
    if (s.s === "let" || s.s === "var" || s.s === "assign" || s.s === "for") names.add(s.name);
  });
  return names;
}

/** Bytes of a tile: whole vectors, so that each tile is aligned. */
export const tileStride = (floats: number): number => Math.ceil(floats / 4) * 16;

/** A loop that runs its body, adds the step, and goes on while the counter is below the end. */
const counting = (counter: string, step: number, end: Wat, label: string, body: readonly Wat[]): Wat => {
  const next: Wat = ["local.tee", counter, ["i32.add", get(counter), i32(step)]];
  return ["loop", `$${label}`, ...body, ["br_if", `$${label}`, ["i32.lt_s", next, end]]];
};

const isOne = (extent: Extent): boolean => extent.fixed === 1 && extent.perStep === 0;

/** Sets x, y and z of a workgroup from its number, as far as the kernel uses them. */
function groupIndices(kernel: Kernel, group: string, [x, y, z]: readonly (string | undefined)[]): Wat[] {
  const [, oneY, oneZ] = kernel.grid.map(isOne);
  const row: Wat = ["i32.div_s", get(group), get("$gx")];
  const lines: Wat[] = [];
  if (x !== undefined) lines.push(set(x, oneY && oneZ ? get(group) : ["i32.rem_s", get(group), get("$gx")]));
  if (y !== undefined) lines.push(set(y, oneZ ? row : ["i32.rem_s", row, get("$gy")]));
  if (z !== undefined) lines.push(set(z, ["i32.div_s", row, get("$gy")]));
  return lines;
}
