/**
 * Finds the addresses that a kernel touches: turns its Kernel IR, without everything but index arithmetic, into a JavaScript
 * function that marks them.
 */

import { operands } from "../compiler/kernel-ir/type-of.ts";
import type { KExpr, Kernel, KStmt } from "../compiler/kernel-ir/types.ts";
import { eachStmt, expressionsOf } from "../compiler/kernel-ir/walk.ts";

/** A mark for each float of a region: untouched, read before it was written, written, or both in this order. */
export const READ = 1;
export const WRITTEN = 2;

export type Marks = Readonly<Record<string, Uint8Array>>;

/** Marks what one dispatch touches. A float that the dispatch itself wrote before it reads it counts as written only. */
export type Footprint = (marks: Marks, t: number, T: number) => void;

/** Throws if an address or a branch depends on data, as in `embed`. */
export function footprintOf(kernel: Kernel): Footprint {
  const regions = kernel.regions.map(({ region }) => region);
  const grid = kernel.grid.map(({ fixed, perStep }) => `${fixed} + ${perStep} * T`);
  const [gx, gy, gz] = grid;
  const source = [
    `const { ${regions.map((region) => `${region}: ${memory(region)}`).join(", ")} } = marks;`,
    `for (let g2 = 0; g2 < ${gz}; g2++) for (let g1 = 0; g1 < ${gy}; g1++) for (let g0 = 0; g0 < ${gx}; g0++) {`,
    ...block(kernel.body),
    "}",
  ].join("\n");
  return new Function("marks", "t", "T", source) as Footprint;
}

/** Whether a kernel loops over the sequence itself: it has a loop over T that stores each step's results at another address. */
export function loopsOverTime(kernel: Kernel): boolean {
  let loops = false;
  eachStmt(kernel.body, (s) => {
    if (s.s === "for" && s.kind === "serial" && mentions(s.to, isLength)) loops ||= storesBy(s.name, s.body);
  });
  return loops;
}

const mentions = (e: KExpr, is: (e: KExpr) => boolean): boolean => is(e) || operands(e).some((a) => mentions(a, is));
const isLength = (e: KExpr): boolean => e.k === "uniform" && e.name === "T";

/** Whether the index of a store to a region depends on a variable. */
function storesBy(variable: string, body: readonly KStmt[]): boolean {
  const dependent = new Set([variable]);
  const depends = (e: KExpr): boolean => mentions(e, (a) => a.k === "var" && dependent.has(a.name));
  let found = false;
  eachStmt(body, (s) => {
    if (s.s === "store") found ||= s.memory.kind === "region" && depends(s.index);
    else if ((s.s === "let" || s.s === "var" || s.s === "assign") && depends(s.value)) dependent.add(s.name);
    else if (s.s === "for" && (depends(s.from) || depends(s.to))) dependent.add(s.name);
  });
  return found;
}

const memory = (region: string): string => `m_${region}`;
const local = (name: string): string => `v_${name}`;

function block(body: readonly KStmt[]): readonly string[] {
  return body.flatMap(statement);
}

function statement(s: KStmt): readonly string[] {
  const reads = expressionsOf(s).flatMap(loads);
  switch (s.s) {
    case "let":
    case "var":
      return isNumber(s.type) ? [`let ${local(s.name)} = ${index(s.value)};`] : reads;
    case "assign":
      return isNumber(s.type) ? [`${local(s.name)} = ${index(s.value)};`] : reads;
    case "register":
      return reads;
    case "store":
      return s.memory.kind === "region" ? [...reads, ...written(s.memory.region, s.index, s.type)] : reads;
    case "for": {
      const i = local(s.name);
      return [`for (let ${i} = ${index(s.from)}; ${i} < ${index(s.to)}; ${i} += ${s.step}) {`, ...block(s.body), "}"];
    }
    case "if":
      return [`if (${index(s.condition)}) {`, ...block(s.then), "} else {", ...block(s.else), "}"];
    case "barrier":
    case "comment":
      return [];
    default:
      return s satisfies never;
  }
}

const isNumber = (type: string): boolean => type === "i32" || type === "bool";

const each = (type: string, at: KExpr, mark: (i: string) => string): readonly string[] => [
  `{ const i = ${index(at)}; ${Array.from({ length: type === "f32x4" ? 4 : 1 }, (_, k) => mark(`i + ${k}`)).join(" ")} }`,
];

const written = (region: string, at: KExpr, type: string): readonly string[] =>
  each(type, at, (i) => `${memory(region)}[${i}] |= ${WRITTEN};`);

/** The marks of every load in an expression. */
function loads(e: KExpr): readonly string[] {
  const inside = operands(e).flatMap(loads);
  if (e.k !== "load" || e.memory.kind !== "region") return inside;
  const { region } = e.memory;
  return [
    ...inside,
    ...each(e.type, e.index, (i) => `if (${memory(region)}[${i}] === 0) ${memory(region)}[${i}] = ${READ};`),
  ];
}

/** An index expression as JavaScript. Indices are non-negative, so division rounds down. */
function index(e: KExpr): string {
  switch (e.k) {
    case "int":
      return String(e.value);
    case "uniform":
      return e.name;
    case "group":
      return `g${e.axis}`;
    case "groupEnd":
      return "(g0 + 1)";
    case "var":
      if (isNumber(e.type)) return local(e.name);
      break;
    case "int2": {
      const [a, b] = [index(e.a), index(e.b)];
      if (e.op === "min" || e.op === "max") return `Math.${e.op}(${a}, ${b})`;
      if (e.op === "div") return `Math.floor(${a} / ${b})`;
      return `(${a} ${arithmetic[e.op]} ${b})`;
    }
    case "compare":
      return `(${index(e.a)} ${comparisons[e.op]} ${index(e.b)})`;
    case "and":
      return `(${index(e.a)} && ${index(e.b)})`;
  }
  throw new Error(`an address depends on data: ${e.k}`);
}

const arithmetic = { add: "+", sub: "-", mul: "*", rem: "%" } as const;
const comparisons = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "===", ne: "!==" } as const;
