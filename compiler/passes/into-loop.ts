/**
 * What is computed of the values of an elementwise loop, entry by entry, is computed in it: the lane that owns an entry has its values in
 * registers. A sum over the steps becomes a state to which each step adds, so that no value need be stored for it; only sums over
 * examples and features are left for after the loop.
 *
 * Only for machines on which one lane owns an entry of such a loop for all steps. A value goes into the loop if that saves storing it, or
 * if it is stored anyway.
 */
import { refusalOfElements } from "../ir/elementwise-loops.ts";
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { rowOf } from "../ir/ops.ts";
import { sameShape } from "../ir/type.ts";
import type { Axes, Graph, Op, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { joinsInMemory, type Machine, ownsResultsOnly } from "../machine.ts";
import { wide } from "./cone.ts";
import { aStep, Builder, behind, copy, type Definitions, definitions, idsAfter, Renaming, reads } from "./rewrite.ts";

export const intoLoop = (machine: Machine): Pass => ({
  name: "into-loop",
  doc: "what is computed of an elementwise loop's values, entry by entry, and its sums over steps are computed in it",
  run: (graph) => {
    if (ownsResultsOnly(machine)) return graph;
    // From the last loop to the first: what is made of several loops' values is made in the last of them.
    return scansOf(graph).reduceRight((g, _, i) => absorbed(g, scansOf(g)[i], joinsInMemory(machine)), graph);
  },
});

const scansOf = ({ ops }: Graph) => ops.filter((op): op is OpOf<"scan"> => op.op === "scan");

/** A sum over the steps of values of a loop: of one of them, or of sums and differences of sums over examples of several. */
interface TimeSum {
  readonly op: OpOf<"sum">;
  /** The values of which it is a sum. */
  readonly of: readonly Value[];
  /** What is computed only for it. */
  readonly between: readonly Op[];
}

/** What a loop takes in. */
interface Taken {
  readonly ops: ReadonlySet<Op>;
  readonly sums: readonly TimeSum[];
}

function absorbed(graph: Graph, scan: OpOf<"scan">, joins: boolean): Graph {
  const defs = definitions(graph.ops);
  if (refusalOfElements(scan, defs) !== undefined) return graph;
  const taken = new Search(graph, scan, defs, joins).run();
  return taken.ops.size + taken.sums.length === 0 ? graph : rebuilt(graph, scan, taken);
}

/** Looks for what a loop can take in. */
class Search {
  private readonly graph: Graph;
  private readonly scan: OpOf<"scan">;
  private readonly defs: Definitions;
  private readonly joins: boolean;
  private readonly readers = new Map<Value, Op[]>();
  private readonly results: ReadonlySet<Value>;
  private readonly space: Type;
  /** Values that are computed from the loop's, or by a later loop. */
  private readonly after = new Set<Value>();

  constructor(graph: Graph, scan: OpOf<"scan">, defs: Definitions, joins: boolean) {
    this.graph = graph;
    this.scan = scan;
    this.defs = defs;
    this.joins = joins;
    this.results = new Set(graph.results.map(({ value }) => value));
    this.space = scan.body!.params[0].type;
    let isLater = false;
    for (const op of graph.ops) {
      if (op === scan) isLater = true;
      for (const v of new Set(reads(op))) this.readers.set(v, [...(this.readers.get(v) ?? []), op]);
      const waits = (op.op === "scan" && isLater) || reads(op).some((v) => this.after.has(v));
      if (waits) for (const v of op.results) this.after.add(v);
    }
  }

  run(): Taken {
    const outputs = new Set(this.scan.results.slice(this.scan.attrs.states).filter((v) => this.isEntry(v)));
    let ops: ReadonlySet<Op> = this.candidates(outputs);
    let sums: readonly TimeSum[] = [];
    for (;;) {
      const made = new Set([...outputs, ...[...ops].flatMap((op) => op.results)]);
      sums = this.graph.ops.flatMap((op) => this.timeSum(op, made) ?? []);
      const gone = new Set([
        ...ops,
        ...sums.flatMap(({ op, of, between }) => (of.length === 1 && between.length === 0 ? [op] : between)),
      ]);
      const left = new Set([...ops].filter((op) => this.isWorthIt(op, gone) && this.isReached(op, outputs, ops)));
      if (left.size === ops.size) return { ops: this.withCheap(ops), sums };
      ops = left;
    }
  }

  /** Adds what is cheaply computed for these ops alone, of values of which at most one is not read by the loop anyway. */
  private withCheap(ops: ReadonlySet<Op>): ReadonlySet<Op> {
    const all = new Set(ops);
    const read = new Set([...this.scan.operands, ...[...ops].flatMap((op) => op.operands)]);
    for (const op of this.graph.ops.toReversed()) {
      const [v] = op.results;
      if (!isElementwise(op.op) || elementwise[op.op].flops > CHEAP || !this.isEntry(v) || this.after.has(v)) continue;
      const readers = this.readers.get(v) ?? [];
      if (this.results.has(v) || readers.length === 0 || !readers.every((reader) => all.has(reader))) continue;
      if (op.operands.filter((o) => o.type.time && wide(o) > 0 && !read.has(o)).length > 1) continue;
      all.add(op);
      for (const o of op.operands) read.add(o);
    }
    return new Set(this.graph.ops.filter((op) => all.has(op)));
  }

  /** Whether a value has an entry for each of the loop's, at each step. */
  private isEntry({ type }: Value): boolean {
    return type.time && type.batch && sameShape(type.shape, this.space.shape);
  }

  /** The ops that compute entries of the loop's, from its outputs and from what is known before it. */
  private candidates(outputs: ReadonlySet<Value>): Set<Op> {
    const made = new Set(outputs);
    const found = new Set<Op>();
    for (const op of this.graph.ops) {
      if (!op.operands.some((v) => made.has(v)) || !op.operands.every((v) => made.has(v) || !this.after.has(v)))
        continue;
      const isPoint = isElementwise(op.op) && this.isEntry(op.results[0]);
      if (!isPoint && !this.isJoin(op, made)) continue;
      found.add(op);
      if (isPoint) made.add(op.results[0]);
    }
    return found;
  }

  /** Whether it joins entries of the loop in memory, for others than elementwise ops. */
  private isJoin(op: Op, made: ReadonlySet<Value>): boolean {
    if (op.op !== "concat" || !this.joins || !op.operands.every((v) => made.has(v))) return false;
    return (this.readers.get(op.results[0]) ?? []).every(stores);
  }

  private isReached(op: Op, outputs: ReadonlySet<Value>, ops: ReadonlySet<Op>): boolean {
    return op.operands.every((v) => !this.after.has(v) || outputs.has(v) || ops.has(this.defs.get(v)!));
  }

  /** Whether nothing is stored for the op's result that would not be stored anyway. */
  private isWorthIt(op: Op, gone: ReadonlySet<Op>): boolean {
    const [v] = op.results;
    const readers = this.readers.get(v) ?? [];
    if (this.results.has(v) || readers.some((reader) => !gone.has(reader) && stores(reader))) return true;
    return readers.every((reader) => gone.has(reader));
  }

  /** The sum over steps that an op is, if it is one of `made` values. */
  private timeSum(op: Op, made: ReadonlySet<Value>): TimeSum | undefined {
    if (op.op !== "sum" || !op.attrs.axes.time) return undefined;
    const [v] = op.operands;
    if (made.has(v)) return { op, of: [v], between: [] };
    if (op.attrs.axes.batch || v.type.batch) return undefined;
    const of: Value[] = [];
    const between: Op[] = [];
    const follow = (u: Value): boolean => {
      const from = this.defs.get(u);
      if (from === undefined || this.results.has(u) || this.readers.get(u)!.length > 1) return false;
      between.push(from);
      if (isOverExamples(from)) {
        of.push(from.operands[0]);
        return made.has(from.operands[0]);
      }
      return ADDS.has(from.op) && from.operands.every((o) => o.type.time && follow(o));
    };
    return follow(v) ? { op, of, between } : undefined;
  }
}

/** Flops of an op that costs no more in a loop than a load of its result. */
const CHEAP = 3;

/** Ops that a sum over steps may be exchanged with. */
const ADDS: ReadonlySet<Op["op"]> = new Set(["add", "sub", "neg"]);

const isOverExamples = (op: Op): op is OpOf<"sum"> => {
  if (op.op !== "sum") return false;
  const { batch, time, features } = op.attrs.axes;
  return batch && !time && features.length === 0;
};

/** Whether an op reads its operands from memory: they are stored for it. */
const stores = (op: Op): boolean => op.op === "scan" || op.op === "concat" || rowOf(op.op).form === "contraction";

/** The graph, with a loop that has taken in what it can. */
function rebuilt(graph: Graph, scan: OpOf<"scan">, taken: Taken): Graph {
  const b = new Builder(idsAfter(graph));
  const rename = new Renaming();
  const defs = definitions(graph.ops);
  const gone = new Set<Op>([...taken.ops, ...taken.sums.flatMap(({ op, between }) => [op, ...between])]);
  const placed = new Set<Op>();
  /** Places an op behind those that compute what it reads. */
  const put = (op: Op): void => {
    if (placed.has(op) || gone.has(op)) return;
    placed.add(op);
    for (const v of reads(op)) before(v);
    if (op === scan) loop();
    else if (op.op === "scan") rename.set(op.results, copied(b, op, rename));
    else rename.set(op.results, copy(b, op, rename.of));
  };
  const before = (v: Value): void => {
    const op = defs.get(v);
    if (op !== undefined) put(gone.has(op) ? scan : op);
  };
  const loop = (): void => {
    const inside = new Set(scan.results);
    for (const op of taken.ops) for (const v of op.results) inside.add(v);
    for (const op of taken.ops) for (const v of op.operands) if (!inside.has(v)) before(v);
    widened(b, graph, scan, taken, rename, gone);
  };
  for (const op of graph.ops) put(op);
  return { ...graph, ops: b.ops, results: graph.results.map((r) => ({ ...r, value: rename.of(r.value) })) };
}

function copied(b: Builder, scan: OpOf<"scan">, rename: Renaming): readonly Value[] {
  const body = scan.body!;
  const inner = b.body();
  const params = body.params.map((p) => inner.value(p.type, p.name));
  const local = new Renaming(rename);
  local.set(body.params, params);
  for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
  const { states, reverse } = scan.attrs;
  const operands = scan.operands.map(rename.of);
  const made = b.scan(
    operands.slice(0, states),
    operands.slice(states),
    { params, ops: inner.ops, results: body.results.map(local.of) },
    { reverse, names: scan.results.map(({ name }) => name) },
  );
  return [...made.finals, ...made.outputs];
}

/** Adds the loop with what it takes in, and the sums that it leaves for after it. */
function widened(
  b: Builder,
  graph: Graph,
  scan: OpOf<"scan">,
  taken: Taken,
  rename: Renaming,
  gone: ReadonlySet<Op>,
): void {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const inner = b.body();
  const local = new Renaming(rename);
  const param = (v: Value): Value => inner.value({ ...v.type, time: false }, v.name);
  const stateParams = body.params.slice(0, states).map(param);
  local.set(body.params.slice(0, states), stateParams);
  const inputs = new Map<Value, Value>();
  const input = (v: Value): Value => {
    const outer = rename.of(v);
    const made = inputs.get(outer) ?? param(v);
    inputs.set(outer, made);
    return made;
  };
  body.params.slice(states).forEach((p, i) => {
    local.set([p], [input(scan.operands[states + i])]);
  });
  for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
  // A step of the values outside, by what they are there.
  const step = new Renaming();
  body.results.slice(states).forEach((v, i) => {
    step.set([scan.results[states + i]], [local.of(v)]);
  });
  const known = new Set(scan.results);
  const inStep = (v: Value): Value => (known.has(v) ? step.of(v) : v.type.time ? input(v) : rename.of(v));
  for (const op of taken.ops) {
    step.set(op.results, copy(inner, aStep(op), inStep));
    for (const r of op.results) known.add(r);
  }
  // Every sum's values are added up, each of them once.
  const summed = [...new Set(taken.sums.flatMap(({ of }) => of))];
  const zeros = summed.map(({ type }) => b.zeros({ ...type, time: false }));
  const sums = summed.map((v) => inner.value({ ...v.type, time: false }));
  const added = summed.map((v, i) => inner.add(sums[i], step.of(v)));
  const yielded = [...scan.results.slice(states), ...[...taken.ops].flatMap((op) => op.results)].filter(
    isReadAfter(graph, gone),
  );
  const results = [...body.results.slice(0, states).map(local.of), ...added, ...yielded.map(step.of)];
  const needed = behind(inner.ops, results);
  const block = {
    params: [...stateParams, ...sums, ...inputs.values()],
    ops: inner.ops.filter((op) => needed.has(op)),
    results,
  };
  const used = new Set([...block.ops.flatMap((op) => op.operands), ...results]);
  const read = [...inputs].filter(([, p]) => used.has(p));
  const made = b.scan(
    [...scan.operands.slice(0, states).map(rename.of), ...zeros],
    read.map(([outer]) => outer),
    { ...block, params: [...stateParams, ...sums, ...read.map(([, p]) => p)] },
    {
      reverse,
      names: [
        ...scan.results.slice(0, states).map(({ name }) => name),
        ...summed.map(() => ""),
        ...yielded.map(({ name }) => name),
      ],
    },
  );
  rename.set(scan.results.slice(0, states), made.finals.slice(0, states));
  rename.set(yielded, made.outputs);
  const totals = new Map(summed.map((v, i) => [v, made.finals[states + i]]));
  const between = new Map(
    taken.sums.flatMap((sum) => sum.between.flatMap((op) => op.results.map((v) => [v, op] as const))),
  );
  const total = (v: Value): Value => {
    const op = between.get(v)!;
    if (isOverExamples(op)) return b.sum(totals.get(op.operands[0])!, { batch: true });
    return b.elementwise(op.op as "add" | "sub" | "neg", op.operands.map(total), v.name);
  };
  for (const { op } of taken.sums) {
    const [v] = op.operands;
    const rest: Axes = { ...op.attrs.axes, time: false };
    const of = totals.get(v) ?? total(v);
    const isDone = !rest.batch && rest.features.length === 0;
    rename.set(op.results, [isDone ? of : b.one("sum", [of], { axes: rest }, op.results[0].name)]);
  }
}

/** Whether something reads a value that the loop does not take in. */
function isReadAfter(graph: Graph, gone: ReadonlySet<Op>): (v: Value) => boolean {
  const read = new Set(graph.results.map(({ value }) => value));
  for (const op of graph.ops) if (!gone.has(op)) for (const v of reads(op)) read.add(v);
  return (v) => read.has(v);
}
