/** Checks the rules that every graph obeys: after every pass in tests, and always after semantics. */

import { InternalError } from "../diagnostics/internal-error.ts";
import { isElementwise } from "./ops/elementwise.ts";
import { axesOf, inferTypes, isOp, rowOf } from "./ops.ts";
import { printGraph } from "./text.ts";
import { sameType, showType } from "./type.ts";
import type { Block, Graph, Op, OpOf, Type, Value } from "./types.ts";

export interface VerifyOptions {
  /** Sites and statistics must have been expanded by `place`. */
  readonly placed?: boolean;
}

/**
 * Throws `InternalError`, with the graph's text, when `graph` breaks a rule: a value is defined once and before its use,
 * types are what the op table infers, a body has no `time` in it and takes none from outside, result names are unique.
 */
export function verify(graph: Graph, options: VerifyOptions = {}): void {
  const fault = (message: string): never => {
    throw new InternalError(`${message} (graph ${graph.name})`, printGraph(graph));
  };
  new Verifier(fault, options.placed ?? false).graph(graph);
  for (const [site, norm] of graph.norms) {
    if (options.placed) fault(`the norm at site "${site}" is left after placement`);
    verify(norm);
    const inputs = norm.ops.flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "input" ? [op.attrs.leaf] : [],
    );
    if (inputs.length !== 1 || inputs[0].name !== "x") fault(`the norm at site "${site}" needs exactly one input, x`);
    if (norm.results.filter((r) => r.kind === "output").length !== 1)
      fault(`the norm at site "${site}" needs exactly one output`);
  }
}

const show = (v: Value): string => `%${v.name === "" ? "" : `${v.name}/`}${v.id}: ${showType(v.type)}`;

/** Whether it reads other steps than the one that it computes. */
const looksAlongTime = (op: Exclude<Op, { op: "scan" }>): boolean =>
  axesOf(op).some(({ time }) => time !== "parallel" && time !== "broadcast");

/** Whether `place` expands it. An op that is a loop is expanded elsewhere. */
function isPlaced({ op }: Op): boolean {
  const { form, asLoop } = rowOf(op);
  return op === "site" || op === "stat" || (form === "expanded" && asLoop === undefined);
}

class Verifier {
  private readonly fault: (message: string) => never;
  private readonly placed: boolean;
  /** Every id ever defined, for uniqueness; a body's values leave `scope` at its end. */
  private readonly defined = new Set<number>();
  private readonly scope = new Map<number, { readonly value: Value; readonly depth: number }>();
  private depth = 0;

  constructor(fault: (message: string) => never, placed: boolean) {
    this.fault = fault;
    this.placed = placed;
  }

  graph({ ops, results }: Graph): void {
    for (const op of ops) this.op(op);
    const names = new Set<string>();
    for (const { kind, name, value } of results) {
      const key = `${kind}:${name}`;
      if (names.has(key)) this.fault(`result ${key} stands twice`);
      names.add(key);
      this.use(value, `result ${key}`);
    }
  }

  private define(v: Value): void {
    if (this.defined.has(v.id)) this.fault(`${show(v)} is defined twice`);
    if (this.depth > 0 && v.type.time) this.fault(`${show(v)} has time inside a scan's body`);
    this.defined.add(v.id);
    this.scope.set(v.id, { value: v, depth: this.depth });
  }

  private use(v: Value, by: string): void {
    const found = this.scope.get(v.id);
    if (found === undefined) {
      const why = this.defined.has(v.id) ? "outside the body that defines it" : "without a definition before it";
      this.fault(`${by} uses ${show(v)} ${why}`);
    }
    if (!sameType(found.value.type, v.type)) this.fault(`${by} uses ${show(v)}, defined as ${show(found.value)}`);
    if (found.depth < this.depth && v.type.time) this.fault(`${by} uses ${show(v)} with time from outside its body`);
  }

  private op(op: Op): void {
    const where = `${op.op} ${op.results.map(show).join(", ")}`;
    for (const v of op.operands) this.use(v, where);
    if (op.inPlace && !isElementwise(op.op)) this.fault(`${where} cannot be computed in place: it is not elementwise`);
    if (op.op === "leaf" && this.depth > 0) this.fault(`${where} stands inside a scan's body`);
    if (this.placed && isPlaced(op)) this.fault(`${where} is left after placement: ${JSON.stringify(op.attrs)}`);
    const types = op.op === "scan" ? this.scan(op, where) : this.infer(op, where);
    if (types.length !== op.results.length)
      this.fault(`${where} has ${op.results.length} results instead of ${types.length}`);
    types.forEach((t, i) => {
      if (!sameType(t, op.results[i].type)) this.fault(`${where}: result ${i} should be ${showType(t)}`);
    });
    for (const v of op.results) this.define(v);
    // No value in a body has time. Moved out of the body, such an op would suddenly read all steps.
    if (this.depth > 0 && op.op !== "scan" && looksAlongTime(op))
      this.fault(`${where} runs over time inside a scan's body`);
  }

  private infer(op: Exclude<Op, { op: "scan" }>, where: string): readonly Type[] {
    if (op.body !== undefined) this.fault(`${where} has a body`);
    if (!isOp(op.op)) this.fault(`${where}: the op table has no such op`);
    try {
      return inferTypes(
        op.op,
        op.operands.map((v) => v.type),
        op.attrs,
      );
    } catch (error) {
      return this.fault(`${where}: ${(error as Error).message}`);
    }
  }

  /** Checks a scan and its body; returns the types its results should have. */
  private scan(op: OpOf<"scan">, where: string): readonly Type[] {
    const { states } = op.attrs;
    if (op.body === undefined) this.fault(`${where} has no body`);
    const { params, ops, results }: Block = op.body;
    if (op.operands.length < states) this.fault(`${where} has fewer operands than states`);
    if (params.length !== op.operands.length)
      this.fault(`${where}: ${op.operands.length} operands, but ${params.length} body parameters`);
    if (results.length < states) this.fault(`${where}: its body yields fewer values than there are states`);
    params.forEach((p, i) => {
      const x = op.operands[i];
      if (i >= states && !x.type.time) this.fault(`${where}: input ${show(x)} has no time`);
      if (!sameType(p.type, i < states ? x.type : { ...x.type, time: false }))
        this.fault(`${where}: body parameter ${show(p)} stands for ${show(x)}`);
    });
    this.depth++;
    for (const p of params) this.define(p);
    for (const inner of ops) this.op(inner);
    for (const r of results) this.use(r, `yield of ${where}`);
    for (let i = 0; i < states; i++) {
      if (!sameType(results[i].type, params[i].type))
        this.fault(`${where}: state ${show(params[i])} becomes ${show(results[i])}`);
    }
    for (const [id, { depth }] of this.scope) if (depth === this.depth) this.scope.delete(id);
    this.depth--;
    return results.map((v, i) => (i < states ? v.type : { ...v.type, time: true }));
  }
}
