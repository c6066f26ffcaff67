/** Elaborates a cell to a scan, whose body is what the cell computes in one step. */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import type { Type, Value } from "../ir/types.ts";
import type { CellDecl, Expr, InputStmt, Name, OutputStmt, ParamStmt, SiteStmt, StateStmt } from "../syntax/ast.ts";
import { allStepsOf, atAllSteps, ofPresent, ownShape, presentIn, showValue, withRank } from "./all-steps.ts";
import { numbersInReverse, stepNumbers, stepsSince } from "./clock.ts";
import { type Context, type Draw, declaredNames, drawn, hint, showShape, type World } from "./context.ts";
import { Dependences } from "./dependence.ts";
import type { InModule, Resolved } from "./derivations.ts";
import type { Parameters } from "./dimensions.ts";
import { evaluate, toValue } from "./expressions.ts";
import type { FirstState } from "./first-states.ts";
import { nextStateIn } from "./habits.ts";
import { declaredShape, type InputType, inputType, mainAxis, parameter } from "./leaves.ts";
import { dimStatement, letStatement } from "./lets.ts";
import type { Module } from "./modules.ts";
import type { Carried, Loop } from "./norm-states.ts";
import { type Placed, Placements, type PlaceOption, placementsOf } from "./placements.ts";
import { type Binding, type Meaning, poison, Scope } from "./scope.ts";
import { type LocalName, localText, SiteNames } from "./site-names.ts";
import { Sites } from "./sites.ts";

/** One use of a cell. */
export interface Instance {
  readonly cell: Resolved<CellDecl>;
  /** The prefix of the names of its leaves and sites: "" or "rnn". */
  readonly scopeName: string;
  /** An earlier scan of the same cell, with the prefix of its leaves: this one has its parameters. */
  readonly shares?: { readonly scopeName: string; readonly made: ElaboratedCell };
  /** Its dimensions, as extents of the graph, and its numbers. */
  readonly parameters: Parameters;
  readonly reverse: boolean;
  /** With time and batch: where it is not 0, the states of that example begin anew before the step. */
  readonly reset?: Value;
  /** What states begin with, if not as the cell says. */
  readonly first?: ReadonlyMap<string, FirstState>;
  /** The value, with time, that input `index` reads; undefined after a report. */
  readonly input: (stmt: InputStmt, wanted: InputType, index: number) => Value | undefined;
  /** The name of the time axis of a value; undefined for the main one, which is the only one by default. */
  readonly axisOf?: (v: Value) => string | undefined;
  /** Placements that override the cell's own, in the cell's terms. */
  readonly options: readonly InModule<PlaceOption>[];
  /** The placement of the model around it, which overrides all others. */
  readonly override?: (site: LocalName) => Placed | "none" | undefined;
}

export interface CellOutput {
  readonly name: string;
  /** With time; undefined after a report. */
  readonly value: Value | undefined;
  readonly span: Span;
}

export interface ElaboratedCell {
  readonly outputs: readonly CellOutput[];
  /** What each parameter's name means in the cell. */
  readonly parameters: ReadonlyMap<string, Meaning>;
  /** The states after the last step. */
  readonly finals: ReadonlyMap<string, Value>;
  readonly sites: Sites;
  readonly scope: Scope;
}

interface State {
  readonly stmt: StateStmt;
  readonly initial: Value;
  /** What the loop brings from the step before. */
  readonly carried: Value;
  /** The value before this step: `carried`, unless the example begins anew. */
  readonly previous: Value;
  next?: Meaning;
}

/** Adds the scan of a cell, its leaves and its initial states to `outer`. */
export function elaborateCell(instance: Instance, world: World, outer: Builder): ElaboratedCell {
  return new CellElaborator(instance, world, outer).run();
}

class CellElaborator {
  private readonly instance: Instance;
  private readonly world: World;
  private readonly outer: Builder;
  private readonly body: Builder;
  private readonly loop: Loop;
  private readonly scope = new Scope();
  private readonly c: Context;
  private readonly states: State[] = [];
  private readonly ofNorms: Carried[] = [];
  private readonly inputs: { readonly outside: Value; readonly inside: Value }[] = [];
  /** Where the states begin anew before this step. */
  private readonly reset: Value | undefined;
  private readonly outputs: { readonly name: string; readonly value: Value | undefined; readonly span: Span }[] = [];
  private readonly parameters = new Map<string, Meaning>();
  private readonly sites: Sites;
  private readonly placements: Placements;
  private readonly siteNames: SiteNames;
  private readonly dependences: Dependences;
  private inputCount = 0;

  constructor(instance: Instance, world: World, outer: Builder) {
    this.instance = instance;
    this.world = world;
    this.outer = outer;
    this.body = outer.body();
    this.loop = { outer, body: this.body, carry: (stmt, initial, name) => this.carry(stmt, initial, name) };
    this.dependences = new Dependences(this.body.ops);
    this.sites = new Sites(world);
    this.reset = instance.reset && this.readStep(instance.reset, "reset");
    const { decl, module, placements } = instance.cell;
    this.placements = new Placements(placementsOf([...placements, ...instance.options], this.scope), world.problems);
    this.siteNames = new SiteNames(
      decl.body.flatMap((s) => (s.kind === "site" || s.kind === "param" ? [s.name.text] : [])),
    );
    const present = presentIn(outer);
    this.c = {
      world,
      problems: world.problems,
      module,
      scope: this.scope,
      builder: this.body,
      calls: [],
      later: declaredNames(decl.body),
      draw: (draw) => this.drawAtStep(draw),
      site: (s, c) => this.site(s, c, this.siteNames.of(s.name.text, c.rounds)),
      step: () => ({ kind: "value", value: this.stepNumber() }),
      allSteps: { axis: "time", present: () => present(this.read?.axis) },
      timeless: (span) =>
        world.problems.error("C0215", span, "this value has no time axis: a cell says what happens in one step", {
          label: "there is one step here",
          help: "reduce over time in a model, after the scan; a cell can read a whole sequence: input s : [S] over time",
        }),
    };
  }

  run(): ElaboratedCell {
    const { cell, parameters } = this.instance;
    const { problems } = this.world;
    for (const p of cell.decl.params) {
      this.scope.declare(p.name, "dimension", parameters.get(p.name.text) ?? poison, problems);
    }
    for (const s of cell.decl.body) {
      switch (s.kind) {
        case "dim":
          dimStatement(s, this.c);
          break;
        case "param":
        case "const":
          this.param(s);
          break;
        case "input":
        case "target":
          this.input(s);
          break;
        case "state":
          this.state(s);
          break;
        case "site":
          this.scope.declare(s.name, "site", this.site(s, this.c, own(s.name)), problems);
          break;
        case "let":
          letStatement(s, this.c, (name, meaning) => this.next(name, meaning, s.value.span));
          break;
        case "output":
          this.output(s);
          break;
        case "place":
          break;
        default:
          s satisfies never;
      }
    }
    const named = (...kinds: readonly ("site" | "param" | "const")[]): readonly string[] =>
      cell.decl.body.flatMap((s) => (kinds.some((kind) => kind === s.kind) && "name" in s ? [s.name.text] : []));
    const prefix = this.name("");
    const sites = this.sites.all.map((s) => s.name.slice(prefix.length));
    this.placements.reportUnknown([...new Set([...named("site"), ...sites])], named("param", "const"));
    if (this.outputs.length === 0 && cell.module.damaged.size === 0) {
      problems.error("C0213", cell.decl.name.span, `the cell \`${cell.decl.name.text}\` has no output`, {
        label: "a scan over it collects nothing",
        help: "end it with `output h'`",
      });
    }
    return this.finish();
  }

  private name(short: string): string {
    return this.instance.scopeName === "" ? short : `${this.instance.scopeName}/${short}`;
  }

  private param(s: ParamStmt): void {
    const placed = this.placed(own(s.name));
    const meaning = this.instance.shares?.made.parameters.get(s.name.text) ?? this.declared(s, placed);
    if (!this.parameters.has(s.name.text)) this.parameters.set(s.name.text, meaning);
    this.scope.declare(s.name, s.kind, meaning, this.world.problems);
  }

  /** A parameter of this scan alone, after the norm placed on it. */
  private declared(s: ParamStmt, placed: Placed | "none" | undefined): Meaning {
    const name = this.name(s.name.text);
    const leaf = parameter(s, this.instance.cell.params.get(s.name.text), name, this.outer, this.c);
    return this.sites.parameter(this.outer, leaf, name, s.name, placed);
  }

  /** The norm placed at a site or on a parameter. */
  private placed(local: LocalName): Placed | "none" | undefined {
    // Looked up even if it is overridden, so that the cell's own placement has found its site.
    const placed = this.placements.at(undefined, local);
    return this.instance.override?.(local) ?? placed;
  }

  private input(s: InputStmt): void {
    const at = this.inputCount++;
    const wanted = inputType(s, true, this.c);
    const outside = wanted && this.instance.input(s, wanted, at);
    if (outside === undefined) {
      this.scope.declare(s.name, "input", poison, this.world.problems);
      return;
    }
    if (s.overTime) {
      this.reads(s, this.instance.axisOf?.(outside));
      const value = allStepsOf(this.outer, outside, s.name.text);
      this.scope.declare(s.name, "input", { kind: "value", value }, this.world.problems);
      return;
    }
    const inside = this.readStep(outside, s.name.text);
    this.scope.declare(s.name, "input", { kind: "value", value: inside }, this.world.problems);
  }

  /** The step of `outside`, a value with time, that the loop is at. */
  private readStep(outside: Value, name: string): Value {
    const inside = this.body.value({ ...outside.type, time: false }, name);
    this.dependences.declare(inside, { kind: "step" });
    this.inputs.push({ outside, inside });
    return inside;
  }

  /** The time axis of the sequences that are read as a whole, and the first input that is one. */
  private read: { readonly axis: string | undefined; readonly input: InputStmt } | undefined;

  private reads(input: InputStmt, axis: string | undefined): void {
    this.read ??= { axis, input };
    if (this.read.axis === axis) return;
    const shown = (of: string | undefined): string => `\`${of ?? mainAxis}\``;
    this.world.problems.error(
      "C0240",
      input.span,
      `this cell reads whole sequences of different time axes, ${shown(this.read.axis)} and ${shown(axis)}`,
      {
        help: "read one of them in a cell of its own, and hand its outputs to this one",
        notes: [{ span: this.read.input.span, message: `${shown(this.read.axis)} is here` }],
      },
    );
  }

  private counted: Value | undefined;

  /** The number of this step of the loop, for each example since its states began. */
  private stepNumber(): Value {
    this.counted ??= this.readStep(this.stepsOfLoop(), "step");
    return this.counted;
  }

  private stepsOfLoop(): Value {
    const { outer: b } = this;
    const { reset, reverse } = this.instance;
    if (reset !== undefined) return stepsSince(b, reset, reverse);
    return reverse ? numbersInReverse(b) : stepNumbers(b);
  }

  private state(s: StateStmt): void {
    const replaced = this.instance.cell.states.get(s.name.text);
    const own = declaredShape(s, replaced, this.c);
    if (replaced !== undefined && replaced.stmt.overTime !== s.overTime) {
      const is = s.overTime ? "over time" : "not over time";
      this.world.problems.error("C0204", replaced.stmt.shape.span, `\`${s.name.text}\` is ${is}`, {
        label: "`with` changes how it begins, not its shape",
        notes: [{ span: s.shape.span, message: "declared here" }],
      });
    }
    const shape = own && s.overTime ? atAllSteps(own) : own;
    const given = this.instance.first?.get(s.name.text);
    const initial =
      shape &&
      (given
        ? given.value && this.firstOf(s, given.value, given.span, shape)
        : this.initial(s, (replaced?.stmt ?? s).init, replaced?.module ?? this.c.module, shape));
    if (shape === undefined) {
      this.scope.declare(s.name, "state", poison, this.world.problems);
      return;
    }
    const type: Type = { dtype: "f32", time: false, batch: true, shape };
    const begun = initial ?? this.outer.zeros(type);
    const state = this.begin(s, begun, s.name.text);
    this.states.push({ stmt: s, initial: begun, ...state });
    this.scope.declare(s.name, "state", { kind: "value", value: state.previous }, this.world.problems);
  }

  /** A state that begins as `initial`, before the first step and wherever there is a reset. */
  private begin(state: StateStmt, initial: Value, name: string): { readonly carried: Value; readonly previous: Value } {
    const carried = this.body.value(initial.type, name);
    this.dependences.declare(carried, { kind: "recurrent", state });
    const previous = this.reset ? hint(this.body.select(this.reset, initial, carried), `${name}_before`) : carried;
    return { carried, previous };
  }

  /** The value of a state before the first step, [batch, shape], in the block around the scan. */
  private initial(s: StateStmt, init: Expr, module: Module, shape: readonly dim.Dim[]): Value | undefined {
    const c: Context = {
      ...this.c,
      module,
      builder: this.outer,
      forbids: beforeTheFirstStep,
      site: undefined,
      instead: ({ origin, name }) =>
        origin === "input" || origin === "target"
          ? `let a model begin the scan with it: scan ${this.instance.cell.name}(…) over x from ${s.name.text} = ${name.text}`
          : undefined,
      step: undefined,
      draw: (draw) => this.draw(draw, draw.shape ?? shape, s.name.text, false),
    };
    const errors = this.world.problems.errors;
    const v = toValue(evaluate(init, c), init.span, c);
    if (v === undefined || this.world.problems.errors > errors) return undefined;
    return this.firstOf(s, v, init.span, shape);
  }

  /** `v` as the value of a state before the first step; undefined after a report. */
  private firstOf(s: StateStmt, v: Value, span: Span, shape: readonly dim.Dim[]): Value | undefined {
    const type: Type = { dtype: "f32", time: false, batch: true, shape };
    const known = this.broadcast(v, type);
    if (known !== undefined) return hint(known, `${s.name.text}_first`);
    const [is, was] = [showShape(v.type.shape), showShape(shape)];
    this.world.problems.error("C0204", span, `\`${s.name.text}\` is ${was}, but begins as ${is}`, {
      label: `this is ${is}`,
      help: unlike(v.type.shape, shape),
      notes: [{ span: s.shape.span, message: `the state is ${was}` }],
    });
    return undefined;
  }

  private broadcast(v: Value, type: Type, b: Builder = this.outer): Value | undefined {
    const lead = type.shape.length - v.type.shape.length;
    const fits = lead >= 0 && v.type.shape.every((d, i) => dim.isOne(d) || dim.equal(d, type.shape[lead + i]));
    return fits && v.type.dtype === "f32" ? b.broadcast(v, type) : undefined;
  }

  /** Draws in the block around the scan: for each example, unless the value it is like is the same for all. */
  private draw({ noise, like }: Draw, shape: readonly dim.Dim[], what: string, time: boolean): Meaning {
    const type: Type = { dtype: "f32", time, batch: like?.batch ?? true, shape };
    return { kind: "value", value: drawn(noise, this.name(what), type, this.outer, this.world.taken) };
  }

  /** Draws for a step: outside the scan for all steps, as one of its inputs, unless the draw is the same at all of them. */
  private drawAtStep(draw: Draw): Meaning {
    const { noise, shape, like, once, span } = draw;
    if (shape === undefined) {
      this.world.problems.error("C0205", span, "the noise of a step needs a shape", { help: "write noise(0.1, [H])" });
      return poison;
    }
    // A value without a batch axis is computed from parameters, so it is the same at each step.
    const varies = !once && (like?.batch ?? true);
    const meaning = this.draw(draw, shape, varies ? "step" : "sequence", varies);
    if (meaning.kind !== "value" || !varies) return meaning;
    const value = this.readStep(meaning.value, noise.distribution === "bernoulli" ? "mask" : "noise");
    return { kind: "value", value };
  }

  private site(s: SiteStmt, c: Context, local: LocalName): Meaning {
    const placed = this.placed(local);
    const v = toValue(evaluate(s.value, c), s.value.span, c);
    if (v === undefined) return poison;
    if (v.type.dtype !== "f32") {
      c.problems.error("C0224", s.value.span, "an index cannot be normalized", { label: "a site holds numbers" });
      return poison;
    }
    const dependence = this.dependences.of(v);
    const { shares } = this.instance;
    const text = localText(local);
    const value = this.sites.add(this.body, {
      ...{ value: v, name: this.name(text), declared: s.name, inCell: true, dependence, placed, loop: this.loop },
      ...(shares && { like: `${shares.scopeName}/${text}` }),
      resets: this.reset !== undefined,
    });
    return { kind: "value", value };
  }

  /** Norms add their states to the cell's. */
  private readonly carry: Loop["carry"] = (stmt, initial, name) => {
    const state: Carried = { stmt, initial, ...this.begin(stmt, initial, name) };
    this.ofNorms.push(state);
    return state;
  };

  private next(name: Name, meaning: Meaning, span: Span): void {
    const { problems } = this.world;
    const state = this.states.find((s) => s.stmt.name.text === name.text);
    const declared = this.scope.find(name.text);
    let value = meaning;
    if (state === undefined && declared?.meaning.kind !== "poison" && !this.c.module.damaged.has(name.text)) {
      problems.error("C0212", name.span, `\`${name.text}\` is not a state, so it has no next value`, {
        label: "only a state has a prime",
        help:
          declared === undefined
            ? `declare it: \`state ${name.text} : [H] = 0\``
            : this.states.length > 0
              ? `states are ${this.states.map((s) => s.stmt.name.text).join(", ")}`
              : undefined,
      });
    }
    if (state !== undefined) {
      value = this.nextOf(state, meaning, span);
      state.next ??= value;
    }
    this.scope.declare(name, "next", value, problems);
  }

  private nextOf({ stmt, previous }: State, meaning: Meaning, span: Span): Meaning {
    const given = toValue(meaning, span, this.c);
    if (given === undefined) return poison;
    const rank = hasAllSteps(previous.type) ? ownShape(previous.type).length : 0;
    const v = withRank(this.body, given, rank);
    const value = this.broadcast(v, previous.type, this.body);
    if (value !== undefined) return { kind: "value", value: hint(value, `${stmt.name.text}_next`) };
    const [is, was] = [showValue(v.type, this.c), showValue(previous.type, this.c)];
    const message =
      v.type.dtype === "index"
        ? `\`${stmt.name.text}'\` is an index, and the state holds numbers`
        : `\`${stmt.name.text}\` is ${was}, but its next value is ${is}`;
    this.world.problems.error("C0225", span, message, {
      label: `this is ${is}`,
      help: hasAllSteps(v.type)
        ? "reduce it over time: sum(a * s, over time)"
        : unlike(v.type.shape, previous.type.shape),
      notes: [{ span: stmt.shape.span, message: `the state is ${was}` }],
    });
    return poison;
  }

  private output(s: OutputStmt): void {
    for (const e of s.values) {
      const name = e.kind === "name" ? e.name.text : "output";
      const value = toValue(evaluate(e, this.c), e.span, this.c);
      if (this.outputs.some((o) => o.name === name)) {
        this.world.problems.error("C0202", e.span, `there are two outputs \`${name}\``, {
          help: "give one of them another name by an equation",
        });
        continue;
      }
      // What a reader of the output may see is 0 where there is no step.
      const shown = value && hasAllSteps(value.type) ? ofPresent(value, 0, this.c) : value;
      this.outputs.push({ name, value: shown, span: e.span });
    }
  }

  private finish(): ElaboratedCell {
    const next = this.states.map((state) => {
      const missing = state.next === undefined && !this.c.module.damaged.has(state.stmt.name.text);
      if (missing) {
        const name = state.stmt.name.text;
        const meant = nextStateIn(this.c.later?.keys() ?? [], name);
        this.world.problems.error("C0211", state.stmt.name.span, `the state \`${name}\` is given no next value`, {
          label: `no equation \`${name}' = …\``,
          help: meant === undefined ? "add one, or make it a param" : `give \`${meant}\` the name \`${name}'\``,
        });
      }
      return state.next?.kind === "value" ? state.next.value : state.previous;
    });
    const live = this.outputs.filter((o) => o.value !== undefined);
    const { reverse } = this.instance;
    // Each example is reversed by its own length, so even a value that is the same for all examples needs a batch axis.
    const yielded = (v: Value): Value => (reverse ? this.body.broadcast(v, { ...v.type, batch: true }) : v);
    const states = [...this.states, ...this.ofNorms];
    const { finals, outputs } = this.outer.scan(
      states.map((s) => s.initial),
      this.inputs.map((i) => i.outside),
      {
        params: [...states.map((s) => s.carried), ...this.inputs.map((i) => i.inside)],
        ops: this.body.ops,
        results: [...next, ...this.ofNorms.map((s) => s.next ?? s.previous), ...live.map((o) => yielded(o.value!))],
      },
      {
        reverse,
        names: [...states.map((s) => `${s.stmt.name.text}_last`), ...live.map((o) => `${o.name}s`)],
      },
    );
    return {
      outputs: this.outputs.map((o) => ({ ...o, value: o.value && outputs[live.indexOf(o)] })),
      parameters: this.parameters,
      finals: new Map(this.states.map((s, i) => [s.stmt.name.text, finals[i]])),
      sites: this.sites,
      scope: this.scope,
    };
  }
}

/** The name of a site or parameter of the cell itself. */
const own = (name: Name): LocalName => ({ base: name.text, rounds: [] });

const beforeTheFirstStep = (b: Binding): string | undefined =>
  b.origin === "dimension" || b.origin === "param" || b.origin === "const"
    ? undefined
    : "this is a value of a step, and the initial value precedes the first";

/** How a value of the shape `is` may become one of the shape `wanted`. */
function unlike(is: Type["shape"], wanted: Type["shape"]): string | undefined {
  const equal = (a: Type["shape"], b: Type["shape"]): boolean =>
    a.length === b.length && a.every((d, i) => dim.equal(d, b[i]));
  const reshaped = (shape: Type["shape"]): string => `reshape(x, ${showShape(shape)})`;
  const large = (shape: Type["shape"]): Type["shape"] => shape.filter((d) => !dim.isOne(d));
  if (equal(large(is), large(wanted))) return `these are the same elements: ${reshaped(wanted)}`;
  const lead = wanted.slice(0, is.length);
  if (!equal(is, lead)) return undefined;
  const stretched = [...is, ...wanted.slice(is.length).map(() => dim.constant(1))];
  return `shapes are compared from the end; to stretch along the other axes: ${reshaped(stretched)}`;
}
