/**
 * Parameters whose gradient is zero whatever the numbers are.
 *
 * The interesting ones: what a parameter adds is the same for all examples, and a mean over the examples is subtracted behind
 * it. For one parameter p, each value v of a graph placed for training is shown to be of one of three kinds:
 *
 * - it does not depend on p (through anything that has a derivative);
 * - it is v₀ + δ, where v₀ does not depend on p, and δ is the same for all examples: a *shift*;
 * - or neither could be shown.
 *
 * A mean over examples of v₀ + δ is their mean plus δ, and a difference of two values with the same δ does not depend on p.
 * Equal shifts are found by name: a name says by which linear ops a shift was made of which values.
 */
import { isElementwise } from "../ir/elementwise.ts";
import { type StructuralOp, structuralRow } from "../ir/ops.ts";
import { showType } from "../ir/type.ts";
import type { Graph, Op, OpOf, Value } from "../ir/types.ts";
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
export interface Dead {
  /** Of the parameter. */
  readonly name: string;
  /** The mean that takes the parameter out of a difference; undefined if nothing depends on the parameter anyway. */
  readonly mean: Value | undefined;
}

/**
 * The parameters of `graph`, placed for training, that some result needs, and that the loss does not depend on. Of what no
 * result needs other messages speak.
 */
export function deadParameters(graph: Graph): readonly Dead[] {
  const loss = graph.results.find((r) => r.kind === "loss")?.value;
  if (loss === undefined) return [];
  const ops = withoutDead(
    graph.ops,
    graph.results.map((r) => r.value),
  );
  return ops.flatMap((op): readonly Dead[] => {
    if (op.op !== "leaf" || op.attrs.leaf.kind !== "param") return [];
    const proof = new Proof(op.results[0]);
    proof.ops(ops);
    return proof.of(loss) === undefined ? [{ name: op.attrs.leaf.name, mean: proof.mean }] : [];
  });
}

const plain = (name: string, time: boolean): Shift => ({ name, times: [], over: [], time });

const key = ({ name, times, over }: Shift): string =>
  times.length + over.length === 0 ? name : `${name}*${[...times].sort().join("*")}/${[...over].sort().join("/")}`;

/** δ · Π times / Π over, with what cancels left out. */
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
  /** Extents that constants are made of, and nothing else. */
  private readonly extents = new Map<Value, readonly string[]>();

  private readonly names = new Map<string, string>();

  constructor(parameter: Value) {
    this.known.set(parameter, plain(`v${parameter.id}`, false));
  }

  of(v: Value): Dependence {
    return this.known.get(v);
  }

  ops(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.op === "const" && op.attrs.value === 1) this.extents.set(op.results[0], op.attrs.dims);
      if (op.op === "leaf") continue;
      if (op.op === "scan") this.scan(op);
      else if (op.operands.some((v) => this.of(v) !== undefined))
        op.results.forEach((r, i) => {
          this.known.set(r, this.op(op, r, i));
        });
    }
  }

  private op(op: Exclude<Op, OpOf<"scan">>, result: Value, index: number): Dependence {
    const shown = this.made(op, index);
    // What is one for all examples is a shift of nothing, however it was made.
    return shown === "any" && !result.type.batch ? plain(`v${result.id}`, result.type.time) : shown;
  }

  /** The shift of this name, told by a short one: names are made of names. */
  private shift(name: string, time: boolean): Shift {
    const short = this.names.get(name) ?? `s${this.names.size}`;
    this.names.set(name, short);
    return plain(short, time);
  }

  private made(op: Exclude<Op, OpOf<"scan">>, index: number): Dependence {
    const row = isElementwise(op.op) ? undefined : structuralRow(op.op as StructuralOp);
    if (row?.grad === "zero" || zeroGradient.has(op.op)) return undefined;
    if (op.op === "broadcast") return this.of(op.operands[0]);
    const x = op.operands.map((v) => this.of(v));
    if (x.includes("any")) return "any";
    const shifts = x as readonly (Shift | undefined)[];
    const time = shifts.some((s) => s?.time) || op.operands.some((v, i) => shifts[i] === undefined && v.type.time);
    /** A name for what `op` makes of the shifts, other operands being numbers that are the same for all examples. */
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
        // Examples of different lengths have different steps at the same place.
        return a === undefined || a.time ? "any" : a;
      case "concat": {
        const parts = op.operands.map((v, i) => `${shifts[i] ? key(shifts[i]) : 0}: ${showType(v.type)}`);
        return this.shift(`concat${op.attrs.axis}(${parts.join()})`, time);
      }
      case "mul": {
        if (a && b) return "any";
        const factor = op.operands[a ? 1 : 0];
        const dims = this.extents.get(factor);
        if (dims) return scaled((a ?? b)!, dims, []);
        return factor.type.batch ? "any" : named();
      }
      case "div": {
        const divisor = op.operands[1];
        if (b || a === undefined) return "any";
        const dims = this.extents.get(divisor);
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
    const atStart = scan.operands.map((v) => this.of(v));
    // What a state holds at some step: its first value or a next one. To a fixed point, of which each round is nearer.
    const held = atStart.slice(0, states).map((d, i) => stateOf(d, undefined, body.params[i]));
    for (let again = true; again; ) {
      again = false;
      body.params.forEach((p, i) => {
        const d = i < states ? held[i] : atStart[i];
        this.known.set(p, d === "any" || d === undefined ? d : { ...d, time: true });
      });
      for (const op of body.ops) for (const r of op.results) this.known.delete(r);
      this.ops(body.ops);
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

/** The dependence of a state that holds now the one, now the other. */
function stateOf(a: Dependence, b: Dependence, state: Value): Dependence {
  if (a === "any" || b === "any") return "any";
  return a === undefined && b === undefined ? undefined : plain(`v${state.id}`, true);
}

const kindOf = (d: Dependence): string => (d === undefined ? "none" : d === "any" ? "any" : "shift");

const zeroGradient: ReadonlySet<string> = new Set(["sign", "floor", "lt", "le", "gt", "ge", "eq", "ne"]);
