/**
 * The text form of a graph, which `parse-text.ts` reads back:
 *
 *     graph rnn {
 *       %Wh = leaf param "Wh" orthogonal(gain=1) : f32[H, H]
 *       %x = leaf input "x" : f32[time, batch, H]
 *       %h0 = const 0 : f32[]
 *       %1 = broadcast %h0 : f32[batch, H]
 *       %h_T, %hs = scan (%h = %1) over (%xt = %x) {
 *         %hh = dot %h, %Wh {k,kn->n} : f32[batch, H]
 *         %2 = add %hh, %xt : f32[batch, H]
 *         %h_next = tanh %2 : f32[batch, H]
 *         yield %h_next; %h_next
 *       } : f32[batch, H], f32[time, batch, H]
 *       result output "h" %hs
 *     }
 *
 * A value is written as its name, the second value of a name as `%h.1`, and a value without a name as a number.
 */
import { isOp, rowOf } from "./ops.ts";
import { sameType, showType } from "./type.ts";
import type { Graph, Op, OpOf, Type, Value } from "./types.ts";

/** The text of `graph`: the same for equal graphs, whatever their ids. Also prints graphs that break the rules. */
export function printGraph(graph: Graph): string {
  return `${graphLines(graph, "graph", namer()).join("\n")}\n`;
}

/** What each value of `graph` is called in its text. */
export function valueNames(graph: Graph): ValueNames {
  const name = namer();
  graphLines(graph, "graph", name);
  return name;
}

/** The lines of one op, with values called as `name` says. */
export const printOp = (op: Op, name: ValueNames): readonly string[] => opLines(op, name);

const indent = (lines: readonly string[]): string[] => lines.map((l) => `  ${l}`);

function graphLines(graph: Graph, head: string, name: ValueNames): string[] {
  const title = /^[A-Za-z_]\w*$/.test(graph.name) ? graph.name : JSON.stringify(graph.name);
  return [
    `${head} ${title} {`,
    ...indent([
      ...graph.ops.flatMap((op) => opLines(op, name)),
      ...graph.results.map((r) => `result ${r.kind} ${JSON.stringify(r.name)} ${name(r.value)}`),
      ...[...graph.norms].flatMap(([site, norm]) => graphLines(norm, `norm ${JSON.stringify(site)} graph`, namer())),
    ]),
    "}",
  ];
}

export type ValueNames = (v: Value) => string;

function namer(): ValueNames {
  const given = new Map<number, string>();
  const uses = new Map<string, number>();
  return (v) => {
    const old = given.get(v.id);
    if (old !== undefined) return old;
    const n = uses.get(v.name) ?? 0;
    uses.set(v.name, n + 1);
    const plain = /^[A-Za-z_][\w'/]*$/.test(v.name) ? v.name : JSON.stringify(v.name);
    const text = v.name === "" ? `%${n + 1}` : `%${plain}${n === 0 ? "" : `.${n}`}`;
    given.set(v.id, text);
    return text;
  };
}

function opLines(op: Op, name: ValueNames): string[] {
  const results = op.results.map(name).join(", ");
  const types = op.results.map((v) => showType(v.type)).join(", ");
  if (op.op === "scan") return scanLines(op, name, results, types);
  const operands = op.operands.map(name).join(", ");
  const words = [`${results} =`, op.op, operands, attributesOf(op), op.inPlace ? "in place" : "", ":", types];
  return [words.filter((w) => w !== "").join(" ")];
}

/** An op without a row has its attributes printed as JSON: a graph that breaks the rules can be printed, too. */
const attributesOf = (op: Op): string =>
  isOp(op.op) ? rowOf(op.op).attributes.print(op.attrs as never) : JSON.stringify(op.attrs);

function scanLines(op: OpOf<"scan">, name: ValueNames, results: string, types: string): string[] {
  const { states, reverse } = op.attrs;
  const { params, ops, results: yielded } = op.body ?? { params: [], ops: [], results: [] };
  const binding = (i: number): string => {
    const [p, x] = [params[i], op.operands[i]];
    if (p === undefined || x === undefined) return p ? name(p) : name(x);
    // Printed only if it is wrong, so that the text of a faulty graph shows the fault.
    const expected: Type = i < states ? x.type : { ...x.type, time: false };
    return `${name(p)}${sameType(p.type, expected) ? "" : `: ${showType(p.type)}`} = ${name(x)}`;
  };
  const bindings = Array.from({ length: Math.max(params.length, op.operands.length) }, (_, i) => binding(i));
  const list = (of: readonly Value[]): string => of.map(name).join(", ");
  const head = `${results} = scan${reverse ? " reverse" : ""} (${bindings.slice(0, states).join(", ")})`;
  const over = bindings.length > states ? ` over (${bindings.slice(states).join(", ")})` : "";
  const outputs = yielded.length > states ? `; ${list(yielded.slice(states))}` : "";
  return [
    `${head.trimStart()}${over} {`,
    ...indent([
      ...ops.flatMap((o) => opLines(o, name)),
      `yield${states > 0 ? " " : ""}${list(yielded.slice(0, states))}${outputs}`,
    ]),
    `} : ${types}`,
  ];
}
