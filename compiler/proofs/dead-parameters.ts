/**
 * Parameters whose gradient is zero whatever their values are.
 *
 * The interesting case: a parameter adds the same to all examples, and later a mean over the examples is subtracted. For one
 * parameter p, each value v of a graph placed for training is shown to be of one of three kinds:
 *
 * - it does not depend on p (through anything that has a derivative);
 * - it is v₀ + δ, where v₀ does not depend on p, and δ is the same for all examples: a *shift*;
 * - or neither could be shown.
 *
 * A mean over examples of v₀ + δ is their mean plus δ, and a difference of two values with the same δ does not depend on p.
 * Equal shifts are found by name: a name says by which linear ops a shift was computed from which values.
 */
import { isTrained } from "../ir/trained.ts";
import { showType } from "../ir/type.ts";
import type { Graph, Op, OpOf, Value } from "../ir/types.ts";
import { hasGradient } from "../passes/gradient.ts";
import { captured } from "../passes/rewrite.ts";
import { withoutDead } from "../passes/simplify.ts";

/** δ = `name` · Π `times` / Π `over`, where the factors are extents. */
interface Shift {
  readonly name: string;
  readonly times: readonly string[];
  readonly over: readonly string[];
  /** It may differ from step to step. */
  readonly time: boolean;
}

/** Undefined: does not depend on the parameter. */
type Dependence = Shift | "any" | undefined;

/** A parameter without a gradient, and where it lost it. */
export interface DeadParameter {
  /** The name of the parameter. */
  readonly name: string;
  /** The mean whose subtraction cancels the parameter; undefined if nothing depends on the parameter anyway. */
  readonly mean: Value | undefined;
  /** Whether it goes into a `stop`, through which no gradient flows. */
  readonly stopped: boolean;
}

/**
 * The parameters of `graph`, placed for training, that some result needs but the loss does not depend on. Other messages report
 * what no result needs.
 */
export function deadParameters(graph: Graph): readonly DeadParameter[] {
  const loss = graph.results.find((r) => r.kind === "loss")?.value;
  if (loss === undefined) return [];
  const ops = withoutDead(
    graph.ops,
    graph.results.map((r) => r.value),
  );
  const facts: GraphFacts = { decisive: leadingTo(loss, ops), extents: extentsOf(ops), uses: new Map() };
  return ops.flatMap((op): readonly DeadParameter[] => {
    if (op.op !== "leaf" || !isTrained(op.attrs.leaf)) return [];
    const proof = new Proof(op.results[0], facts);
    proof.ops(ops);
    if (proof.failed) return [];
    return proof.of(loss) === undefined
      ? [{ name: op.attrs.leaf.name, mean: proof.mean, stopped: isStopped(op.results[0], ops) }]
      : [];
  });
}

/** Whether a `stop` reads what is computed from `parameter`. */
function isStopped(parameter: Value, ops: readonly Op[]): boolean {
  const from = new Set([parameter]);
  const visit = (some: readonly Op[]): boolean =>
    some.some((op) => {
      const reads = (v: Value): boolean => from.has(v);
      if (op.op === "stop" && op.operands.some(reads)) return true;
      op.operands.forEach((v, i) => {
        if (op.body && reads(v)) from.add(op.body.params[i]);
      });
      if (op.body && visit(op.body.ops)) return true;
      if (op.operands.some(reads) || op.body?.results.some(reads)) for (const v of op.results) from.add(v);
      return false;
    });
  return visit(ops);
}

/** What the proofs for all parameters of a graph have in common. */
interface GraphFacts {
  readonly decisive: ReadonlySet<Value>;
  /** For each constant that is a product of extents, those extents. */
  readonly extents: ReadonlyMap<Value, readonly string[]>;
  /** For each block, where each value is used first. */
  readonly uses: Map<readonly Op[], ReadonlyMap<Value, number>>;
}

function extentsOf(ops: readonly Op[]): ReadonlyMap<Value, readonly string[]> {
  const all = ops.flatMap((op) => (op.body ? [op, ...op.body.ops] : [op]));
  return new Map(
    all.flatMap((op) => (op.op === "const" && op.attrs.value === 1 ? [[op.results[0], op.attrs.dims] as const] : [])),
  );
}

function firstUses(ops: readonly Op[]): ReadonlyMap<Value, number> {
  const first = new Map<Value, number>();
  ops.forEach((op, at) => {
    for (const v of op.operands) if (!first.has(v)) first.set(v, at);
    // A body may use values from outside.
    for (const o of op.body?.ops ?? []) for (const v of o.operands) if (!first.has(v)) first.set(v, at);
    for (const v of op.body?.results ?? []) if (!first.has(v)) first.set(v, at);
  });
  return first;
}

/** Values that decide: if one depends on a parameter and not by a shift, so does the loss, because nothing later can cancel that. */
function leadingTo(loss: Value, ops: readonly Op[]): ReadonlySet<Value> {
  const makers = new Map<Value, Value[]>();
  const leads = (from: Value, to: Value): void => {
    const known = makers.get(to);
    if (known === undefined) makers.set(to, [from]);
    else known.push(from);
  };
  const visit = (op: Op): void => {
    if (op.op === "scan") {
      const { params, ops: inner, results } = op.body!;
      for (const o of inner) visit(o);
      for (const [i, v] of op.operands.entries()) leads(v, params[i]);
      for (const [i, v] of results.entries()) leads(v, op.results[i]);
      for (let i = 0; i < op.attrs.states; i++) leads(results[i], params[i]);
    } else if (op.op !== "leaf" && hasGradient(op)) {
      for (const r of op.results) for (const v of op.operands) leads(v, r);
    }
  };
  for (const op of ops) visit(op);
  const tail = behindExamples(loss, ops);
  const found = new Set(tail);
  for (const v of found) {
    // A value without a batch axis is a shift again, and may be cancelled.
    for (const from of makers.get(v) ?? []) if (from.type.batch) found.add(from);
  }
  return found;
}

/** The loss, and values without a batch axis that feed it without a later subtraction, which could cancel them. */
function behindExamples(loss: Value, ops: readonly Op[]): ReadonlySet<Value> {
  const tail = new Set([loss]);
  for (const op of ops.toReversed()) {
    if (op.op === "scan" || op.op === "leaf" || op.op === "sub" || !hasGradient(op)) continue;
    if (!op.results.some((r) => tail.has(r))) continue;
    for (const v of op.operands) if (!v.type.batch) tail.add(v);
  }
  return tail;
}

const plain = (name: string, time: boolean): Shift => ({ name, times: [], over: [], time });

const key = ({ name, times, over }: Shift): string =>
  times.length + over.length === 0 ? name : `${name}*${[...times].sort().join("*")}/${[...over].sort().join("/")}`;

/** δ · Π times / Π over, with common factors cancelled. */
function scaled(s: Shift, times: readonly string[], over: readonly string[]): Shift {
  const above = [...s.times];
  const below = [...s.over];
  for (const [dims, into, from] of [
    [times, above, below],
    [over, below, above],
  ] as const) {
    for (const d of dims) {
      const at = from.indexOf(d);
      if (at >= 0) from.splice(at, 1);
      else into.push(d);
    }
  }
  return { ...s, times: above, over: below };
}

class Proof {
  mean: Value | undefined;
  private readonly known = new Map<Value, Dependence>();
  private readonly names = new Map<string, string>();

  private readonly parameter: Value;
  private readonly facts: GraphFacts;
  /** Set when the loss turns out to depend on the parameter. */
  failed = false;

  constructor(parameter: Value, facts: GraphFacts) {
    this.parameter = parameter;
    this.facts = facts;
    this.known.set(parameter, plain(`v${parameter.id}`, false));
  }

  of(v: Value): Dependence {
    return this.known.get(v);
  }

  ops(ops: readonly Op[], given: readonly Value[] = []): void {
    for (let at = this.begin(ops, given); at < ops.length && !this.failed; at++) {
      const op = ops[at];
      if (op.op === "leaf") continue;
      if (op.op === "scan") this.scan(op);
      else if (op.operands.some((v) => this.of(v) !== undefined))
        op.results.forEach((r, i) => {
          const shown = this.op(op, r, i);
          this.known.set(r, shown);
          if (shown === "any" && this.facts.decisive.has(r)) this.failed = true;
        });
    }
  }

  /** The first op that uses the parameter or one of the `given` values. */
  private begin(ops: readonly Op[], given: readonly Value[]): number {
    const { uses } = this.facts;
    const first = uses.get(ops) ?? firstUses(ops);
    uses.set(ops, first);
    return [this.parameter, ...given].reduce((least, v) => Math.min(least, first.get(v) ?? ops.length), ops.length);
  }

  private op(op: Exclude<Op, OpOf<"scan">>, result: Value, index: number): Dependence {
    const shown = this.made(op, index);
    // A value without a batch axis is a shift of zero, however it was computed.
    return shown === "any" && !result.type.batch ? plain(`v${result.id}`, result.type.time) : shown;
  }

  /** The shift with this name, which gets a short alias, because names are built from names. */
  private shift(name: string, time: boolean): Shift {
    const short = this.names.get(name) ?? `s${this.names.size}`;
    this.names.set(name, short);
    return plain(short, time);
  }

  private made(op: Exclude<Op, OpOf<"scan">>, index: number): Dependence {
    if (!hasGradient(op)) return undefined;
    if (op.op === "broadcast") return this.of(op.operands[0]);
    const x = op.operands.map((v) => this.of(v));
    if (x.includes("any")) return "any";
    const shifts = x as readonly (Shift | undefined)[];
    const time = shifts.some((s) => s?.time) || op.operands.some((v, i) => shifts[i] === undefined && v.type.time);
    /** A name for the result of `op` on the shifts, if its other operands are the same for all examples. */
    const named = (): Shift => {
      const parts = op.operands.map((v, i) => `${shifts[i] ? key(shifts[i]) : `v${v.id}`}: ${showType(v.type)}`);
      return this.shift(`${op.op}${JSON.stringify(op.attrs)}#${index}(${parts.join()})`, time);
    };
    const [a, b] = shifts;
    switch (op.op) {
      case "add":
      case "sub":
        return this.sum(op, a, b);
      case "neg":
      case "reshape":
      case "transpose":
      case "split":
      case "cut":
      case "at":
      case "put":
        return named();
      case "reverse":
        // Reversed examples of different lengths have different steps at the same index.
        return a === undefined || a.time ? "any" : a;
      case "concat": {
        const parts = op.operands.map((v, i) => `${shifts[i] ? key(shifts[i]) : 0}: ${showType(v.type)}`);
        return this.shift(`concat${op.attrs.axis}(${parts.join()})`, time);
      }
      case "mul": {
        if (a && b) return "any";
        const factor = op.operands[a ? 1 : 0];
        const dims = this.facts.extents.get(factor);
        if (dims) return scaled((a ?? b)!, dims, []);
        return factor.type.batch ? "any" : named();
      }
      case "div": {
        const divisor = op.operands[1];
        if (b || a === undefined) return "any";
        const dims = this.facts.extents.get(divisor);
        if (dims) return scaled(a, [], dims);
        return divisor.type.batch ? "any" : named();
      }
      case "select": {
        const [c] = op.operands;
        if (shifts[1] && shifts[2] && key(shifts[1]) === key(shifts[2])) return shifts[1];
        if (c.type.batch) return "any";
        const [p, q] = shifts.slice(1).map((s) => (s ? key(s) : "0"));
        return this.shift(`select(v${c.id},${p},${q})`, time);
      }
      case "dot": {
        if ((a && b) || op.attrs.batch || op.attrs.time) return "any";
        return op.operands[a ? 1 : 0].type.batch ? "any" : named();
      }
      case "sum": {
        const { batch, time: steps, features } = op.attrs.axes;
        const from = op.operands[0].type;
        const alongTime = steps && from.time;
        if (a === undefined) return "any";
        const counted = [...(batch && from.batch ? ["batch"] : []), ...(alongTime && !a.time ? ["time"] : [])];
        const adds = features.length > 0 || (alongTime && a.time);
        const name = `sum${JSON.stringify(op.attrs)}(${key(a)}: ${showType(from)})`;
        return scaled(adds ? this.shift(name, a.time && !steps) : a, counted, []);
      }
      default:
        return "any";
    }
  }

  private sum(op: OpOf<"add"> | OpOf<"sub">, a: Shift | undefined, b: Shift | undefined): Dependence {
    if (!a || !b) {
      const one = (a ?? b)!;
      return op.op === "sub" && !a ? this.shift(`neg(${key(one)})`, one.time) : one;
    }
    if (op.op === "sub" && key(a) === key(b)) {
      if (!op.operands[1].type.batch) this.mean = op.operands[1];
      return undefined;
    }
    return this.shift(`${op.op}(${key(a)},${key(b)})`, a.time || b.time);
  }

  private scan(scan: OpOf<"scan">): void {
    const body = scan.body!;
    const { states } = scan.attrs;
    const outside = captured(body);
    const atStart = scan.operands.map((v) => this.of(v));
    // What a state may hold at some step: its first value or a next one. Repeat up to a fixed point.
    const held = atStart.slice(0, states).map((d, i) => stateOf(d, undefined, body.params[i]));
    for (let again = true; again && !this.failed; ) {
      again = false;
      body.params.forEach((p, i) => {
        const d = i < states ? held[i] : atStart[i];
        this.known.set(p, d === "any" || d === undefined ? d : { ...d, time: true });
      });
      const given = [...body.params, ...outside].filter((v) => this.of(v) !== undefined);
      for (let at = this.begin(body.ops, given); at < body.ops.length; at++)
        for (const r of body.ops[at].results) this.known.delete(r);
      this.ops(body.ops, given);
      for (let i = 0; i < states; i++) {
        const joined = stateOf(held[i], this.of(body.results[i]), body.params[i]);
        if (kindOf(joined) === kindOf(held[i])) continue;
        held[i] = joined;
        again = true;
      }
    }
    scan.results.forEach((r, i) => {
      const d = i < states ? held[i] : this.of(body.results[i]);
      this.known.set(r, d === "any" || d === undefined ? d : plain(`v${r.id}`, r.type.time));
    });
  }
}

/** The dependence of a state that may hold either value. */
function stateOf(a: Dependence, b: Dependence, state: Value): Dependence {
  if (a === "any" || b === "any") return "any";
  return a === undefined && b === undefined ? undefined : plain(`v${state.id}`, true);
}

const kindOf = (d: Dependence): string => (d === undefined ? "none" : d === "any" ? "any" : "shift");
