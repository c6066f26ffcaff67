/** Prints Kernel IR in any C-like language. What differs between the languages is their dialect. */

import { atom, call, commentLines, indented, infix, literal, type Text } from "./c-text.ts";
import type { CompareOp, FloatType, IntOp, KExpr, KStmt, KType, Memory, Uniform } from "./types.ts";

export type Loop = Extract<KStmt, { s: "for" }>;

/** What differs between C-like languages. */
export interface Dialect {
  /** The language's names of the types. */
  readonly types: Readonly<Record<KType, string>>;
  /** Ends a simple statement. */
  readonly end: ";" | "";
  readonly comment: "//" | "#";
  name(source: string): string;
  float(value: number): string;
  math(op: string, args: readonly Text[], type: FloatType): Text;
  fma(a: Text, b: Text, c: Text): Text;
  across(op: "add" | "max", a: Text): Text;
  subgroupSize(): Text;
  joint(op: "add" | "max", a: Text): Text;
  uniform(name: Uniform): Text;
  group(axis: 0 | 1 | 2): Text;
  /** A part of a vector: `.x`. */
  lane(lane: 0 | 1 | 2 | 3): string;
  /** The index in the language's units, if it does not count floats. */
  index?(memory: Memory, index: KExpr): KExpr;
  /** `frame`: of a texture of frames. */
  load(memory: Memory, index: Text, type: FloatType, frame: Text | undefined): Text;
  store(memory: Memory, index: Text, value: Text, type: FloatType, frame: Text | undefined): string;
  declare(kind: "let" | "var" | "register", name: string, type: KType, value: Text): string;
  /** A loop's header, the lines that it needs before it, and those that its block starts with. */
  loop(loop: Loop, name: string, from: Text, to: Text): LoopText;
  condition(condition: Text): string;
  barrier(only: "tiles" | "regions" | undefined): readonly string[];
}

export interface LoopText {
  readonly before?: readonly string[];
  readonly header: string;
  readonly first?: readonly string[];
}

const intInfix: Readonly<Record<Exclude<IntOp, "min" | "max">, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  rem: "%",
};
const compareInfix: Readonly<Record<CompareOp, string>> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

/** The text of an expression. */
export function printExpr(e: KExpr, dialect: Dialect): Text {
  const print = (inner: KExpr): Text => printExpr(inner, dialect);
  switch (e.k) {
    case "float":
      return literal(dialect.float(e.value));
    case "int":
      return literal(String(e.value));
    case "var":
      return atom(dialect.name(e.name));
    case "uniform":
      return dialect.uniform(e.name);
    case "group":
      return dialect.group(e.axis);
    case "groupEnd":
      return infix("+", dialect.group(e.axis), literal("1"));
    case "int2":
      if (e.op === "add" && e.b.k === "int" && e.b.value < 0)
        return infix("-", print(e.a), literal(String(-e.b.value)));
      return e.op === "min" || e.op === "max"
        ? call(e.op, print(e.a), print(e.b))
        : infix(intInfix[e.op], print(e.a), print(e.b));
    case "compare":
      return infix(compareInfix[e.op], print(e.a), print(e.b));
    case "and":
      return infix("&&", print(e.a), print(e.b));
    case "math":
      return dialect.math(e.op, e.args.map(print), e.type);
    case "fma":
      return dialect.fma(print(e.a), print(e.b), print(e.c));
    case "splat":
      return call(dialect.types.f32x4, print(e.a));
    case "vec4":
      return call(dialect.types.f32x4, ...e.lanes.map(print));
    case "across":
      return dialect.across(e.op, print(e.a));
    case "extract": {
      const vector = print(e.a);
      const operand = vector.binding < atom("").binding ? `(${vector.text})` : vector.text;
      return atom(operand + dialect.lane(e.lane));
    }
    case "load":
      return dialect.load(e.memory, print(indexOf(e.memory, e.index, dialect)), e.type, e.frame && print(e.frame));
    case "subgroupSize":
      return dialect.subgroupSize();
    case "joint":
      return dialect.joint(e.op, print(e.a));
    case "toFloat":
      return call(dialect.types.f32, print(e.a));
    case "toInt":
      return call(dialect.types.i32, print(e.a));
    default:
      return e satisfies never;
  }
}

const indexOf = (memory: Memory, index: KExpr, dialect: Dialect): KExpr => dialect.index?.(memory, index) ?? index;

/** The lines of a block's statements, at the margin. */
export const printBlock = (body: readonly KStmt[], dialect: Dialect): string[] =>
  body.flatMap((s) => printStmt(s, dialect));

function printStmt(s: KStmt, dialect: Dialect): string[] {
  const print = (e: KExpr): Text => printExpr(e, dialect);
  const block = (body: readonly KStmt[]): string[] => indented(printBlock(body, dialect));
  switch (s.s) {
    case "let":
    case "var":
    case "register":
      return [dialect.declare(s.s, dialect.name(s.name), s.type, print(s.value)) + dialect.end];
    case "assign":
      return [assignment(dialect.name(s.name), s.value, dialect) + dialect.end];
    case "store":
      return [
        dialect.store(
          s.memory,
          print(indexOf(s.memory, s.index, dialect)),
          print(s.value),
          s.type,
          s.frame && print(s.frame),
        ) + dialect.end,
      ];
    case "for": {
      const { before = [], header, first = [] } = dialect.loop(s, dialect.name(s.name), print(s.from), print(s.to));
      return [...before, `${header} {`.trimStart(), ...indented(first), ...block(s.body), "}"];
    }
    case "if": {
      const head = `if ${dialect.condition(print(s.condition))} {`;
      if (s.else.length === 0) return [head, ...block(s.then), "}"];
      const other = s.else.length === 1 && s.else[0].s === "if" ? printStmt(s.else[0], dialect) : undefined;
      if (other !== undefined) return [head, ...block(s.then), `} else ${other[0]}`, ...other.slice(1)];
      return [head, ...block(s.then), "} else {", ...block(s.else), "}"];
    }
    case "barrier":
      return [...dialect.barrier(s.only)];
    case "comment":
      return commentLines(s.text).map((line) => `${dialect.comment} ${line}`.trimEnd());
    default:
      return s satisfies never;
  }
}

/** `sum += x` if the value is the variable itself plus something; otherwise `sum = …`. */
function assignment(name: string, value: KExpr, dialect: Dialect): string {
  const text = (e: KExpr): string => printExpr(e, dialect).text;
  const isSelf = (e: KExpr): boolean => e.k === "var" && dialect.name(e.name) === name;
  if (value.k === "math" && value.op === "add" && isSelf(value.args[0])) return `${name} += ${text(value.args[1])}`;
  if (value.k === "int2" && value.op === "add" && isSelf(value.a)) return `${name} += ${text(value.b)}`;
  return `${name} = ${text(value)}`;
}
