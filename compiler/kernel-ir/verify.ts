import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { hasSubgroups, invocationsOf, type Machine, mostTileBytes } from "../machine.ts";
import { printKernel } from "./print.ts";
import { someExpr, typeOf } from "./type-of.ts";
import type { KExpr, Kernel, KStmt, KType, Memory } from "./types.ts";
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

/** What is declared around a place; a block takes its own names away again, for none is declared twice. */
type Scope = Map<string, Binding>;

interface Place {
  readonly lanes: number;
  /** In a lanes loop whose iteration i is lane i's. */
  readonly own: boolean;
  /** Directly in such a loop, of an iteration for every lane: all come here together. */
  readonly all: boolean;
  /** Every invocation of the workgroup comes here together. */
  readonly uniform: boolean;
}

const isI32 = (value: number): boolean => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;

/**
 * Checks a kernel: types, scopes, memory, where stores and barriers may stand, and, if a machine is given, its limits.
 * Throws a `KernelError` that names the first fault and prints the kernel.
 */
export function verifyKernel(kernel: Kernel, machine?: Machine): void {
  const fail = (fault: string): never => {
    throw new KernelError(kernel, fault);
  };
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(kernel.name)) fail(`the name \`${kernel.name}\` is no identifier`);
  const access = new Map(kernel.regions.map((r) => [r.region, r.access]));
  const tiles = new Map(kernel.tiles.map((t) => [t.name, t]));
  if (access.size !== kernel.regions.length) fail("a region is declared twice");
  if (tiles.size !== kernel.tiles.length) fail("a tile is declared twice");
  if (!Number.isInteger(kernel.lanes) || kernel.lanes < 1) fail(`a workgroup of ${kernel.lanes} invocations`);
  for (const { name, size, vectors } of kernel.tiles) {
    if (!Number.isInteger(size) || size < 1) fail(`tile \`${name}\` has ${size} floats`);
    if (vectors && size % 4 !== 0) fail(`tile \`${name}\` has ${size} floats, which is no number of vectors`);
  }
  if (machine !== undefined) checkLimits(kernel, machine, fail);

  const memory = (m: Memory, use: "load" | "store", type: KType): void => {
    if (m.kind === "tile") {
      const tile = tiles.get(m.name) ?? fail(`tile \`${m.name}\` is not declared`);
      if (tile.vectors && type !== "f32x4") fail(`a ${use} of ${type} in tile \`${m.name}\`, which holds vectors`);
      return;
    }
    const declared = access.get(m.region);
    if (declared === undefined) fail(`region \`${m.region}\` is not declared`);
    if (use === "store" && declared === "read") fail(`a store to region \`${m.region}\`, which is declared read`);
  };

  const float = (type: KType, what: string): void => {
    if (type !== "f32" && type !== "f32x4") fail(`${what} is of type ${type}, not f32 or f32x4`);
  };

  /** Where the statement stands whose expressions are checked. */
  let at: Place = { lanes: 0, own: false, all: false, uniform: true };
  const check = (e: KExpr, type: KType, scope: Scope, what: string): void => {
    const found = typeOf(e);
    if (found !== type) fail(`${what} is of type ${found}, not ${type}`);
    checkExpr(e, scope);
  };

  const checkExpr = (e: KExpr, scope: Scope): void => {
    const all = (args: readonly KExpr[], type: KType, what: string): void => {
      for (const a of args) check(a, type, scope, `an operand of ${what}`);
    };
    switch (e.k) {
      case "float":
        if (Number.isNaN(e.value)) fail("a float constant is NaN");
        return;
      case "int":
        if (!isI32(e.value)) fail(`the integer constant ${e.value} is no i32`);
        return;
      case "var": {
        const bound = scope.get(e.name) ?? fail(`\`${e.name}\` is used where it is not declared`);
        if (bound.type !== e.type) fail(`\`${e.name}\` is of type ${bound.type} but used as ${e.type}`);
        if (bound.kind === "register" && !at.own) fail(`the register \`${e.name}\` is read where no lane has its own`);
        return;
      }
      case "uniform":
      case "group":
        return;
      case "groupEnd":
        if (kernel.grid.slice(1).some(({ fixed, perStep }) => fixed !== 1 || perStep !== 0))
          fail("workgroups that follow each other, in a grid of more axes than one");
        return;
      case "subgroupSize":
        if (machine !== undefined && !hasSubgroups(machine)) fail(`a subgroup's size, and ${machine.name} has none`);
        return;
      case "joint":
        fail("what a subgroup has together stands inside an expression");
        return;
      case "int2":
        all([e.a, e.b], "i32", `integer ${e.op}`);
        return;
      case "compare": {
        const type = typeOf(e.a);
        if (type !== "i32" && type !== "f32") fail(`a comparison of ${type}`);
        all([e.a, e.b], type, `comparison ${e.op}`);
        return;
      }
      case "and":
        all([e.a, e.b], "bool", "and");
        return;
      case "math": {
        // A square is a product here.
        const arity = isElementwise(e.op) && e.op !== "square" ? elementwise[e.op].arity : undefined;
        if (arity === undefined) fail(`op \`${e.op}\` is not one of Kernel IR's`);
        if (arity !== e.args.length) fail(`op \`${e.op}\` has ${e.args.length} operands, not ${arity}`);
        float(e.type, `op \`${e.op}\``);
        all(e.args, e.type, e.op);
        return;
      }
      case "fma":
        float(e.type, "fma");
        all([e.a, e.b, e.c], e.type, "fma");
        return;
      case "splat":
        float("f32x4", "splat");
        all([e.a], "f32", "splat");
        return;
      case "vec4":
        float("f32x4", "vec4");
        all(e.lanes, "f32", "vec4");
        return;
      case "across":
      case "extract":
        all([e.a], "f32x4", e.k);
        return;
      case "load":
        float(e.type, "a load");
        memory(e.memory, "load", e.type);
        check(e.index, "i32", scope, "an index");
        return;
      case "toFloat":
        all([e.a], "i32", "toFloat");
        return;
      case "toInt":
        all([e.a], "f32", "toInt");
        return;
      default:
        e satisfies never;
    }
  };

  const isUniform = (e: KExpr, scope: Scope): boolean =>
    !someExpr(e, (x) => x.k === "load" || (x.k === "var" && scope.get(x.name)?.uniform !== true));

  const checkBlock = (body: readonly KStmt[], scope: Scope, place: Place): void => {
    const declared: string[] = [];
    const declare = (name: string, bound: Binding): void => {
      if (scope.has(name)) fail(`\`${name}\` is declared where another \`${name}\` is in scope`);
      scope.set(name, bound);
      declared.push(name);
    };
    for (const s of body) {
      at = place;
      switch (s.s) {
        case "register":
          if (place.lanes > 0) fail(`the register \`${s.name}\` is declared inside a lanes loop`);
          float(s.type, `the register \`${s.name}\``);
          check(s.value, s.type, scope, `what \`${s.name}\` starts as`);
          declare(s.name, { kind: "register", type: s.type, uniform: false, lanes: 0 });
          break;
        case "let":
        case "var": {
          if (s.value.k === "joint") {
            if (s.s === "var" || !place.all)
              fail(`\`${s.name}\` is a subgroup's where its lanes may not come together`);
            if (machine !== undefined && !hasSubgroups(machine))
              fail(`\`${s.name}\` is a subgroup's, and ${machine.name} has none`);
            check(s.value.a, "f32", scope, `an operand of \`${s.name}\``);
          } else check(s.value, s.type, scope, `the value of \`${s.name}\``);
          if (s.type === "f32x4") float(s.type, `\`${s.name}\``);
          // A `var` may be assigned in control flow that is not uniform: it counts as differing between invocations.
          const uniform = s.s === "let" && isUniform(s.value, scope);
          declare(s.name, { kind: s.s, type: s.type, uniform, lanes: place.lanes });
          break;
        }
        case "assign": {
          const bound = scope.get(s.name) ?? fail(`\`${s.name}\` is assigned where it is not declared`);
          if (bound.kind !== "var" && bound.kind !== "register")
            fail(`\`${s.name}\` is assigned, but it is a ${bound.kind}`);
          if (bound.type !== s.type) fail(`\`${s.name}\` is of type ${bound.type} but assigned as ${s.type}`);
          if (bound.kind === "register") {
            if (!place.own) fail(`the register \`${s.name}\` is assigned where no lane has its own`);
          } else if (bound.lanes !== place.lanes)
            fail(`\`${s.name}\`, declared outside a lanes loop, is assigned inside it`);
          check(s.value, s.type, scope, `the value assigned to \`${s.name}\``);
          break;
        }
        case "store":
          if (place.lanes === 0) fail("a store outside a lanes loop");
          float(s.type, "a store");
          memory(s.memory, "store", s.type);
          check(s.index, "i32", scope, "an index");
          check(s.value, s.type, scope, "a stored value");
          break;
        case "for": {
          check(s.from, "i32", scope, `the lower bound of \`${s.name}\``);
          check(s.to, "i32", scope, `the upper bound of \`${s.name}\``);
          if (!isI32(s.step) || s.step < 1) fail(`the step of \`${s.name}\` is ${s.step}`);
          const lanes = s.kind === "lanes";
          if (lanes && place.lanes > 0) fail(`the lanes loop \`${s.name}\` stands inside another`);
          eachStmt(s.body, (inner) => {
            const changes = inner.s === "assign" && someExpr(s.to, (e) => e.k === "var" && e.name === inner.name);
            if (changes) fail(`the upper bound of \`${s.name}\` changes inside its loop`);
          });
          const uniform = !lanes && isUniform(s.from, scope) && isUniform(s.to, scope);
          const bound: Binding = { kind: "loop", type: "i32", uniform, lanes: place.lanes + (lanes ? 1 : 0) };
          const mine = s.from.k === "int" && s.from.value === 0 && s.step === 1;
          const own = lanes ? mine && s.to.k === "int" && s.to.value <= kernel.lanes : place.own;
          const all = lanes && own && s.to.k === "int" && s.to.value === kernel.lanes && place.uniform;
          const inside: Place = { lanes: bound.lanes, own, all, uniform: place.uniform && (lanes || uniform) };
          declare(s.name, bound);
          checkBlock(s.body, scope, inside);
          scope.delete(declared.pop()!);
          break;
        }
        case "if": {
          check(s.condition, "bool", scope, "a condition");
          const inside: Place = { ...place, all: false, uniform: place.uniform && isUniform(s.condition, scope) };
          checkBlock(s.then, scope, inside);
          checkBlock(s.else, scope, inside);
          break;
        }
        case "barrier":
          if (machine !== undefined && !machine.barriers) fail(`a barrier, and ${machine.name} has none`);
          if (place.lanes > 0) fail("a barrier inside a lanes loop");
          if (!place.uniform) fail("a barrier where the invocations of a workgroup may not come together");
          break;
        case "comment":
          break;
        default:
          s satisfies never;
      }
    }
    for (const name of declared) scope.delete(name);
  };

  checkBlock(kernel.body, new Map(), at);
}

function checkLimits(kernel: Kernel, machine: Machine, fail: (fault: string) => never): void {
  const lanes = invocationsOf(machine);
  if (kernel.lanes > lanes) fail(`${kernel.lanes} invocations, ${machine.name} has ${lanes}`);
  const bytes = kernel.tiles.reduce((sum, tile) => sum + 4 * tile.size, 0);
  if (bytes > mostTileBytes(machine)) fail(`tiles of ${bytes} bytes, ${machine.name} has ${machine.tileBytes}`);
  if (kernel.regions.length > machine.maxBindings)
    fail(`${kernel.regions.length} regions, ${machine.name} binds ${machine.maxBindings}`);
  for (const { fixed } of kernel.grid)
    if (fixed > machine.maxGrid)
      fail(`a grid of ${fixed} workgroups along one axis, ${machine.name} has ${machine.maxGrid}`);
}
