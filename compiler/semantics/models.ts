/** Elaborates models: inputs, scans of cells, losses and metrics. */
import { join, type Span } from "../diagnostics/span.ts";
import { Builder } from "../ir/builder.ts";
import { hasAllSteps } from "../ir/steps.ts";
import { axesOfInputs, TimeAxes } from "../ir/time-axes.ts";
import { sameShape } from "../ir/type.ts";
import type { Graph, Op, Result, Value } from "../ir/types.ts";
import type {
  CellDecl,
  CellParam,
  Expr,
  InputStmt,
  MetricStmt,
  ModelDecl,
  ModelStmt,
  Name,
  ParamStmt,
  SiteStmt,
} from "../syntax/ast.ts";
import { ofPresent, presentIn, showValue } from "./all-steps.ts";
import { matchArguments } from "./arguments.ts";
import { elaborateCell } from "./cells.ts";
import { stepCounts, stepNumbers } from "./clock.ts";
import { type Context, type Draw, declaredNames, drawn, showShape, type World } from "./context.ts";
import { dependsOn } from "./dependence.ts";
import { find, type InModule, type Resolved, resolve } from "./derivations.ts";
import { entryParameters, type Parameters, scanParameters } from "./dimensions.ts";
import { describe, evaluate, realValue, toValue } from "./expressions.ts";
import { firstStates, reportFirstStates } from "./first-states.ts";
import { recordSelection } from "./index-bounds.ts";
import { type InputType, inputLeaf, inputType, mainAxis, parameter } from "./leaves.ts";
import { dimStatement, letStatement } from "./lets.ts";
import { measure } from "./measures.ts";
import type { Declared } from "./modules.ts";
import { Placements, type PlaceOption, placementsOf } from "./placements.ts";
import { resetMark } from "./reset-mark.ts";
import { type NamedScan, ScanNames } from "./scan-names.ts";
import { type Meaning, poison, Scope } from "./scope.ts";
import { type LocalName, localText, placeName, SiteNames } from "./site-names.ts";
import { type SiteInfo, Sites } from "./sites.ts";
import type { Built } from "./standalone-cell.ts";

type ScanExpr = Expr & { readonly kind: "scan" };

/** Elaborates a model. `cells` replaces the defaults of its cell parameters. */
export function buildModel(
  model: Resolved<ModelDecl>,
  options: readonly InModule<PlaceOption>[],
  cells: ReadonlyMap<string, Declared>,
  world: World,
): Built {
  return new ModelElaborator(model, options, cells, world).run();
}

class ModelElaborator {
  private readonly model: Resolved<ModelDecl>;
  private readonly cells: ReadonlyMap<string, Declared>;
  private readonly world: World;
  private readonly b = new Builder();
  private readonly scope = new Scope();
  private readonly placements: Placements;
  private readonly c: Context;
  /** The names of its own sites and parameters. */
  private readonly ownSites: ReadonlySet<string>;
  private readonly siteNames: SiteNames;
  private readonly sites: Sites;
  private readonly scans: ScanNames;
  private readonly results: Result[] = [];
  private readonly losses: Value[] = [];
  /** What reduces over examples, and where. */
  private readonly acrossExamples = new Map<Value, Span>();
  /** Where each output is. */
  private readonly outputs: { readonly value: Value; readonly name: string; readonly span: Span }[] = [];
  private readonly axes = new TimeAxes();
  /** Where each time axis is first named. */
  private readonly axisSpans = new Map<string, Span>();
  /** Of the statement that is being elaborated. */
  private span: Span;
  /** How many of the ops have been looked at for their axes. */
  private seen = 0;

  constructor(
    model: Resolved<ModelDecl>,
    options: readonly InModule<PlaceOption>[],
    cells: ReadonlyMap<string, Declared>,
    world: World,
  ) {
    this.model = model;
    this.cells = cells;
    this.world = world;
    const { decl, module } = model;
    this.span = decl.span;
    this.ownSites = new Set(decl.body.flatMap((s) => (ownsNorm(s) ? [s.name.text] : [])));
    this.siteNames = new SiteNames(this.ownSites);
    this.sites = new Sites(world);
    this.scans = new ScanNames(world.problems);
    this.placements = new Placements(placementsOf([...model.placements, ...options], this.scope), world.problems);
    const present = presentIn(this.b);
    this.c = {
      world,
      problems: world.problems,
      module,
      scope: this.scope,
      builder: this.b,
      calls: [],
      later: declaredNames(decl.body),
      draw: (draw) => this.draw(draw),
      site: (s, c) => this.site(s, c, this.siteNames.of(s.name.text, c.rounds)),
      scan: (e) => this.scan(e),
      member: (e) => this.scans.member(e, this.scope),
      step: (span) => this.ofTime(span, stepNumbers(this.b)),
      steps: (span) => this.ofTime(span, stepCounts(this.b)),
      acrossExamples: (made, span) => this.acrossExamples.set(made, span),
      allSteps: {
        axis: "whole",
        present: (v) => {
          this.checkAxes();
          return present(this.axes.allSteps(v).axis);
        },
      },
    };
  }

  run(): Built {
    const { problems } = this.world;
    const { decl, name } = this.model;
    const meant = entryParameters(decl.params, this.world);
    for (const p of decl.params) {
      const meaning: Meaning = p.kind === "dim" ? meant.get(p.name.text)! : poison;
      this.scope.declare(p.name, p.kind === "dim" ? "dimension" : "cell", meaning, problems);
    }
    for (const s of decl.body) {
      this.span = s.span;
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
        case "site":
          this.scope.declare(s.name, "site", this.site(s, this.c, { base: s.name.text, rounds: [] }), problems);
          break;
        case "let":
          letStatement(s, this.c);
          break;
        case "output":
          for (const e of s.values) this.output(e);
          break;
        case "place":
          break;
        case "loss": {
          const value = measure(s.value, this.c);
          if (value !== undefined) this.losses.push(value);
          break;
        }
        case "metric":
          this.metric(s);
          break;
        default:
          s satisfies never;
      }
      this.checkAxes();
    }
    this.requireSequence();
    const names = (sites: readonly SiteInfo[]): readonly string[] => sites.map((s) => placeName(s.name));
    this.placements.reportUnknown(
      names(this.sites.all.filter((s) => s.like === undefined)),
      names(this.sites.parameters),
    );
    if (this.losses.length > 0) {
      const value = this.losses.reduce((a, l) => this.b.add(a, l));
      this.results.push({ kind: "loss", name: "loss", value });
    }
    const { all: sites, parameters, norms } = this.sites;
    if (this.acrossExamples.size > 0) this.checkOutputs();
    const graph: Graph = { name, ops: withMainAxis(this.b.ops), results: this.results, norms };
    return { graph, sites, parameters, scope: this.scope };
  }

  private param(s: ParamStmt): void {
    const name = s.name.text;
    const leaf = parameter(s, this.model.params.get(name), name, this.b, this.c);
    const meaning = this.sites.parameter(
      this.b,
      leaf,
      name,
      s.name,
      this.placements.at(undefined, { base: name, rounds: [] }),
    );
    this.scope.declare(s.name, s.kind, meaning, this.world.problems);
  }

  private input(s: InputStmt): void {
    const is = inputType(s, s.overTime, this.c);
    if (is?.type.time) {
      const { axis = mainAxis } = is;
      if (!this.axisSpans.has(axis)) this.axisSpans.set(axis, s.axis?.span ?? s.span);
    }
    const meaning: Meaning = is ? { kind: "value", value: inputLeaf(s, is, this.b, this.world.taken) } : poison;
    this.scope.declare(s.name, s.kind, meaning, this.world.problems);
  }

  /** Reports that the statement so far combines values of two time axes. */
  private checkAxes(): void {
    const { span } = this;
    for (; this.seen < this.b.ops.length; this.seen++) {
      const conflict = this.axes.add(this.b.ops[this.seen]);
      if (conflict === undefined) continue;
      const names = [conflict.one, conflict.other].map(({ axis = mainAxis }) => axis);
      const [one, other] = names.map((name) => `\`${name}\``);
      this.world.problems.error("C0240", span, `this combines steps of different time axes, ${one} and ${other}`, {
        help: `a sequence of one axis says nothing about single steps of the other: use its last step, a mean or a sum over it, or all its steps at each step, whole(xs)`,
        notes: names.map((name) => ({ span: this.axisSpans.get(name) ?? span, message: `\`${name}\` is here` })),
      });
    }
  }

  private site(s: SiteStmt, c: Context, local: LocalName): Meaning {
    const placed = this.placements.at(undefined, local);
    const v = realValue(evaluate(s.value, c), s.value.span, c);
    if (v === undefined) return poison;
    const dependence = { kind: "constant" } as const;
    const point = { value: v, name: localText(local), declared: s.name, inCell: false, dependence, placed };
    return { kind: "value", value: this.sites.add(this.b, point) };
  }

  private draw({ noise, shape, like, once, span }: Draw): Meaning {
    if (shape === undefined) {
      this.world.problems.error("C0205", span, "noise in a model needs a shape", { help: "write noise(0.1, [H])" });
      return poison;
    }
    const [time, batch] = [!once && (like?.time ?? false), like?.batch ?? true];
    const value = drawn(noise, "model", { dtype: "f32", time, batch, shape }, this.b, this.world.taken);
    return { kind: "value", value };
  }

  /** Where `step()` and `steps()` stand: they need a sequence. */
  private readonly counted: Span[] = [];

  private ofTime(span: Span, value: Value): Meaning {
    this.counted.push(span);
    return { kind: "value", value };
  }

  private requireSequence(): void {
    const isSequence = (op: Op): boolean =>
      op.op === "scan" || (op.op === "leaf" && op.attrs.type.time && op.attrs.leaf.kind !== "step");
    const [span] = this.counted;
    if (span === undefined || this.b.ops.some(isSequence)) return;
    this.world.problems.error("C0215", span, "this model has no sequence whose steps could be counted", {
      label: "there are no steps",
      help: "declare an input `over time`",
    });
  }

  private output(e: Expr): void {
    const name = e.kind === "name" ? e.name.text : "output";
    const value = toValue(evaluate(e, this.c), e.span, this.c);
    if (this.results.some((r) => r.kind === "output" && r.name === name)) {
      this.world.problems.error("C0202", e.span, `there are two outputs \`${name}\``, {
        help: "give one of them another name by an equation",
      });
    } else if (value !== undefined) {
      // What a reader of the output may see is 0 where there is no step.
      const shown = hasAllSteps(value.type) ? ofPresent(value, 0, this.c) : value;
      this.results.push({ kind: "output", name, value: shown });
      this.outputs.push({ value, name, span: e.span });
    }
  }

  /** Reports outputs that depend on other examples of the batch. */
  private checkOutputs(): void {
    for (const { value, name, span } of this.outputs) {
      const at = dependsOn(value, this.b.ops, this.acrossExamples);
      if (at === undefined) continue;
      this.world.problems.error("C0223", span, `the output \`${name}\` depends on the other examples of the batch`, {
        label: "what is computed of an example must not depend on the others",
        help: "only a loss or a metric may read what is reduced over the batch; in a norm, a `stat` has the population's value at inference",
        notes: [{ span: at, message: "reduced over the batch here" }],
      });
    }
  }

  private metric(s: MetricStmt): void {
    const value = measure(s.value, this.c);
    const first = this.results.find((r) => r.kind === "metric" && r.name === s.name.text);
    if (first !== undefined)
      this.world.problems.error("C0202", s.name.span, `there are two metrics \`${s.name.text}\``, {
        help: "choose another name",
      });
    else if (value !== undefined) this.results.push({ kind: "metric", name: s.name.text, value });
  }

  private scan(e: ScanExpr): Meaning {
    const made = this.scanned(e);
    if (made.kind === "poison") this.scans.fail(e.as);
    return made;
  }

  private scanned(e: ScanExpr): Meaning {
    const { problems } = this.world;
    const sequences = e.over.map((o) => [o, evaluate(o, this.c)] as const);
    const shared = this.scans.find(e.cell.text);
    const cell = shared?.cell ?? this.cellOf(e);
    if (cell === undefined) return poison;
    const errors = problems.errors;
    const parameters = shared ? this.sharedParameters(e, shared) : this.parametersOf(e, cell);
    const first = firstStates(e, cell.decl, this.c);
    const reset = e.reset && resetMark(e.reset, this.c);
    const inputs = cell.decl.body.filter((s): s is InputStmt => s.kind === "input" || s.kind === "target");
    if (inputs.length !== sequences.length) {
      problems.error(
        "C0205",
        e.span,
        `\`${e.cell.text}\` reads ${count(inputs.length, "input")}, not ${sequences.length}`,
        {
          help:
            sequences.length < inputs.length
              ? `name all of them: scan ${e.cell.text}(…) over a, b; among arguments, with brackets around the scan`
              : undefined,
          label: inputs.length > 0 ? `its inputs are ${inputs.map((i) => i.name.text).join(", ")}` : "it has no inputs",
          notes: [{ span: cell.decl.name.span, message: "the cell is declared here" }],
        },
      );
    }
    if (problems.errors > errors) return poison;
    const scopeName = e.as ? this.claimScope(e.as, e.cell.text) : this.freeScope(e.cell.text);
    if (scopeName === undefined) return poison;
    // Of scans with the same weights, the first decides where norms are.
    const placing = shared?.name.text ?? scopeName;
    const made = elaborateCell(
      {
        cell,
        scopeName,
        ...(shared && { shares: { scopeName: placing, made: shared.made } }),
        parameters,
        reverse: e.reverse,
        first,
        reset,
        options: [],
        override: (site) => this.placements.at(placing, site, !this.ownSites.has(site.base)),
        axisOf: (v) => {
          this.checkAxes();
          return this.axes.steps(v).axis;
        },
        input: (stmt, wanted, i) => this.sequence(e, stmt, wanted, sequences[i][0], sequences[i][1]),
      },
      this.world,
      this.b,
    );
    this.sites.include(made.sites);
    this.scans.add(scopeName, { cell, parameters, made }, e.as);
    const meanings = made.outputs.map(({ value }): Meaning => (value ? { kind: "value", value } : poison));
    return meanings.length === 1 ? meanings[0] : { kind: "list", items: meanings };
  }

  /** The cell that a scan names: a parameter of the model, or a cell of the file. */
  private cellOf(e: ScanExpr): Resolved<CellDecl> | undefined {
    const { problems } = this.world;
    const name = e.cell.text;
    const { decl, module } = this.model;
    const param = decl.params.find((p): p is CellParam => p.kind === "cell" && p.name.text === name);
    const binding = this.scope.find(name);
    if (binding?.origin === "cell") binding.used = true;
    const declared = (param && this.cells.get(name)) ?? find("cell", param ? param.default : e.cell, module, problems);
    return declared && resolve("cell", declared, problems);
  }

  /** The cell's parameters in the model's terms. Default: those of the cell. */
  private parametersOf(e: ScanExpr, cell: Resolved<CellDecl>): Parameters {
    if (reportFirstStates(e, cell.decl, this.c)) return new Map();
    const matched = matchArguments(e.cell.text, e.span, cell.decl.params, e.args, this.world.problems);
    return matched === undefined ? new Map() : scanParameters(cell.decl.params, matched, cell.module, this.c);
  }

  /** The dimensions of a scan that shares the weights of an earlier one. */
  private sharedParameters(e: ScanExpr, { name, parameters }: NamedScan): Parameters {
    const { problems } = this.world;
    const notes = [{ span: name.span, message: `\`${name.text}\` is the name of this scan` }];
    if (e.args.length > 0) {
      const span = join(e.args[0].span, e.args[e.args.length - 1].span);
      const help = `write scan ${name.text} over …`;
      problems.error("C0236", span, `\`${name.text}\` has its dimensions already`, { help, notes });
    }
    if (e.as !== undefined) {
      const help = `use \`${name.text}\` again: scan ${name.text} over …`;
      problems.error("C0236", e.as.span, `these weights have the name \`${name.text}\` already`, { help, notes });
    }
    return parameters;
  }

  /** The scope that a scan asks for with `as`. Undefined after a report. */
  private claimScope(name: Name, cell: string): string | undefined {
    const { taken, problems } = this.world;
    const { decl, module } = this.model;
    const declared = module.names.get(name.text)?.decl;
    const isCell =
      declared?.kind === "cell" ||
      (declared?.kind === "derived" && declared.of === "cell") ||
      decl.params.some((p) => p.kind === "cell" && p.name.text === name.text);
    const key = `${name.text}/`;
    if (!isCell && !taken.has(key) && !this.ownSites.has(name.text)) {
      taken.add(key);
      return name.text;
    }
    const what = isCell ? "a cell" : this.ownSites.has(name.text) ? "a site or parameter" : "another scan";
    problems.error("C0202", name.span, `\`${name.text}\` already names ${what}`, {
      label: "a scan needs a name of its own",
      help:
        what === "another scan" && this.scans.find(name.text)
          ? `to scan with its weights, write scan ${name.text} over …; for weights of its own, choose another name`
          : `choose another name: scan ${cell}(…) as ${name.text}_1 over …`,
    });
    return undefined;
  }

  private freeScope(name: string): string {
    for (let n = 1; ; n++) {
      const scope = n === 1 ? name : `${name}_${n}`;
      // The norm of a site or parameter of the model has its parameters under that name.
      if (this.ownSites.has(scope)) continue;
      const key = `${scope}/`;
      if (this.world.taken.has(key)) continue;
      this.world.taken.add(key);
      return scope;
    }
  }

  /** The sequence that input `stmt` of the scanned cell reads. */
  private sequence(
    e: ScanExpr,
    stmt: InputStmt,
    { type: wanted, size }: InputType,
    arg: Expr,
    meaning: Meaning,
  ): Value | undefined {
    const { problems } = this.world;
    const v = toValue(meaning, arg.span, this.c);
    if (v === undefined) return undefined;
    const declared = { span: stmt.span, message: `\`${stmt.name.text}\` of \`${e.cell.text}\` is declared here` };
    if (v.type.dtype !== wanted.dtype) {
      problems.error(
        "C0224",
        arg.span,
        `\`${stmt.name.text}\` is ${size ? "an index" : "numbers"}, and this is ${describe(meaning)}`,
        {
          help: size ? "declare the model's input as index(n)" : "make a vector of it: embed(w, E) or one_hot(w, n)",
          notes: [declared],
        },
      );
      return undefined;
    }
    if (!sameShape(v.type.shape, wanted.shape)) {
      const [is, was] = [showValue(v.type, this.c), showShape(wanted.shape)];
      problems.error("C0204", arg.span, `\`${stmt.name.text}\` of \`${e.cell.text}\` is ${was}, and this is ${is}`, {
        label: `this is ${is}`,
        notes: [declared],
      });
      return undefined;
    }
    const input = `\`${stmt.name.text}\` of \`${e.cell.text}\``;
    if (size !== undefined) recordSelection(v, size, (n) => `goes to ${input}, which is below ${n}`, arg.span, this.c);
    // A value that does not vary over time is the same at each step. Each example is reversed by its own length; a whole sequence
    // stays as it is.
    const reversed = e.reverse && !stmt.overTime;
    return this.b.broadcast(v, { ...v.type, time: true, batch: v.type.batch || reversed });
  }
}

/** Whether a norm can be placed on what a statement declares. */
const ownsNorm = (s: ModelStmt): s is SiteStmt | ParamStmt =>
  s.kind === "site" || s.kind === "param" || s.kind === "const";

/** A single time axis is the main one, whatever it is called. */
function withMainAxis(ops: readonly Op[]): readonly Op[] {
  if (axesOfInputs({ ops }).size !== 1) return ops;
  return ops.map((op) => {
    if (op.op !== "leaf" || !("axis" in op.attrs.leaf)) return op;
    const { axis: _, ...leaf } = op.attrs.leaf;
    return { ...op, attrs: { ...op.attrs, leaf } };
  });
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
