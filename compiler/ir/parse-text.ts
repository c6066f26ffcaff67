/** Reads what `text.ts` prints. */
import * as dim from "./dim.ts";
import { isOp, rowOf } from "./ops.ts";
import { Reader } from "./text-reader.ts";
import type { Block, Graph, Op, Result, Type, Value } from "./types.ts";

/**
 * The graph that `text` describes, with ids counted from 1 in the order of definition. Throws `IrSyntaxError` with the line where
 * the text does not parse or names an unknown value. `verify` checks whether the graph obeys the rules.
 */
export function parseGraph(text: string): Graph {
  const r = new Reader(text);
  r.expect("graph");
  const graph = readGraph(r);
  r.end();
  return graph;
}

const resultKinds = [
  "output",
  "loss",
  "loss_term",
  "metric",
  "weight",
  "grad",
  "batch_stat",
  "population",
  "carry",
  "cotangent",
  "flat",
] as const satisfies readonly Result["kind"][];

function readGraph(r: Reader): Graph {
  const name = readTitle(r);
  const values = new Values(r);
  const ops: Op[] = [];
  const results: Result[] = [];
  const norms = new Map<string, Graph>();
  r.expect("{");
  while (!r.take("}")) {
    if (r.take("result")) {
      results.push({ kind: r.oneOf(resultKinds), name: r.string(), value: values.use() });
    } else if (r.take("norm")) {
      const site = r.string();
      r.expect("graph");
      norms.set(site, readGraph(r));
    } else {
      ops.push(readOp(r, values));
    }
  }
  return { name, ops, results, norms };
}

function readTitle(r: Reader): string {
  return r.tryMatch(/[A-Za-z_]\w*/y) ?? r.string();
}

/** The values in scope, by the text that names them. */
class Values {
  private readonly r: Reader;
  private readonly scope: Map<string, Value>;
  private readonly ids: { last: number };

  constructor(r: Reader, scope = new Map<string, Value>(), ids = { last: 0 }) {
    this.r = r;
    this.scope = scope;
    this.ids = ids;
  }

  /** The scope of a scan's body: it sees the values outside, which do not see its own. */
  inner(): Values {
    return new Values(this.r, new Map(this.scope), this.ids);
  }

  private label(): string {
    return this.r.match(/%(?:[A-Za-z_][\w'/]*|"(?:[^"\\\n]|\\.)*"|(?=\d))(?:\.?\d+)?/y, "a value");
  }

  use(): Value {
    const label = this.label();
    return this.scope.get(label) ?? this.r.reject(`${label} is not defined`);
  }

  /** The label of a value about to be defined, beside those in `taken`. */
  fresh(taken: readonly string[]): string {
    const label = this.label();
    return this.scope.has(label) || taken.includes(label) ? this.r.reject(`${label} is defined twice`) : label;
  }

  define(label: string, type: Type): Value {
    const value = { id: ++this.ids.last, type, name: nameOf(label) };
    this.scope.set(label, value);
    return value;
  }
}

/** The name in a label: `%h.1` is named h, `%3` is not named. */
function nameOf(label: string): string {
  const name = label.slice(1).replace(/^\d+$|\.\d+$/, "");
  return name.startsWith('"') ? (JSON.parse(name) as string) : name;
}

function readOp(r: Reader, values: Values): Op {
  const labels: string[] = [];
  do labels.push(values.fresh(labels));
  while (r.take(","));
  r.expect("=");
  const op = r.word("an op");
  if (op === "scan") return readScan(r, values, labels);
  if (!isOp(op)) return r.reject(`there is no op ${op}`);
  const operands: Value[] = [];
  if (r.tryMatch(/(?=%)/y) !== undefined) {
    do operands.push(values.use());
    while (r.take(","));
  }
  const complete = rowOf(op).attributes.parse(r);
  const inPlace = r.take("in");
  if (inPlace) r.expect("place");
  const results = readResults(r, values, labels);
  return { op, operands, attrs: complete(results[0].type), results, ...(inPlace && { inPlace }) } as Op;
}

function readResults(r: Reader, values: Values, labels: readonly string[]): Value[] {
  r.expect(":");
  return labels.map((label, i) => {
    if (i > 0) r.expect(",");
    return values.define(label, readType(r));
  });
}

function readScan(r: Reader, values: Values, labels: readonly string[]): Op {
  const reverse = r.take("reverse");
  const inner = values.inner();
  const operands: Value[] = [];
  const params: Value[] = [];
  const bind = (input: boolean): void => {
    const label = inner.fresh([]);
    const said = r.take(":") ? readType(r) : undefined;
    r.expect("=");
    const operand = values.use();
    operands.push(operand);
    params.push(inner.define(label, said ?? (input ? { ...operand.type, time: false } : operand.type)));
  };
  r.expect("(");
  const states = r.list(")", () => bind(false)).length;
  if (r.take("over")) {
    r.expect("(");
    r.list(")", () => bind(true));
  }
  r.expect("{");
  const ops: Op[] = [];
  while (!r.take("yield")) ops.push(readOp(r, inner));
  const results: Value[] = [];
  for (let i = 0; i < states; i++) {
    if (i > 0) r.expect(",");
    results.push(inner.use());
  }
  if (r.take(";")) {
    do results.push(inner.use());
    while (r.take(","));
  }
  r.expect("}");
  const body: Block = { params, ops, results };
  return { op: "scan", operands, attrs: { states, reverse }, results: readResults(r, values, labels), body };
}

/** `f32[time, batch, 4H]`, `index(V)[batch]`. */
function readType(r: Reader): Type {
  const dtype = r.oneOf(["f32", "index"]);
  const below = dtype === "index" ? readBelow(r) : undefined;
  r.expect("[");
  const axes = r.list("]", () => {
    const text = r.dimension();
    try {
      return { text, dim: dim.parse(text) };
    } catch (error) {
      return r.reject((error as Error).message);
    }
  });
  const time = axes[0]?.text === "time";
  const batch = axes[time ? 1 : 0]?.text === "batch";
  const shape = axes.slice(Number(time) + Number(batch)).map((a) => a.dim);
  return { dtype, time, batch, shape, ...(below && { below }) };
}

/** `(V)`, the bound of an index. */
function readBelow(r: Reader): dim.Dim {
  r.expect("(");
  const text = r.dimension();
  r.expect(")");
  return dim.parse(text);
}
