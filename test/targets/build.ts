import type { CompareOp, IntOp, KExpr, Kernel, KStmt, KType, Memory } from "../../compiler/kernel-ir/types.ts";

/** Short ways to write Kernel IR by hand. Numbers stand for integer constants. */
type Int = KExpr | number;

export const int = (e: Int): KExpr => (typeof e === "number" ? { k: "int", value: e } : e);
export const f = (value: number): KExpr => ({ k: "float", value });
export const v = (name: string, type: KType = "i32"): KExpr => ({ k: "var", name, type });
export const fv = (name: string): KExpr => v(name, "f32");
export const xv = (name: string): KExpr => v(name, "f32x4");
export const group = (axis: 0 | 1 | 2): KExpr => ({ k: "group", axis });
export const groupEnd: KExpr = { k: "groupEnd", axis: 0 };
export const t: KExpr = { k: "uniform", name: "t" };
export const T: KExpr = { k: "uniform", name: "T" };

const int2 =
  (op: IntOp) =>
  (a: Int, b: Int): KExpr => ({ k: "int2", op, a: int(a), b: int(b) });
export const plus = int2("add");
export const minus = int2("sub");
export const times = int2("mul");
export const over = int2("div");
export const rem = int2("rem");
export const least = int2("min");
export const most = int2("max");

export const compare = (op: CompareOp, a: Int, b: Int): KExpr => ({ k: "compare", op, a: int(a), b: int(b) });
export const and = (a: KExpr, b: KExpr): KExpr => ({ k: "and", a, b });
export const math = (op: string, ...args: readonly KExpr[]): KExpr => ({ k: "math", op, type: "f32", args });
export const math4 = (op: string, ...args: readonly KExpr[]): KExpr => ({ k: "math", op, type: "f32x4", args });
export const fma = (a: KExpr, b: KExpr, c: KExpr): KExpr => ({ k: "fma", type: "f32", a, b, c });
export const fma4 = (a: KExpr, b: KExpr, c: KExpr): KExpr => ({ k: "fma", type: "f32x4", a, b, c });
export const splat = (a: KExpr): KExpr => ({ k: "splat", a });

const place = (memory: string): Memory =>
  memory.startsWith("tile:") ? { kind: "tile", name: memory.slice(5) } : { kind: "region", region: memory };
/** `memory` is a region's name, or `tile:` and a tile's. */
export const load = (memory: string, index: Int): KExpr => ({
  k: "load",
  memory: place(memory),
  index: int(index),
  type: "f32",
});
export const load4 = (memory: string, index: Int): KExpr => ({ ...load(memory, index), type: "f32x4" }) as KExpr;

export const store = (memory: string, index: Int, value: KExpr): KStmt => ({
  s: "store",
  memory: place(memory),
  index: int(index),
  type: "f32",
  value,
});
export const store4 = (memory: string, index: Int, value: KExpr): KStmt =>
  ({ ...store(memory, index, value), type: "f32x4" }) as KStmt;
export const bind = (name: string, type: KType, value: Int): KStmt => ({ s: "let", name, type, value: int(value) });
export const variable = (name: string, type: KType, value: Int): KStmt => ({ s: "var", name, type, value: int(value) });
export const assign = (name: string, type: KType, value: Int): KStmt => ({
  s: "assign",
  name,
  type,
  value: int(value),
});
export const barrier: KStmt = { s: "barrier" };
export const comment = (text: string): KStmt => ({ s: "comment", text });
export const when = (condition: KExpr, then: readonly KStmt[], other: readonly KStmt[] = []): KStmt => ({
  s: "if",
  condition,
  then,
  else: other,
});

const loop =
  (kind: "serial" | "lanes") =>
  (name: string, from: Int, to: Int, body: readonly KStmt[], step = 1): KStmt => ({
    s: "for",
    kind,
    name,
    from: int(from),
    to: int(to),
    step,
    body,
  });
export const serial = loop("serial");
export const lanes = loop("lanes");

interface KernelParts {
  readonly name?: string;
  readonly doc?: string;
  readonly lanes?: number;
  readonly grid?: readonly [number, number, number];
  /** Regions that are read, and regions that are read and written. */
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
  readonly tiles?: Readonly<Record<string, number>>;
  readonly body: readonly KStmt[];
}

export function kernel(parts: KernelParts): Kernel {
  const [x, y, z] = parts.grid ?? [1, 1, 1];
  const extent = (fixed: number) => ({ fixed, perStep: 0 });
  return {
    name: parts.name ?? "probe",
    doc: parts.doc ?? "A probe.",
    lanes: parts.lanes ?? 64,
    grid: [extent(x), extent(y), extent(z)],
    regions: [
      ...(parts.reads ?? ["input"]).map((region) => ({ region, access: "read" as const })),
      ...(parts.writes ?? ["work"]).map((region) => ({ region, access: "read_write" as const })),
    ],
    tiles: Object.entries(parts.tiles ?? {}).map(([name, size]) => ({ name, size })),
    body: parts.body,
  };
}
