/** Programs for tests: files in memory, and what comes out of them. */
import { posix } from "node:path";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import type { Block, Graph, Op, OpName, Value } from "../../compiler/ir/types.ts";
import { check, type Elaborated, type ElaborateOptions, elaborate } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";

export function files(texts: Readonly<Record<string, string>>): SourceHost {
  return {
    read: (path) => (Object.hasOwn(texts, path) ? texts[path] : undefined),
    resolve: (from, specifier) => posix.join(posix.dirname(from), specifier),
  };
}

export function compile(text: string, options: ElaborateOptions = {}): Elaborated {
  return elaborate("main.cell", files({ "main.cell": text }), options);
}

export function problemsOf(text: string, others: Readonly<Record<string, string>> = {}): readonly Diagnostic[] {
  return check("main.cell", files({ ...others, "main.cell": text }));
}

/** The diagnostics with which `compile` refuses a text. */
export function refusal(text: string, options: ElaborateOptions = {}): readonly Diagnostic[] {
  try {
    compile(text, options);
  } catch (e) {
    if (e instanceof CompileError) return e.diagnostics;
    throw e;
  }
  throw new Error("the text was accepted");
}

export const codes = (ds: readonly Diagnostic[]): readonly string[] => ds.map((d) => d.code);

/** A cell of [D] → [H] with these statements beside input x, state h and `h' = …`. */
export const cellWith = (statements: string, next = "tanh(h @ Wh + x @ Wx)"): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  ${statements}
  h' = ${next}
  output h'
}
`;

/** Every op, bodies included. */
export function allOps(graph: Graph): readonly Op[] {
  const of = (ops: Block["ops"]): Op[] => ops.flatMap((op) => [op, ...(op.body ? of(op.body.ops) : [])]);
  return of(graph.ops);
}

export function opsNamed(graph: Graph, name: OpName): readonly Op[] {
  return allOps(graph).filter((op) => op.op === name);
}

export function leafNames(graph: Graph): readonly string[] {
  return allOps(graph).flatMap((op) => (op.op === "leaf" ? [op.attrs.leaf.name] : []));
}

/** The first value with this name hint. */
export function valueNamed(graph: Graph, name: string): Value {
  for (const op of allOps(graph)) for (const v of op.results) if (v.name === name) return v;
  throw new Error(`no value ${name} in\n${printGraph(graph)}`);
}
