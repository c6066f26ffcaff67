/**
 * Reverse-mode differentiation of the loss, through `scan`.
 *
 * The derivative of a scan is a scan in the other direction. Its states are the cotangents of the states, and one accumulator for
 * each captured value (a weight) that needs a gradient. The values of the forward body that it needs are saved: they become further
 * outputs of the forward scan and inputs of the backward one. No derivative of a norm or a cell is written by hand: only the rows
 * of the op table are.
 */

import { isElementwise } from "../ir/ops/elementwise.ts";
import { axesOf } from "../ir/ops.ts";
import type { Bindings } from "../ir/tensor.ts";
import { TimeAxes } from "../ir/time-axes.ts";
import { isTrained } from "../ir/trained.ts";
import { real } from "../ir/type.ts";
import type { Graph, Leaf, Op, OpOf, Pass, Result, Value } from "../ir/types.ts";
import { Cotangents } from "./cotangents.ts";
import {
  asCut,
  type Cotangent,
  type Cut,
  carriedOut,
  commonCuts,
  cutAtZero,
  Exposure,
  fits,
  isCut,
  isPlain,
  plain,
  uncut,
} from "./cuts.ts";
import { gradient, hasGradient } from "./gradient.ts";
import { Builder, captured, copy, definitions, idsAfter, Renaming } from "./rewrite.ts";
import { save } from "./save.ts";

export interface DeriveOptions {
  /** Also gradients with respect to inputs (never to indices, noise or statistics). Default: parameters only. */
  readonly inputs: boolean;
  /**
   * Also gradients with respect to states, `state/NAME` with `time`: at step t, the gradient of the state after step t, through
   * everything that reads it. A second state of the same name is `NAME_2`. Default: none.
   */
  readonly states?: boolean;
  /** Differentiate with respect to these leaves instead. Those that no gradient reaches get none, whereas parameters get zeros. */
  readonly leaves?: (leaf: Leaf) => boolean;
  /** The sizes of dimensions, to weigh memory against arithmetic. */
  readonly extents?: Bindings;
  /** The cost of a byte of memory, in flops. Default: that of `save`. */
  readonly byte?: number;
}

export function derive(options: DeriveOptions = { inputs: false }): Pass {
  return {
    name: "derive",
    doc: "adds the gradient of the loss with respect to every parameter",
    run: (graph) => new Derivation(graph, options).run(),
  };
}

/** The axes along which an op reads other steps, or other examples, than those of its result. */
const movedAxes = (op: Exclude<Op, OpOf<"scan">>): readonly ("time" | "batch")[] =>
  (["time", "batch"] as const).filter((axis) =>
    axesOf(op).some((along) => along[axis] === "gather" || along[axis] === "scan"),
  );

class Derivation {
  private readonly graph: Graph;
  private readonly options: DeriveOptions;
  private readonly b: Builder;
  /** Values whose gradient may matter: those that depend on a parameter through ops with a derivative. */
  private readonly active = new Set<Value>();
  /** Which of them have, towards the leaves, a derivative that may not be finite. */
  private exposure: Exposure;
  private readonly stateGradients: Result[] = [];
  private readonly stateNames: ReadonlyMap<Value, string>;

  constructor(graph: Graph, options: DeriveOptions) {
    this.graph = graph;
    this.options = options;
    this.stateNames = namesOfStates(graph);
    this.b = new Builder(idsAfter(graph));
    this.exposure = new Exposure([], this.active, new Set());
  }

  run(): Graph {
    const { graph, b } = this;
    const losses = graph.results.filter((r) => r.kind === "loss");
    if (losses.length === 0) return graph;
    this.mark(graph.ops);
    // Cotangents from another graph are 0 where they were cut.
    const given = graph.ops.filter((op) => op.op === "leaf" && op.attrs.leaf.kind === "cotangent");
    this.exposure = new Exposure(graph.ops, this.active, new Set(given.flatMap((op) => op.results)));
    b.ops.push(...graph.ops);
    const cotangents = new Cotangents(this.active, this.exposure);
    for (const { value } of losses) cotangents.add(b, value, uncut(b.scalar(1)));
    this.reverse(b, graph.ops, cotangents);
    const grads = graph.ops.flatMap((op): Result[] => {
      if (op.op !== "leaf" || !this.wanted(op)) return [];
      const [leaf] = op.results;
      const value = cotangents.whole(b, leaf) ?? (this.options.leaves ? undefined : b.zeros(real(leaf.type)));
      const axis = "axis" in op.attrs.leaf ? op.attrs.leaf.axis : undefined;
      return value ? [{ kind: "grad", name: op.attrs.leaf.name, value, ...(axis !== undefined && { axis }) }] : [];
    });
    return { ...graph, ops: b.ops, results: [...graph.results, ...grads, ...this.stateGradients] };
  }

  private wanted(op: OpOf<"leaf">): boolean {
    const { leaf } = op.attrs;
    if (this.options.leaves) return this.options.leaves(leaf);
    return isTrained(leaf) || (leaf.kind === "input" && this.options.inputs);
  }

  private mark(ops: readonly Op[]): void {
    const { active } = this;
    for (const op of ops) {
      if (op.op === "leaf") {
        if (this.wanted(op)) active.add(op.results[0]);
      } else if (op.op === "scan") {
        this.markScan(op);
      } else {
        if (hasGradient(op) && op.operands.some((v) => active.has(v))) for (const r of op.results) active.add(r);
      }
    }
  }

  private markScan(scan: OpOf<"scan">): void {
    const { active } = this;
    const { params, ops, results } = scan.body!;
    const { states } = scan.attrs;
    scan.operands.forEach((v, i) => {
      if (active.has(v)) active.add(params[i]);
    });
    if (this.options.states) for (const state of params.slice(0, states)) active.add(state);
    // A state is active if its next value is: iterate to a fixed point.
    for (let before = -1; before !== active.size; ) {
      before = active.size;
      this.mark(ops);
      for (let i = 0; i < states; i++) if (active.has(results[i])) active.add(params[i]);
    }
    results.forEach((v, i) => {
      if (active.has(v) || (i < states && active.has(params[i]))) active.add(scan.results[i]);
    });
  }

  private reverse(b: Builder, ops: readonly Op[], cotangents: Cotangents): void {
    for (const op of [...ops].reverse()) {
      const dy = op.results.map((r) => cotangents.get(r));
      if (op.op === "leaf" || dy.every((d) => d === undefined)) continue;
      if (op.op === "scan") {
        this.reverseScan(op, dy, cotangents);
        continue;
      }
      const dx = this.gradient(b, op, dy);
      op.operands.forEach((v, i) => {
        cotangents.add(b, v, dx[i]);
      });
    }
  }

  /** The cotangents of an op's operands, with their cuts. */
  private gradient(
    b: Builder,
    op: Exclude<Op, OpOf<"scan">>,
    dy: readonly (Cotangent | undefined)[],
  ): readonly (Cotangent | undefined)[] {
    const { exposure } = this;
    const cuts = commonCuts(dy);
    if (isElementwise(op.op)) {
      const from = b.ops.length;
      const dx = gradient(b, op, [dy[0]!.value]);
      return dx.map((d, i): Cotangent | undefined => {
        if (d === undefined) return undefined;
        const own = exposure.has(op.operands[i]) ? asCut(b.ops.slice(from), d, exposure.given) : uncut(d);
        return { value: own.value, cuts: [...cuts, ...own.cuts] };
      });
    }
    // Elements are moved, added up or broadcast: a condition that all features share still holds for them, unless they are moved from
    // step to step, or from example to example, and it differs between those.
    const moved = movedAxes(op);
    const shared = cuts
      .map((cut) => plain(b, cut))
      .filter((cut) => isPlain(cut) && !moved.some((axis) => cut.condition.type[axis]));
    const x = op.op === "dot" ? op.operands.map((v) => this.spared(b, v, shared)) : op.operands;
    const all = dy.every(isCut);
    const later = op.op !== "dot" && cuts.length === shared.length && cuts.length > 0;
    const goesAlong = later && op.operands.every((v) => exposure.has(v) && shared.every((cut) => fits(cut, v.type)));
    const from = b.ops.length;
    const dx = gradient(
      b,
      { ...op, operands: x } as Op,
      dy.map((d) => d && (goesAlong ? d.value : carriedOut(b, d))),
    );
    return dx.map((d, i): Cotangent | undefined => {
      const v = op.operands[i];
      if (d === undefined || !exposure.has(v)) return d && uncut(d);
      const own = asCut(b.ops.slice(from), d, exposure.given);
      if (own.cuts.length > 0) return goesAlong ? { ...own, cuts: [...shared, ...own.cuts] } : own;
      if (!all) return uncut(d);
      const along = shared.filter((cut) => fits(cut, v.type));
      return along.length > 0 ? { value: d, cuts: along } : cutAtZero(d);
    });
  }

  /** Sets an operand of a product, if it may not be finite, to 0 where the product's cotangent does not count. */
  private spared(b: Builder, v: Value, cuts: readonly Cut[]): Value {
    if (this.exposure.isFinite(v)) return v;
    return carriedOut(b, { value: v, cuts: cuts.filter((cut) => fits(cut, v.type)) });
  }

  private reverseScan(scan: OpOf<"scan">, from: readonly (Cotangent | undefined)[], outer: Cotangents): void {
    const { b, active, exposure } = this;
    const dy = from.map((d) => d && carriedOut(b, d));
    // Conditions do not cross a scan: on the other side, a cotangent is known to be cut where it is 0.
    const acrossScan = (v: Value, d: Value, cut: boolean): Cotangent =>
      cut && exposure.has(v) ? cutAtZero(d) : uncut(d);
    const body = scan.body!;
    const { states, reverse } = scan.attrs;
    const stateParams = body.params.slice(0, states);
    const live = stateParams.flatMap((p, i) => (active.has(p) ? [i] : []));
    const captures = captured(body).filter((v) => active.has(v));
    const given = dy.slice(states).flatMap((d, k) => (d ? [{ d, at: states + k }] : []));
    const backward = (cut: readonly boolean[]) => {
      const inner = b.body();
      const cotangents = new Cotangents(active, exposure);
      const dStates = live.map((i) => inner.value(real(stateParams[i].type), `d_${stateParams[i].name}`));
      const inputParams = given.map(({ d }) => inner.value({ ...d.type, time: false }, d.name));
      live.forEach((i, k) => {
        cotangents.add(inner, body.results[i], acrossScan(body.results[i], dStates[k], cut[k]));
      });
      given.forEach(({ at }, k) => {
        cotangents.add(inner, body.results[at], acrossScan(body.results[at], inputParams[k], isCut(from[at])));
      });
      this.reverse(inner, body.ops, cotangents);
      return { inner, cotangents, dStates, inputParams };
    };
    // The cotangent of a state is cut if everything added to it is, including what comes from the following step: iterate to a
    // fixed point.
    let cut = live.map((i) => exposure.has(stateParams[i]) && isCut(from[i]));
    // If nothing was cut after the scan, only what the scan itself cuts counts, whatever comes from the following step.
    if (cut.some(Boolean) && !from.some((d) => d !== undefined && isCut(d))) {
      const { cotangents } = backward(cut.map(() => false));
      cut = cut.map((maybe, k) => maybe && isCut(cotangents.get(stateParams[live[k]])));
    }
    let made = backward(cut);
    for (let before = 0; before !== cut.filter(Boolean).length; ) {
      before = cut.filter(Boolean).length;
      const { cotangents } = made;
      cut = cut.map((was, k) => was && isCut(cotangents.get(stateParams[live[k]])));
      if (before !== cut.filter(Boolean).length) made = backward(cut);
    }
    const { inner, cotangents, dStates, inputParams } = made;
    const sums = captures.map((v) => inner.value(real(v.type), `d_${v.name}`));

    const next = live.map((i) => cotangents.whole(inner, stateParams[i]) ?? inner.zeros(real(stateParams[i].type)));
    const added = captures.map((v, i) => {
      const d = cotangents.whole(inner, v);
      return d ? inner.add(sums[i], d) : sums[i];
    });
    const dInputs = body.params.slice(states).map((p) => cotangents.whole(inner, p));
    const outputs = dInputs.flatMap((d) => (d ? [d] : []));
    // By now everything that reads a next state has been reversed and has added its cotangent.
    const shown = this.options.states ? live.filter((i) => this.stateNames.has(stateParams[i])) : [];
    const afterSteps = shown.map(
      (i) => cotangents.whole(inner, this.afterStep(scan, i)) ?? inner.zeros(real(stateParams[i].type)),
    );

    const wanted = [...next, ...added, ...outputs, ...afterSteps];
    const saved = this.have(scan, inner, wanted, [...dStates, ...sums, ...inputParams]);
    const { finals, outputs: sequences } = b.scan(
      [...live.map((i) => dy[i] ?? b.zeros(real(scan.results[i].type))), ...captures.map((v) => b.zeros(real(v.type)))],
      [...given.map(({ d }) => d), ...saved.outside],
      {
        params: [...dStates, ...sums, ...inputParams, ...saved.params],
        ops: saved.ops,
        results: saved.results,
      },
      {
        reverse: !reverse,
        names: [...live.map((i) => `d_${stateParams[i].name}`), ...captures.map((v) => `d_${v.name}`)],
      },
    );
    live.forEach((i, k) => {
      outer.add(b, scan.operands[i], acrossScan(scan.operands[i], finals[k], cut[k]));
    });
    captures.forEach((v, k) => {
      outer.add(b, v, uncut(finals[live.length + k]));
    });
    let k = 0;
    dInputs.forEach((d, i) => {
      const operand = scan.operands[states + i];
      if (d) outer.add(b, operand, acrossScan(operand, sequences[k++], isCut(cotangents.get(body.params[states + i]))));
    });
    afterSteps.forEach((_, at) => {
      const name = `state/${this.stateNames.get(stateParams[shown[at]])}`;
      const { axis } = TimeAxes.of(this.graph).steps(scan);
      const value = sequences[outputs.length + at];
      this.stateGradients.push({ kind: "grad", name, value, ...(axis !== undefined && { axis }) });
    });
  }

  /**
   * A state's value after a step. Where sequences differ in length, what the loop carries is that value only if the example has the step, and
   * else the one before; the other readers of the step have the value itself.
   */
  private afterStep(scan: OpOf<"scan">, state: number): Value {
    const { params, ops, results } = scan.body!;
    const { states } = scan.attrs;
    const carried = ops.find((op) => op.results.includes(results[state]));
    if (carried?.op !== "select" || carried.operands[2] !== params[state]) return results[state];
    const [condition, value] = carried.operands;
    const mark = scan.operands[states + params.slice(states).indexOf(condition)];
    const leaf = this.graph.ops.find((op) => op.results.includes(mark));
    const isLength = leaf?.op === "leaf" && leaf.attrs.leaf.kind === "lengths" && leaf.attrs.leaf.mark === "valid";
    return isLength ? value : results[state];
  }

  /**
   * Makes those values of the forward body that the backward ops use available to them, as `save` chooses: inputs come from where
   * the forward scan had them, a saved value becomes a further output of the forward scan, and the rest is recomputed.
   */
  private have(scan: OpOf<"scan">, inner: Builder, results: readonly Value[], own: readonly Value[]) {
    const body = scan.body!;
    const { states } = scan.attrs;
    const defs = definitions(body.ops);
    const bodyParams = new Set(body.params);
    const local = new Set(own);
    for (const op of inner.ops) for (const r of op.results) local.add(r);
    const foreign = new Set<Value>();
    const use = (v: Value): void => {
      if (!local.has(v) && (bodyParams.has(v) || defs.has(v))) foreign.add(v);
    };
    for (const op of inner.ops) op.operands.forEach(use);
    results.forEach(use);

    const rename = new Renaming();
    const fresh = this.b.body();
    const params: Value[] = [];
    const outside: Value[] = [];
    const kept: Value[] = [];
    const choice = save({
      body,
      states,
      needed: foreign,
      extents: this.options.extents ?? {},
      byte: this.options.byte,
    });
    for (const v of choice.kept) {
      const param = inner.value({ ...v.type, time: false }, v.name);
      rename.set([v], [param]);
      params.push(param);
      const at = body.params.indexOf(v);
      if (at >= states) outside.push(scan.operands[at]);
      else {
        const output = this.b.value({ ...v.type, time: true }, v.name);
        kept.push(v);
        outside.push(output);
      }
    }
    for (const op of body.ops) if (choice.again.has(op)) rename.set(op.results, copy(fresh, op, rename.of));
    for (const op of inner.ops) rename.set(op.results, copy(fresh, op, rename.of));
    this.extend(
      scan,
      kept,
      outside.filter((v) => !scan.operands.includes(v)),
    );
    return { ops: fresh.ops, results: results.map(rename.of), params, outside };
  }

  /** Adds outputs to a forward scan that is already in `b`. */
  private extend(scan: OpOf<"scan">, inside: readonly Value[], outside: readonly Value[]): void {
    const { ops } = this.b;
    const at = ops.findIndex((op) => op.op === "scan" && op.body!.params === scan.body!.params);
    const old = ops[at] as OpOf<"scan">;
    ops[at] = {
      ...old,
      results: [...old.results, ...outside],
      body: { ...old.body!, results: [...old.body!.results, ...inside] },
    };
  }
}

/**
 * The states of all scans that the text has, each with a name of its own: a later one of the same name is `NAME_2`. Passes add others, which
 * have none, such as the statistics that steps of few examples take from the step before.
 */
function namesOfStates({ ops }: Graph): ReadonlyMap<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set<string>();
  for (const op of ops) {
    if (op.op !== "scan") continue;
    for (const state of op.body!.params.slice(0, op.attrs.states)) {
      if (state.name === "") continue;
      let name = state.name;
      for (let n = 2; taken.has(name); n++) name = `${state.name}_${n}`;
      taken.add(name);
      names.set(state, name);
    }
  }
  return names;
}
