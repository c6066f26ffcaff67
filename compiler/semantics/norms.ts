/** Elaborates a norm to its template graph at a site, with its parameters and statistics under the site's name. */
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Span } from "../diagnostics/span.ts";
import { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import { broadcastShapes, ShapeError, sameShape } from "../ir/type.ts";
import type { Graph, StatPolicy, Type, Value } from "../ir/types.ts";
import type { Arg, Expr, Name, NormDecl, ParamStmt, StateStmt, StatStmt } from "../syntax/ast.ts";
import { ownShape, withRank } from "./all-steps.ts";
import { matchArguments } from "./arguments.ts";
import { dimension, isConstant, shapeOf } from "./constants.ts";
import { type Context, claim, leaf, perStep, shared, showShape, type World } from "./context.ts";
import { type Dependence, isOfGroups } from "./dependence.ts";
import { evaluate, tensorOf, toValue } from "./expressions.ts";
import { initialiser, initialMeaning } from "./initialisers.ts";
import { letStatement } from "./lets.ts";
import { type Carried, type Loop, stateType } from "./norm-states.ts";
import type { Placed } from "./placements.ts";
import { type Binding, type Meaning, poison, Scope } from "./scope.ts";
import { placeName } from "./site-names.ts";

/** Where a norm is placed. */
export interface NormSite {
  /** The full name: `rnn/hh`. */
  readonly name: string;
  readonly short: string;
  /** The type of the value where it is computed: without time if that is in a loop. */
  readonly type: Type;
  /** Whether it is in a cell's body. A model's own sites and all parameters are outside of loops. */
  readonly inCell: boolean;
  readonly of: "value" | "parameter";
  readonly dependence: Dependence;
  /** The site whose norm this is: its parameters are that one's, its statistics its own. */
  readonly like?: string;
  /** Whether its loop begins anew inside sequences, so that steps of the loop are not an example's own. */
  readonly resets?: boolean;
}

/** A norm as it was placed. */
export interface NormInfo {
  readonly name: string;
  /** The arguments as written, defaults included. */
  readonly args: Readonly<Record<string, string>>;
}

export interface PlacedNorm {
  readonly template: Graph;
  readonly info: NormInfo;
}

/** Whether a norm carries something from step to step, so that it is part of a loop. */
export const hasState = (decl: NormDecl): boolean => decl.body.some((s) => s.kind === "state");

/** Expands the norm placed at `site` to a graph of its own. Undefined after a report. */
export function elaborateNorm(placed: Placed, site: NormSite, world: World): PlacedNorm | undefined {
  if (hasState(placed.decl)) {
    reportLoopless(placed, site, world);
    return undefined;
  }
  // A site that does not depend on the recurrence leaves the loop before its norm is expanded, which then sees all steps.
  const time = site.inCell ? site.dependence.kind === "step" : site.type.time;
  const builder = new Builder();
  const x = leaf(builder, { kind: "input", name: "x" }, { ...site.type, time });
  const made = expand(placed, site, x, { leaves: builder, builder }, world);
  if (made === undefined) return undefined;
  const results = [{ kind: "output" as const, name: "y", value: made.value }];
  const template = { name: placed.norm.name.text, ops: builder.ops, results, norms: new Map() };
  return { template, info: made.info };
}

/** Expands a norm with states for `x`, a value of the loop's body. Undefined after a report. */
export function expandInLoop(
  placed: Placed,
  site: NormSite,
  x: Value,
  loop: Loop | undefined,
  world: World,
): ExpandedNorm | undefined {
  if (loop === undefined) reportLoopless(placed, site, world);
  else if (hasAllSteps(site.type)) reportAllSteps(placed, site, world);
  else return expand(placed, site, x, { leaves: loop.outer, builder: loop.body, loop }, world);
  return undefined;
}

/** Reports a norm with states on a value that has all steps of a sequence at each step. */
function reportAllSteps({ ref, norm }: Placed, site: NormSite, world: World): void {
  world.problems.add({
    code: "C0238",
    severity: "error",
    message: `\`${norm.name.text}\` has a state, and \`${site.short}\` has all steps of a sequence at once`,
    span: ref.span,
    label: "its state would be carried between steps of another loop",
    help: "place it in the model, on the sequence before the scan; layer and rms need no state",
  });
}

interface ExpandedNorm {
  readonly value: Value;
  readonly info: NormInfo;
}

/** Where a norm's ops and leaves go. */
interface Block {
  readonly builder: Builder;
  readonly leaves: Builder;
  readonly loop?: Loop;
}

function expand(
  placed: Placed,
  site: NormSite,
  x: Value,
  { builder, leaves, loop }: Block,
  world: World,
): ExpandedNorm | undefined {
  const { problems } = world;
  const errors = problems.errors;
  const { decl, norm, ref } = placed;
  const args = norm.args.filter((a) => a.name?.text !== "stats");
  const options = decl.args.filter((a) => a.name.text !== "stats");
  const params = options.map((a) => ({ name: a.name, default: a.default }));
  const matched = matchArguments(norm.name.text, norm.span, params, args, problems);
  if (matched === undefined) return undefined;

  const parameter = site.of === "parameter" ? { name: site.name, shape: site.type.shape } : undefined;
  const given: Context = {
    world,
    problems,
    module: placed.module,
    scope: placed.scope,
    builder,
    calls: [],
    forbids: onlyDimensions,
    parameter,
  };
  const meanings = new Map<string, Meaning>();
  const texts: Record<string, string> = {};
  for (const [name, arg] of matched) {
    if (arg !== undefined) meanings.set(name, argument(arg.value, given));
    texts[name] = textOf(arg, decl, name, world);
  }
  const statsArg = norm.args.find((a) => a.name?.text === "stats");
  const kept = statsArg?.value ?? decl.args.find((a) => a.name.text === "stats")?.default;
  if (kept !== undefined) texts.stats = world.modules.textAt(kept.span) || "given";

  const scope = new Scope();
  const c: Context = {
    world,
    problems,
    module: placed.declModule,
    scope,
    builder,
    calls: [],
    parameter,
    timeless: (span) => reportTimeless(placed, site, span, world),
    batchless: (span) => reportBatchless(placed, site, span, world),
  };
  const policy = kept && statistics(kept, statsArg ? given : c);
  const states: Carried[] = [];
  return problems.within({ name: norm.name.text, span: ref.span }, () => {
    scope.declare(decl.operand, "argument", { kind: "value", value: x }, problems);
    for (const a of options)
      scope.declare(a.name, "argument", meanings.get(a.name.text) ?? argument(a.default, c), problems);
    for (const s of decl.body) {
      if (s.kind === "state") states.push(...normState(s, site, loop!, c));
      else if (s.kind === "stat") statistic(s, site, x.type, policy, kept, c, loop !== undefined);
      else if (s.kind === "let")
        letStatement(s, c, loop && ((name, meaning) => nextOf(name, meaning, states, s.value.span, c)));
      else normParam(s, site, placed, { ...c, builder: leaves });
    }
    for (const { stmt, next } of states) if (next === undefined) reportNoNext(stmt, c);
    const value = normalized(decl, x.type, c);
    if (value === undefined || problems.errors > errors) return undefined;
    return { value, info: { name: norm.name.text, args: texts } };
  });
}

/** A state of a norm, as one of the loop. None after a report. */
function normState(s: StateStmt, site: NormSite, loop: Loop, c: Context): readonly Carried[] {
  if (s.overTime) {
    c.problems.error("C0215", s.shape.span, "a norm has no whole sequence whose steps a state could have", {
      label: "only a cell's state can be over time",
      help: "leave out `over time`",
    });
    c.scope.declare(s.name, "state", poison, c.problems);
    return [];
  }
  const shape = shapeOf(s.shape, c);
  const first = tensorOf(s.init, { ...c, builder: loop.outer, forbids: beforeTheFirstStep });
  const type = shape && stateType(shape);
  const fits = type && first && sameShape(type.shape, broadcastShape(first.type.shape, type.shape) ?? []);
  if (type === undefined || first === undefined || !fits) {
    if (type !== undefined && first !== undefined)
      c.problems.error(
        "C0204",
        s.init.span,
        `\`${s.name.text}\` is ${showShape(type.shape)}, but begins as ${showShape(first.type.shape)}`,
      );
    c.scope.declare(s.name, "state", poison, c.problems);
    return [];
  }
  const state = loop.carry(s, loop.outer.broadcast(first, type), `${site.name.replaceAll("/", "_")}_${s.name.text}`);
  c.scope.declare(s.name, "state", { kind: "value", value: state.previous }, c.problems);
  return [state];
}

const beforeTheFirstStep = ({ origin, meaning }: Binding): string | undefined =>
  origin === "param" || (origin === "argument" && meaning.kind !== "value")
    ? undefined
    : "the first value of a state precedes the first step";

/** Gives a state of a norm its next value. */
function nextOf(name: Name, meaning: Meaning, states: readonly Carried[], span: Span, c: Context): void {
  const state = states.find(({ stmt }) => stmt.name.text === name.text);
  const v = toValue(meaning, span, c);
  const type = state?.previous.type;
  const fits = type && v && sameShape(type.shape, broadcastShape(v.type.shape, type.shape) ?? []);
  if (state === undefined && c.scope.find(name.text)?.meaning.kind !== "poison") {
    c.problems.error("C0212", name.span, `\`${name.text}\` is not a state, so it has no next value`, {
      label: "only a state has a prime",
    });
  } else if (state !== undefined && v !== undefined && !fits) {
    c.problems.error(
      "C0225",
      span,
      `\`${name.text}\` is ${showShape(type!.shape)}, but its next value is ${showShape(v.type.shape)}`,
    );
  }
  const next = fits && v.type.dtype === "f32" ? c.builder.broadcast(v, type!) : undefined;
  if (state !== undefined && next !== undefined) state.next ??= next;
  c.scope.declare(name, "next", next ? { kind: "value", value: next } : poison, c.problems);
}

function reportNoNext({ name }: StateStmt, { problems, scope }: Context): void {
  if (scope.find(`${name.text}'`) !== undefined) return;
  problems.error("C0211", name.span, `the state \`${name.text}\` is given no next value`, {
    label: `no equation \`${name.text}' = …\``,
    help: "add one, or make it a param",
  });
}

/** Reports a norm with states where nothing is repeated. */
function reportLoopless({ ref, norm }: Placed, site: NormSite, world: World): void {
  world.problems.add({
    code: "C0242",
    severity: "error",
    message: `\`${norm.name.text}\` has a state, and \`${site.short}\` is not in a loop`,
    span: ref.span,
    label: site.of === "parameter" ? "a parameter is the same at all steps" : "this value does not vary over time",
    help: "place it on a site of a cell, or of a model where the value varies over time; layer and rms need no state",
  });
}

function onlyDimensions(b: Binding): string | undefined {
  return b.origin === "dimension" ? undefined : `a placement's arguments are constants, and this is a ${b.origin}`;
}

/** An argument: a number, a dimension, an initialiser, a ramp or `none`. */
function argument(e: Expr, c: Context): Meaning {
  if (e.kind === "list") return { kind: "list", items: e.items.map((i) => argument(i, c)) };
  if (e.kind === "call" && e.callee.text === "ramp") return evaluate(e, c);
  if (e.kind === "name" || e.kind === "call" || !isConstant(e, c)) return initialMeaning(e, c);
  const meaning = evaluate(e, c);
  return meaning.kind === "value" ? initialMeaning(e, c) : meaning;
}

function textOf(arg: Arg | undefined, decl: NormDecl, name: string, world: World): string {
  const e = arg?.value ?? decl.args.find((a) => a.name.text === name)!.default;
  if (e.kind === "number") return e.text;
  if (e.kind === "name") return e.name.text;
  return world.modules.textAt(e.span) || e.kind;
}

/** The policy in `stats = shared`, `stats = per_step` or `stats = per_step(100)`. Undefined after a report. */
function statistics(e: Expr, c: Context): StatPolicy | undefined {
  const callee = e.kind === "name" ? e.name.text : e.kind === "call" ? e.callee.text : undefined;
  if (e.kind === "name" && callee === "shared") return shared;
  if (e.kind === "name" && callee === "per_step") return perStep;
  if (e.kind === "call" && callee === "per_step" && e.args.length === 1) {
    const steps = dimension(e.args[0].value, c);
    return steps && { kind: "per_step", steps: dim.show(steps) };
  }
  c.problems.error("C0206", e.span, "this is not a way to keep statistics", {
    label: "statistics are kept for each step, or shared by all",
    help: "write stats = per_step, stats = per_step(100) or stats = shared",
  });
  return undefined;
}

function normParam(s: ParamStmt, site: NormSite, { ref, norm, decl }: Placed, c: Context): void {
  const shape = shapeOf(s.shape, c);
  const init = shape && initialiser(s.init, shape, c);
  c.scope.declare(s.name, "param", shape && init ? param(shape, init) : poison, c.problems);

  function param(extents: readonly dim.Dim[], from: NonNullable<typeof init>): Meaning {
    if (from === "none") return { kind: "none" };
    const type: Type = { dtype: "f32", time: false, batch: false, shape: extents };
    if (site.like !== undefined) {
      const name = `${site.like}/${s.name.text}`;
      if (!c.world.sources.has(name)) throw new InternalError(`there is no parameter ${name} to share`);
      return { kind: "value", value: leaf(c.builder, { kind: "param", name, init: from }, type) };
    }
    const name = claim(`${site.name}/${s.name.text}`, c.world.taken);
    const begins = s.init.kind === "name" ? s.init.name.text : undefined;
    const option = decl.args.find((a) => a.name.text === begins)?.name.text;
    const of = { name: norm.name.text, site: placeName(site.name), option };
    c.world.sources.set(name, { name: s.name.text, span: ref.span, norm: of });
    const value = leaf(c.builder, { kind: "param", name, init: from }, type);
    c.world.parameters.set(value, name);
    return { kind: "value", value };
  }
}

function statistic(
  s: StatStmt,
  site: NormSite,
  operand: Type,
  policy: StatPolicy | undefined,
  kept: Expr | undefined,
  c: Context,
  inLoop: boolean,
): void {
  if (inLoop) {
    c.problems.error("C0242", s.name.span, "a norm with a state has no statistics", {
      label: "a `stat` beside a `state`",
      help: "use two norms: one with states, and one with statistics at a site behind it",
    });
    c.scope.declare(s.name, "stat", poison, c.problems);
    return;
  }
  const v = tensorOf(s.value, { ...c, inStat: true });
  c.scope.declare(s.name, "stat", v === undefined ? poison : stat(v), c.problems);

  function stat(value: Value): Meaning {
    if (value.type.batch && !isOfGroups(value, c.builder.ops)) {
      c.problems.error(
        "C0214",
        s.value.span,
        `the statistic \`${s.name.text}\` still differs from example to example`,
        {
          label: "not reduced over batch",
          help: "reduce over batch: mean(x, over batch); what reduces over features only is a plain name, without `stat`",
        },
      );
      return poison;
    }
    const byStep = operand.time ? value.type.time : site.dependence.kind === "recurrent";
    if (policy?.kind === "per_step" && !byStep) {
      c.problems.error("C0215", kept!.span, `\`${s.name.text}\` has one value for all steps`, {
        label: "there is nothing to keep for each step",
        help: "write stats = shared",
      });
      return poison;
    }
    if (policy?.kind === "per_step" && site.resets) {
      c.problems.error("C0215", kept!.span, `\`${s.name.text}\` has no steps to be kept for: the scan has \`reset\``, {
        label: "after a reset, a step of the loop is the first step of some examples and a later one of others",
        help: "write stats = shared, or leave it out: it is the default in such a scan",
      });
      return poison;
    }
    const name = claim(`${site.name}/${s.name.text}`, c.world.taken);
    const attrs = { name, policy: policy ?? (byStep && !site.resets ? perStep : shared) };
    return { kind: "value", value: c.builder.one("stat", [value], attrs, s.name.text) };
  }
}

/** The norm's result as a value of the site's own type. */
function normalized(decl: NormDecl, type: Type, c: Context): Value | undefined {
  const meaning = evaluate(decl.result, c);
  const given = toValue(meaning, decl.result.span, c);
  if (given === undefined) return undefined;
  const y = withRank(c.builder, given, ownShape(type).length);
  const fits = sameShape(type.shape, broadcastShape(y.type.shape, type.shape) ?? []);
  if (fits && y.type.dtype === "f32" && (!y.type.batch || type.batch)) return c.builder.broadcast(y, type);
  c.problems.error(
    "C0204",
    decl.result.span,
    `the norm turns ${showShape(type.shape)} into ${showShape(y.type.shape)}`,
    {
      label: "a norm keeps the shape of its operand",
    },
  );
  return undefined;
}

function broadcastShape(a: readonly dim.Dim[], b: readonly dim.Dim[]): readonly dim.Dim[] | undefined {
  try {
    return broadcastShapes(a, b);
  } catch (e) {
    if (e instanceof ShapeError) return undefined;
    throw e;
  }
}

/** Reports a reduction over time where there is no time axis: what a norm inside a recurrence cannot do. */
function reportTimeless(placed: Placed, site: NormSite, inside: Span, world: World): void {
  const { ref, norm } = placed;
  const reduction = { span: inside, message: `\`${norm.name.text}\` reduces over time here` };
  const d = site.dependence;
  // Outside of `within`, so that the message points at the placement itself.
  const why =
    d.kind === "recurrent"
      ? `\`${site.short}\` depends on the previous state \`${d.state.name.text}\` (line ${world.modules.lineOf(d.state.name.span)}), so its later values do not exist yet`
      : `\`${site.short}\` does not vary over time`;
  world.problems.add({
    code: "C0207",
    severity: "error",
    message: "statistics over time need the whole sequence",
    span: ref.span,
    label: why,
    help:
      d.kind === "recurrent"
        ? "place a norm over the batch only, such as batch, or place this one on a site that does not depend on the recurrence"
        : "place a norm that does not reduce over time",
    notes: [...(d.kind === "recurrent" ? [stateNote(d.state.name)] : []), reduction],
  });
}

/** Reports a statistic over examples of a value that is the same for all of them. */
function reportBatchless({ ref, norm }: Placed, site: NormSite, inside: Span, world: World): void {
  const is = site.of === "parameter" ? "is a parameter" : "does not depend on the examples";
  world.problems.add({
    code: "C0215",
    severity: "error",
    message: `\`${site.short}\` is the same for all examples`,
    span: ref.span,
    label: `it ${is}, so there are no statistics over a batch of it`,
    help:
      site.of === "parameter"
        ? "place weight, layer or rms on it, or batch on a product with it"
        : "place a norm that reduces over features, such as layer or rms",
    notes: [{ span: inside, message: `\`${norm.name.text}\` reduces over the batch here` }],
  });
}

const stateNote = (name: Name): { span: Span; message: string } => ({
  span: name.span,
  message: `the state \`${name.text}\` is declared here`,
});
