import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { hasSubgroups, invocationsOf, type Machine, mostTileBytes } from "../machine.ts";
import { variablesIn } from "./equality.ts";
import { printKernel } from "./print.ts";
import { operands, someExpr, typeOf } from "./type-of.ts";
import type { KExpr, Kernel, KStmt, KType, Memory, Tile } from "./types.ts";
import { eachStmt } from "./walk.ts";

/** A kernel that breaks Kernel IR's rules: the compiler's own mistake, never the user's. */
export class KernelError extends Error {
  constructor(kernel: Kernel, fault: string) {
    super(
      `internal error: ${fault}\n\nThis is a mistake of the compiler, not of your cell. The kernel:\n\n${printKernel(kernel)}`,
    );
    this.name = "KernelError";
  }
}

interface Binding {
  readonly kind: "let" | "var" | "register" | "loop";
  readonly type: KType;
  /** The value is the same in every invocation of the workgroup. */
  readonly uniform: boolean;
  /** How many `lanes` loops surround the declaration. */
  readonly lanes: number;
}

/** What surrounds a statement. */
interface Place {
  readonly lanes: number;
  /** In a lanes loop whose iteration i is lane i's. */
  readonly own: boolean;
  /** Directly in such a loop, with an iteration for every lane: all of them come here together. */
  readonly all: boolean;
  /** Every invocation of the workgroup comes here together. */
  readonly uniform: boolean;
}

const isI32 = (value: number): boolean => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;

/**
 * Checks a kernel: types, scopes, memory, where stores and barriers may be, and, if a machine is given, its limits.
 * Throws a `KernelError` that names the first fault and prints the kernel.
 */
export function verifyKernel(kernel: Kernel, machine?: Machine): void {
  const verifier = new Verifier(kernel, machine);
  verifier.declarations();
  if (machine !== undefined) verifyLimits(kernel, machine);
  verifier.block(kernel.body, { lanes: 0, own: false, all: false, uniform: true });
}

class Verifier {
  private readonly kernel: Kernel;
  private readonly machine: Machine | undefined;
  private readonly access: ReadonlyMap<string, "read" | "read_write">;
  private readonly tiles: ReadonlyMap<string, Tile>;
  /** The names in scope: no two of them are the same, so that a block removes its own again. */
  private readonly scope = new Map<string, Binding>();

  constructor(kernel: Kernel, machine: Machine | undefined) {
    this.kernel = kernel;
    this.machine = machine;
    this.access = new Map(kernel.regions.map((r) => [r.region, r.access]));
    this.tiles = new Map(kernel.tiles.map((t) => [t.name, t]));
  }

  readonly fail = (fault: string): never => {
    throw new KernelError(this.kernel, fault);
  };

  /** What the kernel says of itself. */
  declarations(): void {
    const { name, lanes, regions, tiles } = this.kernel;
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) this.fail(`the name \`${name}\` is no identifier`);
    if (this.access.size !== regions.length) this.fail("a region is declared twice");
    if (this.tiles.size !== tiles.length) this.fail("a tile is declared twice");
    if (!Number.isInteger(lanes) || lanes < 1) this.fail(`a workgroup of ${lanes} invocations`);
    for (const tile of tiles) {
      if (!Number.isInteger(tile.size) || tile.size < 1) this.fail(`tile \`${tile.name}\` has ${tile.size} floats`);
      if (tile.vectors && tile.size % 4 !== 0)
        this.fail(`tile \`${tile.name}\` has ${tile.size} floats, which is no number of vectors`);
    }
  }

  block(body: readonly KStmt[], place: Place): void {
    const declared: string[] = [];
    for (const s of body) {
      this.statement(s, place);
      if (s.s === "let" || s.s === "var" || s.s === "register") declared.push(s.name);
    }
    for (const name of declared) this.scope.delete(name);
  }

  private declare(name: string, bound: Binding): void {
    if (this.scope.has(name)) this.fail(`\`${name}\` is declared where another \`${name}\` is in scope`);
    this.scope.set(name, bound);
  }

  private statement(s: KStmt, place: Place): void {
    switch (s.s) {
      case "register":
        this.register(s, place);
        return;
      case "let":
      case "var":
        this.declaration(s, place);
        return;
      case "assign":
        this.assignment(s, place);
        return;
      case "store":
        if (place.lanes === 0) this.fail("a store outside a lanes loop");
        this.float(s.type, "a store");
        this.memory(s.memory, "store", s.type);
        this.expression(s.index, "i32", place, "an index");
        this.expression(s.value, s.type, place, "a stored value");
        return;
      case "for":
        this.loop(s, place);
        return;
      case "if": {
        this.expression(s.condition, "bool", place, "a condition");
        const inside: Place = { ...place, all: false, uniform: place.uniform && this.isUniform(s.condition) };
        this.block(s.then, inside);
        this.block(s.else, inside);
        return;
      }
      case "barrier":
        if (this.machine !== undefined && !this.machine.barriers)
          this.fail(`a barrier, and ${this.machine.name} has none`);
        if (place.lanes > 0) this.fail("a barrier inside a lanes loop");
        if (!place.uniform) this.fail("a barrier where the invocations of a workgroup may not come together");
        return;
      case "comment":
        return;
      default:
        s satisfies never;
    }
  }

  private register(s: Statement<"register">, place: Place): void {
    if (place.lanes > 0) this.fail(`the register \`${s.name}\` is declared inside a lanes loop`);
    this.float(s.type, `the register \`${s.name}\``);
    this.expression(s.value, s.type, place, `what \`${s.name}\` starts as`);
    this.declare(s.name, { kind: "register", type: s.type, uniform: false, lanes: 0 });
  }

  private declaration(s: Statement<"let"> | Statement<"var">, place: Place): void {
    if (s.value.k === "joint") {
      if (s.s === "var" || !place.all) this.fail(`\`${s.name}\` is a subgroup's where its lanes may not come together`);
      if (this.machine !== undefined && !hasSubgroups(this.machine))
        this.fail(`\`${s.name}\` is a subgroup's, and ${this.machine.name} has none`);
      this.expression(s.value.a, "f32", place, `an operand of \`${s.name}\``);
    } else this.expression(s.value, s.type, place, `the value of \`${s.name}\``);
    if (s.type === "f32x4") this.float(s.type, `\`${s.name}\``);
    // A `var` may be assigned in control flow that is not uniform: it counts as differing between invocations.
    const uniform = s.s === "let" && this.isUniform(s.value);
    this.declare(s.name, { kind: s.s, type: s.type, uniform, lanes: place.lanes });
  }

  private assignment(s: Statement<"assign">, place: Place): void {
    const bound = this.scope.get(s.name) ?? this.fail(`\`${s.name}\` is assigned where it is not declared`);
    if (bound.kind !== "var" && bound.kind !== "register")
      this.fail(`\`${s.name}\` is assigned, but it is a ${bound.kind}`);
    if (bound.type !== s.type) this.fail(`\`${s.name}\` is of type ${bound.type} but assigned as ${s.type}`);
    if (bound.kind === "register") {
      if (!place.own) this.fail(`the register \`${s.name}\` is assigned where no lane has its own`);
    } else if (bound.lanes !== place.lanes)
      this.fail(`\`${s.name}\`, declared outside a lanes loop, is assigned inside it`);
    this.expression(s.value, s.type, place, `the value assigned to \`${s.name}\``);
  }

  private loop(s: Statement<"for">, place: Place): void {
    this.expression(s.from, "i32", place, `the lower bound of \`${s.name}\``);
    this.expression(s.to, "i32", place, `the upper bound of \`${s.name}\``);
    if (!isI32(s.step) || s.step < 1) this.fail(`the step of \`${s.name}\` is ${s.step}`);
    const lanes = s.kind === "lanes";
    if (lanes && place.lanes > 0) this.fail(`the lanes loop \`${s.name}\` stands inside another`);
    const bounds = variablesIn(s.to);
    eachStmt(s.body, (inner) => {
      if (inner.s === "assign" && bounds.has(inner.name))
        this.fail(`the upper bound of \`${s.name}\` changes inside its loop`);
    });
    const uniform = !lanes && this.isUniform(s.from) && this.isUniform(s.to);
    const inside = this.inLoop(s, place, uniform);
    this.declare(s.name, { kind: "loop", type: "i32", uniform, lanes: inside.lanes });
    this.block(s.body, inside);
    this.scope.delete(s.name);
  }

  /** What surrounds the body of a loop, whose variable is `uniform`. */
  private inLoop(s: Statement<"for">, place: Place, uniform: boolean): Place {
    if (s.kind === "serial") return { ...place, all: false, uniform: place.uniform && uniform };
    const lanes = this.kernel.lanes;
    const most = s.to.k === "int" ? s.to.value : undefined;
    const fromZero = s.from.k === "int" && s.from.value === 0 && s.step === 1;
    const own = fromZero && most !== undefined && most <= lanes;
    return { ...place, lanes: place.lanes + 1, own, all: own && most === lanes && place.uniform };
  }

  /** Whether an expression has the same value in every invocation of a workgroup. */
  private isUniform(e: KExpr): boolean {
    return !someExpr(e, (x) => x.k === "load" || (x.k === "var" && this.scope.get(x.name)?.uniform !== true));
  }

  private float(type: KType, what: string): void {
    if (type !== "f32" && type !== "f32x4") this.fail(`${what} is of type ${type}, not f32 or f32x4`);
  }

  private memory(m: Memory, use: "load" | "store", type: KType): void {
    if (m.kind === "tile") {
      const tile = this.tiles.get(m.name) ?? this.fail(`tile \`${m.name}\` is not declared`);
      if (tile.vectors && type !== "f32x4") this.fail(`a ${use} of ${type} in tile \`${m.name}\`, which holds vectors`);
      return;
    }
    const declared = this.access.get(m.region);
    if (declared === undefined) this.fail(`region \`${m.region}\` is not declared`);
    if (use === "store" && declared === "read") this.fail(`a store to region \`${m.region}\`, which is declared read`);
  }

  private expression(e: KExpr, type: KType, place: Place, what: string): void {
    const found = typeOf(e);
    if (found !== type) this.fail(`${what} is of type ${found}, not ${type}`);
    this.inside(e, place);
  }

  /** An expression whose operands are all of type `type`. */
  private operands(e: KExpr, type: KType, place: Place, what: string): void {
    for (const a of operands(e)) this.expression(a, type, place, `an operand of ${what}`);
  }

  private inside(e: KExpr, place: Place): void {
    switch (e.k) {
      case "float":
        if (Number.isNaN(e.value)) this.fail("a float constant is NaN");
        return;
      case "int":
        if (!isI32(e.value)) this.fail(`the integer constant ${e.value} is no i32`);
        return;
      case "var":
        this.variable(e, place);
        return;
      case "uniform":
      case "group":
        return;
      case "groupEnd":
        if (this.kernel.grid.some(({ fixed, perStep }, axis) => axis !== e.axis && (fixed !== 1 || perStep !== 0)))
          this.fail("workgroups that follow each other, in a grid of more axes than one");
        return;
      case "subgroupSize":
        if (this.machine !== undefined && !hasSubgroups(this.machine))
          this.fail(`a subgroup's size, and ${this.machine.name} has none`);
        return;
      case "joint":
        this.fail("what a subgroup has together stands inside an expression");
        return;
      case "int2":
        this.operands(e, "i32", place, `integer ${e.op}`);
        return;
      case "compare": {
        const type = typeOf(e.a);
        if (type !== "i32" && type !== "f32") this.fail(`a comparison of ${type}`);
        this.operands(e, type, place, `comparison ${e.op}`);
        return;
      }
      case "and":
        this.operands(e, "bool", place, e.k);
        return;
      case "math":
        this.math(e, place);
        return;
      case "fma":
        this.float(e.type, "fma");
        this.operands(e, e.type, place, e.k);
        return;
      case "splat":
      case "vec4":
      case "toInt":
        this.operands(e, "f32", place, e.k);
        return;
      case "across":
      case "extract":
        this.operands(e, "f32x4", place, e.k);
        return;
      case "toFloat":
        this.operands(e, "i32", place, e.k);
        return;
      case "load":
        this.float(e.type, "a load");
        this.memory(e.memory, "load", e.type);
        this.expression(e.index, "i32", place, "an index");
        return;
      default:
        e satisfies never;
    }
  }

  private variable({ name, type }: KExpr & { readonly k: "var" }, { own }: Place): void {
    const bound = this.scope.get(name) ?? this.fail(`\`${name}\` is used where it is not declared`);
    if (bound.type !== type) this.fail(`\`${name}\` is of type ${bound.type} but used as ${type}`);
    if (bound.kind === "register" && !own) this.fail(`the register \`${name}\` is read where no lane has its own`);
  }

  private math(e: KExpr & { readonly k: "math" }, place: Place): void {
    // A square is a product here.
    const arity = isElementwise(e.op) && e.op !== "square" ? elementwise[e.op].arity : undefined;
    if (arity === undefined) this.fail(`op \`${e.op}\` is not one of Kernel IR's`);
    if (arity !== e.args.length) this.fail(`op \`${e.op}\` has ${e.args.length} operands, not ${arity}`);
    this.float(e.type, `op \`${e.op}\``);
    this.operands(e, e.type, place, e.op);
  }
}

type Statement<S extends KStmt["s"]> = Extract<KStmt, { readonly s: S }>;

/** Throws `KernelError` where a kernel asks for more than `machine` has. */
export function verifyLimits(kernel: Kernel, machine: Machine): void {
  const fail = (fault: string): never => {
    throw new KernelError(kernel, fault);
  };
  const lanes = invocationsOf(machine);
  if (kernel.lanes > lanes) fail(`${kernel.lanes} invocations, ${machine.name} has ${lanes}`);
  if (kernel.subgroups && !hasSubgroups(machine)) fail(`its lanes join in subgroups, and ${machine.name} has none`);
  const bytes = kernel.tiles.reduce((sum, tile) => sum + 4 * tile.size, 0);
  if (bytes > mostTileBytes(machine)) fail(`tiles of ${bytes} bytes, ${machine.name} has ${machine.tileBytes}`);
  // Of textures, those that it samples; it renders to the others.
  const bound = kernel.regions.filter(({ access }) => machine.buffers === "regions" || access === "read").length;
  if (bound > machine.maxBindings) fail(`${bound} ${machine.buffers}, ${machine.name} binds ${machine.maxBindings}`);
  for (const { fixed } of kernel.grid)
    if (fixed > machine.maxGrid)
      fail(`a grid of ${fixed} workgroups along one axis, ${machine.name} has ${machine.maxGrid}`);
}
