/**
 * Kernel IR: loops, tiles, workgroup memory and barriers, made explicit. A target only prints it.
 *
 * One rule explains it: **expressions have no effects, statements do.** An expression may be printed where it is used,
 * or bound by a `let`; only `store`, `assign` and `barrier` change anything.
 *
 * How it runs. A kernel is started as a grid of workgroups. A workgroup runs the body once, top to bottom. Parallel work
 * inside a workgroup is a loop of kind `lanes`: its iterations are independent and may run in any order, on the
 * workgroup's invocations (GPU: `for (i = lid; i < n; i += size)`) or one after another (CPU). Everything outside a
 * `lanes` loop is computed redundantly by every invocation, so it must be effect-free except for `let`, `var`, `for`, `if`
 * and `barrier`: a `store` outside a `lanes` loop is an error that the verifier reports. A `barrier` must separate a `lanes` loop
 * that stores from one that loads what another lane stored; on a CPU it prints as nothing. An `if` around a `barrier` may only test
 * values that are equal for the whole workgroup (`group`, `uniform`, and the variables of `serial` loops between such bounds).
 *
 * Memory. All memory is `f32`, except the region `half`, which is `f16`: loads from it give f32, and stores to it round. A
 * `region` is one storage buffer (WGSL), one range of linear memory (WASM) or a texture (GLSL); the plan says where each tensor is in
 * it. A texture of frames is accessed with a `frame`, and indices then count from the start of that frame. `tile` memory belongs to a workgroup: WGSL `var<workgroup>`, or scratch on a CPU. Indices count floats from the start of the region or
 * tile. 4-wide accesses need no alignment, except in a tile of vectors, where every access is 4 wide and its index a multiple of 4.
 *
 * A `register` is a variable of which each lane has its own, and which keeps its value from one `lanes` loop to the next, also
 * across barriers: the accumulators of a tiled product. Only a loop that gives lane i its i-th iteration may use it.
 *
 * Integers are signed 32-bit and non-negative in every index.
 */

import type { Extent } from "../../runtime/plan.ts";

/** `f32x4` holds four neighbours along the innermost feature axis. */
export type KType = "f32" | "f32x4" | "i32" | "bool";

/** The types of float arithmetic. */
export type FloatType = "f32" | "f32x4";

/** Where a load or store goes. */
export type Memory =
  | { readonly kind: "region"; readonly region: string }
  | { readonly kind: "tile"; readonly name: string };

/** Values the runtime supplies with every dispatch: the time step of the enclosing host loop, and the sequence length. */
export type Uniform = "t" | "T";

export type IntOp = "add" | "sub" | "mul" | "div" | "rem" | "min" | "max";
export type CompareOp = "lt" | "le" | "gt" | "ge" | "eq" | "ne";

export type KExpr =
  | { readonly k: "float"; readonly value: number }
  | { readonly k: "int"; readonly value: number }
  /** A loop variable, a `let` or a `var`. */
  | { readonly k: "var"; readonly name: string; readonly type: KType }
  | { readonly k: "uniform"; readonly name: Uniform }
  /** The workgroup's index in the grid. */
  | { readonly k: "group"; readonly axis: 0 | 1 | 2 }
  /**
   * The next workgroup along an axis. A machine without lanes may run consecutive workgroups as one: then `group` is the
   * first of them, and this is one past the last. Only where the grid has no other axis.
   */
  | { readonly k: "groupEnd"; readonly axis: 0 | 1 | 2 }
  | { readonly k: "int2"; readonly op: IntOp; readonly a: KExpr; readonly b: KExpr }
  /** Compares two ints or two floats (`f32` only): `bool`. */
  | { readonly k: "compare"; readonly op: CompareOp; readonly a: KExpr; readonly b: KExpr }
  | { readonly k: "and"; readonly a: KExpr; readonly b: KExpr }
  /**
   * Float arithmetic, of type `type` on operands of the same type. `op` is a row of the op table:
   * add sub mul div max min neg exp log tanh sigmoid sqrt rsqrt recip abs floor sign sin cos lt le gt ge eq ne (comparisons
   * yield 1.0 or 0.0) and `select` (operands: condition ≠ 0, then, else).
   */
  | { readonly k: "math"; readonly op: string; readonly type: "f32" | "f32x4"; readonly args: readonly KExpr[] }
  /** a * b + c; the machine may fuse it or not. */
  | { readonly k: "fma"; readonly type: "f32" | "f32x4"; readonly a: KExpr; readonly b: KExpr; readonly c: KExpr }
  /** f32 → f32x4, four equal lanes. */
  | { readonly k: "splat"; readonly a: KExpr }
  /** Four f32 → f32x4. */
  | { readonly k: "vec4"; readonly lanes: readonly [KExpr, KExpr, KExpr, KExpr] }
  /** Sum, or maximum, of the four lanes: f32. */
  | { readonly k: "across"; readonly op: "add" | "max"; readonly a: KExpr }
  /** One lane of an f32x4. */
  | { readonly k: "extract"; readonly a: KExpr; readonly lane: 0 | 1 | 2 | 3 }
  | {
      readonly k: "load";
      readonly memory: Memory;
      /** Of a texture of frames: which of them. */
      readonly frame?: KExpr;
      readonly index: KExpr;
      readonly type: "f32" | "f32x4";
    }
  /** How many lanes run as one: a power of two that is known only on the machine. Lane i's subgroup starts at i − i mod size. */
  | { readonly k: "subgroupSize" }
  /**
   * The sum, or maximum, of `a` over the lanes of a subgroup, for each of them. All lanes must reach it together, so it may only be
   * the value of a `let` that is directly in a loop with one iteration for every lane. Only on machines with `subgroups`.
   */
  | { readonly k: "joint"; readonly op: "add" | "max"; readonly a: KExpr }
  /** i32 → f32. */
  | { readonly k: "toFloat"; readonly a: KExpr }
  /** f32 → i32, towards zero. */
  | { readonly k: "toInt"; readonly a: KExpr };

export type KStmt =
  | { readonly s: "let"; readonly name: string; readonly type: KType; readonly value: KExpr }
  | { readonly s: "var"; readonly name: string; readonly type: KType; readonly value: KExpr }
  | { readonly s: "assign"; readonly name: string; readonly type: KType; readonly value: KExpr }
  /**
   * Declared outside `lanes` loops; read and assigned only in those that run from 0 by steps of 1 to at most the kernel's `lanes`.
   * It is set to `value`, which is equal for all lanes, each time control passes the declaration.
   */
  | { readonly s: "register"; readonly name: string; readonly type: "f32" | "f32x4"; readonly value: KExpr }
  | {
      readonly s: "store";
      readonly memory: Memory;
      readonly frame?: KExpr;
      readonly index: KExpr;
      readonly type: "f32" | "f32x4";
      readonly value: KExpr;
    }
  /** for (name = from; name < to; name += step). `from`, `to` and `step` are int; `step` is a positive constant. */
  | {
      readonly s: "for";
      readonly kind: "serial" | "lanes";
      readonly name: string;
      readonly from: KExpr;
      readonly to: KExpr;
      readonly step: number;
      readonly body: readonly KStmt[];
    }
  | { readonly s: "if"; readonly condition: KExpr; readonly then: readonly KStmt[]; readonly else: readonly KStmt[] }
  /** Makes what one lane stored visible to the others; `only` in one kind of memory, which costs half as much. */
  | { readonly s: "barrier"; readonly only?: "tiles" | "regions" }
  /** A line of prose for the reader of the generated code. */
  | { readonly s: "comment"; readonly text: string };

/** A region that a kernel touches, and how. */
export interface BoundRegion {
  readonly region: string;
  readonly access: "read" | "read_write";
  /**
   * Where it is the texture of one buffer: the floats of the buffer or, with `frames`, of each frame; whether even and odd frames are
   * in textures of their own; and whether frames lie below each other.
   */
  readonly texture?: {
    readonly size: number;
    readonly frames: boolean;
    readonly alternate: boolean;
    readonly stacked: boolean;
  };
}

/** Bytes of a float in a region. */
export const widthOf = (region: string): 2 | 4 => (region === "half" ? 2 : 4);

export interface Tile {
  readonly name: string;
  /** In floats. */
  readonly size: number;
  /** Holds vectors of four: every access is `f32x4`, at a multiple of 4. */
  readonly vectors?: true;
}

export interface Kernel {
  /** Readable and unique in its module, a safe identifier in every target: `lstm_forward_step`. */
  readonly name: string;
  /** What it computes, for a comment above it. */
  readonly doc: string;
  /** Invocations of a workgroup; 1 on a CPU. */
  readonly lanes: number;
  /** Workgroups. */
  readonly grid: readonly [Extent, Extent, Extent];
  readonly regions: readonly BoundRegion[];
  readonly tiles: readonly Tile[];
  /** It uses subgroup operations. */
  readonly subgroups?: true;
  readonly body: readonly KStmt[];
}
