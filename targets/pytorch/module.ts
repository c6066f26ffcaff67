/** Prints a model as a file of Python with a PyTorch module. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import { TimeAxes } from "../../compiler/ir/time-axes.ts";
import type { Graph, Leaf, Op, OpOf, Result, Type, Value } from "../../compiler/ir/types.ts";
import { atom, call, type Text } from "../../compiler/kernel-ir/c-text.ts";
import type { ModuleForm } from "../../compiler/module-form.ts";
import { reads } from "../../compiler/passes/rewrite.ts";
import type { Mark } from "../../runtime/plan.ts";
import { createNamer, type Namer } from "../shared/names.ts";
import { Block, type Printed, type Surroundings, usesOf } from "./block.ts";
import { type HelperName, helperLines } from "./helpers.ts";
import { initialLines, isOfAnother } from "./initialisers.ts";
import { attribute, className, reserved, tensorPaths } from "./names.ts";
import { type NormClass, normClass } from "./norm.ts";
import { populationLines } from "./population.ts";
import { NotInPytorch } from "./refusal.ts";
import { type Checked, type FilesBeside, selfCheckLines } from "./self-check.ts";
import { entry, extent, inDocstring, indent, list, method, number } from "./text.ts";

/** What is said of a module. */
export interface ModuleAbout {
  /** The first lines of the file's docstring. */
  readonly about: readonly string[];
  /** The text that it is made from. */
  readonly source: string;
  /** The default of each dimension. */
  readonly dims: Readonly<Record<string, number>>;
  /** For how many steps statistics are kept, unless the caller says another number. */
  readonly steps: number;
  readonly momentum: number;
  /** Whether it is a cell by itself, whose loss is made up. */
  readonly isCell: boolean;
  /** Whether a batch may be spread over several processes. */
  readonly distributed?: boolean;
  /** If there are weights beside the file, which can check itself then. */
  readonly files?: FilesBeside;
}

/** The statistics of a norm. */
export interface PrintedStatistics {
  /** The name of the table that counts the batches of each row, in the `state_dict`. */
  readonly batches: string;
  /** The tables, in the `state_dict`. */
  readonly tables: readonly string[];
  /** The time axis of its steps; "" for the main one, undefined for values over none. */
  readonly axis: string | undefined;
  /** Whether all steps share a row. */
  readonly isShared: boolean;
}

export interface PytorchModule {
  readonly text: string;
  readonly className: string;
  /** The arguments of `forward`, by the names of the inputs. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Those of them that `forward` has; `loss` has all. */
  readonly forwardInputs: readonly string[];
  readonly statistics: readonly PrintedStatistics[];
  /** Tables that count updates, in the `state_dict`. */
  readonly updates: readonly string[];
  readonly paths: ReadonlyMap<string, readonly string[]>;
}

type LeafOp = OpOf<"leaf">;

/** The file. Throws `InternalError` for what cannot be written in PyTorch. */
export function pytorchModule(form: ModuleForm, about: ModuleAbout): PytorchModule {
  return new Module(form, about).print();
}

class Module {
  private readonly graph: Graph;
  private readonly about: ModuleAbout;
  private readonly streams: boolean;
  private readonly axes: TimeAxes;
  private readonly helpers = new Set<HelperName>();
  private readonly paths: ReadonlyMap<string, readonly string[]>;
  private readonly norms = new Map<string, { readonly path: readonly string[]; readonly made: NormClass }>();
  private readonly leaves: readonly LeafOp[];
  private readonly dims: readonly string[];
  /** Time axes, the main one as "", which inputs have. */
  private readonly timeAxes: readonly string[];
  private get needsUpdates(): boolean {
    const has = (op: Op): boolean => op.op === "ramp" || (op.body?.ops.some(has) ?? false);
    return this.graph.ops.some(has);
  }

  private get distributed(): boolean {
    return this.about.distributed ?? false;
  }

  constructor({ graph, noStream }: ModuleForm, about: ModuleAbout) {
    const results = about.isCell ? graph.results.filter(({ kind }) => kind === "output") : graph.results;
    this.graph = {
      ...graph,
      results,
      ops: live(
        graph.ops,
        results.map((r) => r.value),
      ),
    };
    this.about = about;
    this.streams = noStream === undefined;
    this.axes = TimeAxes.of(this.graph);
    this.leaves = [...this.graph.ops, ...this.usedNorms().flatMap(({ graph: norm }) => norm.ops)].filter(
      (op): op is LeafOp => op.op === "leaf",
    );
    this.dims = Object.keys(about.dims);
    this.paths = tensorPaths(this.tensorNames());
    this.timeAxes = [
      ...new Set(this.inputs.filter(({ attrs }) => attrs.type.time).map(({ attrs }) => axisOf(attrs.leaf))),
    ].sort();
    for (const placed of this.usedNorms()) {
      const path = this.normPath(placed.site);
      const made = normClass(placed, {
        local: (name) => this.localOf(name, placed.site),
        helper: this.helper,
        distributed: this.distributed,
      });
      this.norms.set(placed.site, { path, made });
    }
  }

  private readonly helper = (name: HelperName): string => {
    this.helpers.add(name);
    return name;
  };

  /** The sites that have norms, with where they are. */
  private usedNorms() {
    const found: { site: string; graph: Graph; isHead: boolean }[] = [];
    const visit = (ops: readonly Op[], inLoop: boolean): void => {
      for (const op of ops) {
        if (op.body) visit(op.body.ops, true);
        if (op.op !== "site") continue;
        const graph = this.graph.norms.get(op.attrs.name);
        if (graph && !found.some(({ site }) => site === op.attrs.name))
          found.push({ site: op.attrs.name, graph, isHead: !inLoop && !op.operands[0].type.time });
      }
    };
    visit(this.graph.ops, false);
    return found;
  }

  private tensorNames(): readonly string[] {
    const ofNorms = this.usedNorms().flatMap(({ graph }) =>
      graph.ops.flatMap((op) =>
        op.op === "stat" ? [op.attrs.name] : op.op === "population" ? [op.attrs.name, op.attrs.collected] : [],
      ),
    );
    return [...new Set([...this.params.map(({ attrs }) => attrs.leaf.name), ...ofNorms])];
  }

  private get params(): readonly LeafOp[] {
    const seen = new Set<string>();
    return this.leaves.filter(({ attrs: { leaf } }) => {
      if (leaf.kind !== "param" || seen.has(leaf.name)) return false;
      seen.add(leaf.name);
      return true;
    });
  }

  private get inputs(): readonly LeafOp[] {
    const own = new Set(this.graph.ops);
    return this.leaves.filter(
      (op) => own.has(op) && (op.attrs.leaf.kind === "input" || op.attrs.leaf.kind === "index"),
    );
  }

  /** Where a norm's module is: where its tensors are, or, if it has none, where its site's name says. */
  private normPath(site: string): readonly string[] {
    for (const [name, path] of this.paths) {
      const at = name.lastIndexOf("/");
      if (name.slice(0, at) === site) return path.slice(0, -1);
    }
    const names = tensorPaths([...this.paths.keys(), `${site}/_`]);
    return names.get(`${site}/_`)!.slice(0, -1);
  }

  private localOf(name: string, site: string): string {
    if (name.slice(0, name.lastIndexOf("/")) !== site)
      throw new NotInPytorch(`the norm at ${site} shares \`${name}\` with another one`, "give each of them its own");
    return this.paths.get(name)!.at(-1)!;
  }

  print(): PytorchModule {
    const name = className(this.graph.name);
    const normClasses = this.normClasses(name);
    const forward = this.forward();
    const lines = this.classLines(name, normClasses, forward);
    const parts = new Set([...this.norms.values()].flatMap(({ made }) => [...made.parts]));
    if (parts.size > 0) for (const used of ["present", "wide"] as const) this.helpers.add(used);
    const file = [
      ...this.docstring(name),
      ...this.importLines(),
      "",
      "",
      ...spaced([...helperLines(this.helpers)]),
      ...populationLines(parts, this.distributed),
      ...[...new Map([...normClasses.values()].map((n) => [n.name, n.lines])).values()].flatMap((l) => [...l, "", ""]),
      ...lines,
      ...(this.about.files ? ["", "", ...selfCheckLines(this.about.files, this.checked(name, forward))] : []),
    ];
    const text = `${file
      .join("\n")
      .replace(/\n{4,}/g, "\n\n\n")
      .trimEnd()}\n`;
    const inputs = new Map(forward.inputs.map(({ name: input, argument }) => [input, argument]));
    return { text, className: name, inputs, forwardInputs: forward.given, paths: this.paths, ...this.kept() };
  }

  private checked(className: string, forward: Forward): Checked {
    const given = new Set(forward.given);
    return {
      className,
      inputs: forward.inputs
        .filter(({ argument }) => given.has(argument))
        .map(({ name, argument, op }) => ({ name, argument, isIndex: op.attrs.type.dtype === "index" })),
      outputs: this.graph.results.flatMap(({ kind, name }) => (kind === "output" ? [name] : [])),
      inTraining: !this.leaves.some(({ attrs }) => attrs.leaf.kind === "noise"),
    };
  }

  /** What the module keeps besides parameters and the tables of statistics. */
  private kept(): Pick<PytorchModule, "statistics" | "updates"> {
    const norms = [...this.norms].map(([site, { path, made }]) => ({ site, path: path.join("."), made }));
    return {
      statistics: norms.flatMap(({ site, path, made }) =>
        made.hasStatistics ? [
              {
                batches: `${path}.batches`,
                tables: made.tables.map((table) => `${path}.${table}`),
                axis: this.axisAt(site),
                isShared: made.isShared,
              },
            ] : [],
      ),
      updates: [
        ...norms.flatMap(({ path, made }) => (made.hasRamp ? [`${path}.updates`] : [])),
        ...(this.needsUpdates ? ["updates"] : []),
      ],
    };
  }

  /** The time axis of a site's steps; undefined if it has none. */
  private axisAt(site: string): string | undefined {
    let found: string | undefined;
    const visit = (ops: readonly Op[], scan?: OpOf<"scan">): void => {
      for (const op of ops) {
        if (op.op === "scan") visit(op.body!.ops, op);
        if (op.op !== "site" || op.attrs.name !== site) continue;
        const [x] = op.operands;
        if (scan || x.type.time) found = this.axes.steps(scan ?? x).axis ?? "";
      }
    };
    visit(this.graph.ops);
    return found;
  }

  private docstring(name: string): readonly string[] {
    const { about, source } = this.about;
    return [
      `"""${[`${name}: \`${this.graph.name}\`, as a PyTorch module.`, "", ...about, ...(about.length > 0 ? [""] : []), "The text that it is made from:", "", ...indent(source.trimEnd().split("\n"))].map(inDocstring).join("\n")}`,
      `"""`,
      "",
    ];
  }

  private importLines(): readonly string[] {
    return [
      ...(this.about.files ? ["import json"] : []),
      "import math",
      ...(this.about.files ? ["import sys", "from pathlib import Path"] : []),
      "from typing import Callable, Dict, List, NamedTuple, Optional, Tuple",
      "",
      "import torch",
      "import torch.nn.functional as F",
      "from torch import Tensor, nn",
      ...(this.distributed
        ? ["import torch.distributed as dist", "from torch.distributed.nn.functional import all_reduce"]
        : []),
    ];
  }

  private normClasses(root: string): ReadonlyMap<string, { readonly name: string; readonly lines: readonly string[] }> {
    const names = createNamer(reserved, [root, "State", "Population", "SharedPopulation", "Parameters"]);
    const byKey = new Map<string, { readonly name: string; readonly lines: readonly string[] }>();
    return new Map(
      [...this.norms].map(([site, { made }]) => {
        const base = className(this.graph.norms.get(site)!.name);
        const known = byKey.get(made.key) ?? named(made, names.fresh(/norm$/i.test(base) ? base : `${base}Norm`));
        byKey.set(made.key, known);
        return [site, known];
      }),
    );
  }

  /** The lines of the class. */
  private classLines(
    name: string,
    normClasses: ReadonlyMap<string, { readonly name: string }>,
    forward: Forward,
  ): readonly string[] {
    const { dims, steps, momentum } = this.about;
    const hasStatistics = [...this.norms.values()].some(({ made }) => made.hasStatistics);
    const args = [
      "self",
      ...this.dims.map((d) => `${d}: int = ${dims[d]}`),
      ...(hasStatistics ? [`steps: int = ${steps}`, `momentum: float = ${momentum}`] : []),
    ];
    return [
      ...forward.state,
      `class ${name}(${this.distributed ? "Synchronised" : "nn.Module"}):`,
      ...indent([
        `"""${inDocstring(this.about.about[0] ?? `The ${this.about.isCell ? "cell" : "model"} \`${this.graph.name}\`.`)}"""`,
        "",
        `def __init__(${args.join(", ")}):`,
        ...indent([
          "super().__init__()",
          ...(this.dims.length > 0
            ? [`${this.dims.map((d) => `self.${d}`).join(", ")} = ${this.dims.join(", ")}`]
            : []),
          ...this.tensorLines(normClasses),
          ...(this.needsUpdates ? [`self.register_buffer("updates", torch.zeros((), dtype=torch.float64))`] : []),
          "self.reset_parameters()",
        ]),
        "",
        ...this.resetLines(),
        "",
        ...forward.lines,
      ]),
    ];
  }

  /** Makes parameters, constants and norms, and the modules around them. */
  private tensorLines(normClasses: ReadonlyMap<string, { readonly name: string }>): readonly string[] {
    const lines: string[] = [];
    const made = new Set<string>();
    const isNumber = (part: string): boolean => /^\d+$/.test(part);
    const construction = (site: string): string => {
      const { made: norm } = this.norms.get(site)!;
      const args = [...norm.dims, ...(norm.hasStatistics ? [...(norm.isShared ? [] : ["steps"]), "momentum"] : [])];
      return `${normClasses.get(site)!.name}(${args.join(", ")})`;
    };
    const siteAt = new Map([...this.norms].map(([site, { path }]) => [path.join("."), site]));
    const everyPath = [...this.paths.values(), ...[...this.norms.values()].map(({ path }) => [...path, ""])];
    const inside = (path: readonly string[]): void => {
      for (let i = 1; i < path.length; i++) {
        const part = path.slice(0, i);
        const key = part.join(".");
        if (made.has(key) || siteAt.has(key)) continue;
        made.add(key);
        if (!isNumber(path[i])) {
          lines.push(`${attribute(part)} = nn.Module()`);
          continue;
        }
        // The rounds of a function: norms, and modules with the parameters of what is no class of its own.
        const rounds = everyPath.flatMap((p) => (p.slice(0, i).join(".") === key ? [Number(p[i])] : []));
        const items = Array.from({ length: Math.max(...rounds) + 1 }, (_, k) => {
          const site = siteAt.get(`${key}.${k}`);
          made.add(`${key}.${k}`);
          return site === undefined ? "nn.Module()" : construction(site);
        });
        lines.push(`${attribute(part)} = nn.ModuleList([${items.join(", ")}])`);
      }
    };
    const normPaths = new Set([...this.norms.values()].map(({ path }) => path.join(".")));
    for (const { attrs } of this.params) {
      const { leaf, type } = attrs;
      if (leaf.kind !== "param") continue;
      const path = this.paths.get(leaf.name)!;
      if (normPaths.has(path.slice(0, -1).join("."))) continue;
      inside(path);
      const shape = type.shape.map((d) => extent(d, (n) => n).text).join(", ") || "[]";
      const owner = attribute(path.slice(0, -1));
      const last = path.at(-1)!;
      lines.push(
        leaf.constant
          ? `${owner}.register_buffer("${last}", torch.empty(${shape}))`
          : `${owner}.${last} = nn.Parameter(torch.empty(${shape}))`,
      );
    }
    for (const [site, { path }] of this.norms) {
      inside(path);
      if (!made.has(path.join("."))) lines.push(`${attribute(path)} = ${construction(site)}`);
    }
    return lines;
  }

  private resetLines(): readonly string[] {
    const normPaths = new Set([...this.norms.values()].map(({ path }) => path.join(".")));
    const own = this.params.filter(
      ({ attrs }) => !normPaths.has(this.paths.get(attrs.leaf.name)!.slice(0, -1).join(".")),
    );
    const at = (name: string): string => attribute(this.paths.get(name)!);
    const lines = (op: LeafOp): readonly string[] => {
      const { leaf, type } = op.attrs;
      if (leaf.kind !== "param") return [];
      return initialLines(leaf.init, at(leaf.name), type, this.helper, at);
    };
    const later = (op: LeafOp): boolean => op.attrs.leaf.kind === "param" && isOfAnother(op.attrs.leaf.init);
    return [
      "@torch.no_grad()",
      "def reset_parameters(self) -> None:",
      ...indent([
        `"""Parameters as the ${this.about.isCell ? "cell" : "model"} begins with; and no statistics."""`,
        ...own.filter((op) => !later(op)).flatMap(lines),
        ...own.filter(later).flatMap(lines),
        ...[...this.norms.values()].map(({ path }) => `${attribute(path)}.reset_parameters()`),
      ]),
    ];
  }

  /** `forward`, and what goes with it. */
  private forward(): Forward {
    return new ForwardPrinter({
      graph: this.graph,
      about: this.about,
      axes: this.axes,
      timeAxes: this.timeAxes,
      streams: this.streams,
      inputs: this.inputs,
      helper: this.helper,
      hasRamp: this.needsUpdates,
      param: (name) => attribute(this.paths.get(name)!),
      like: this.like(),
      norms: this.norms,
    }).print();
  }

  /** A tensor that every call has, with the dtype and device of what is computed. */
  private like(): string | undefined {
    const normPaths = new Set([...this.norms.values()].map(({ path }) => path.join(".")));
    const all = this.params.map(({ attrs }) => this.paths.get(attrs.leaf.name)!);
    const own = all.find((path) => !normPaths.has(path.slice(0, -1).join("."))) ?? all[0];
    return own && attribute(own);
  }
}

/** What `forward` is printed from. */
interface ForwardOptions {
  readonly graph: Graph;
  readonly about: ModuleAbout;
  readonly axes: TimeAxes;
  readonly timeAxes: readonly string[];
  readonly streams: boolean;
  readonly inputs: readonly LeafOp[];
  readonly helper: (name: HelperName) => string;
  /** Whether some number changes with the updates done, outside of norms. */
  readonly hasRamp: boolean;
  readonly param: (name: string) => string;
  readonly like: string | undefined;
  readonly norms: ReadonlyMap<string, { readonly path: readonly string[]; readonly made: NormClass }>;
}

interface Input {
  readonly name: string;
  readonly argument: string;
  readonly op: LeafOp;
}

interface Forward {
  readonly lines: readonly string[];
  readonly state: readonly string[];
  readonly inputs: readonly Input[];
  readonly given: readonly string[];
}

/** A value that goes on from call to call. */
interface Carried {
  readonly scan: Op;
  readonly index: number;
  readonly field: string;
  /** In `forward`, after its loop. */
  final?: string;
}

class ForwardPrinter {
  private readonly o: ForwardOptions;
  private readonly names: Namer;
  private readonly inputs: readonly Input[];
  private readonly carried: readonly Carried[];
  private readonly uses: ReadonlyMap<Value, number>;
  private readonly marks = new Map<string, string>();
  private readonly ofMeasures: ReadonlySet<Op>;
  private like: string;

  constructor(o: ForwardOptions) {
    this.o = o;
    const { graph } = o;
    this.names = createNamer(reserved, [
      "state",
      "start",
      "t",
      "T",
      "B",
      "lengths",
      ...o.timeAxes.map(hasName),
      ...o.timeAxes.map((a) => `lengths_${a}`),
    ]);
    this.inputs = o.inputs.map((op) => ({
      name: op.attrs.leaf.name,
      argument: this.names.of(`input ${op.attrs.leaf.name}`, op.attrs.leaf.name),
      op,
    }));
    const fields = createNamer(reserved, ["t", "index", "count"]);
    this.carried = !o.streams
      ? []
      : graph.ops.flatMap((op) =>
          op.op === "scan"
            ? op
                .body!.params.slice(0, op.attrs.states)
                .map((p, index): Carried => ({ scan: op, index, field: fields.fresh(p.name || "s") }))
            : [],
        );
    this.uses = usesOf(
      graph.ops,
      graph.results.map((r) => r.value),
    );
    const outputs = behind(
      graph.ops,
      graph.results.filter(({ kind }) => kind === "output").map((r) => r.value),
      o.streams,
    );
    this.ofMeasures = new Set(graph.ops.filter((op) => !outputs.has(op)));
    const first = this.inputs.find(({ op }) => op.attrs.type.dtype === "f32");
    this.like = o.like ?? first?.argument ?? "x";
  }

  print(): Forward {
    const { graph, about, streams } = this.o;
    const ops = graph.ops.filter((op) => !this.ofMeasures.has(op));
    const outputs = graph.results.filter(({ kind }) => kind === "output");
    const measures = graph.results.filter(({ kind }) => kind === "loss" || kind === "metric");
    const inputs = this.inputs.filter(({ op }) => ops.includes(op));
    const hasLoss = !about.isCell && measures.length > 0;
    const shared = hasLoss ? this.shared(ops, measures) : [];
    const hasState = streams && this.carried.length > 0;
    const signature = this.signature(inputs, hasState);
    const args = signature.map((argument) => argument.slice(0, argument.indexOf(":")));

    const top = new Block(this.surroundings());
    const body = this.beginning(inputs);
    top.ops(ops);
    const returned = hasLoss
      ? [...outputs.map((r) => this.whole(r.value, top)), ...shared.map((v) => this.whole(v, top))]
      : outputs.map((r) => this.returned(r, top));
    const state = hasState
      ? [`State(${[...this.carried.map((c) => c.final!), this.timed(inputs) ? "start + T" : "start"].join(", ")})`]
      : [];
    const stateType = hasState ? ["State"] : [];
    const computing = [...body, ...top.lines, ...this.collectLines(), `return ${[...returned, ...state].join(", ")}`];
    const head = (name: string, types: readonly string[]): string =>
      `def ${name}(${["self", ...signature].join(", ")}) -> ${types.length === 1 ? types[0] : `Tuple[${types.join(", ")}]`}:`;
    const outputTypes = [...outputs.map(() => "Tensor"), ...stateType];
    const doc = this.forwardDoc(inputs, outputs);
    const step = hasState && this.timed(inputs) ? ["", ...this.stepLines(inputs, outputs)] : [];
    if (!hasLoss)
      return {
        lines: [head("forward", outputTypes), ...indent([...doc, ...computing]), ...step],
        state: this.stateLines(),
        inputs: this.inputs,
        given: inputs.map(({ argument }) => argument),
      };
    const local = createNamer(reserved, [...args, "state"]);
    const results = outputs.map((r) => ({ r, name: local.fresh(r.name) }));
    const all = [...results.map(({ name }) => name), ...shared.map(() => "_"), ...(hasState ? ["state"] : [])];
    const lines = [
      head("forward", outputTypes),
      ...indent([
        ...doc,
        `${all.join(", ")} = self.values(${args.join(", ")})`,
        `return ${[...results.map(({ r, name }) => this.examplesFirst(name, r.value, inputs)), ...(hasState ? ["state"] : [])].join(", ")}`,
      ]),
      "",
      head("values", [...outputs.map(() => "Tensor"), ...shared.map(() => "Tensor"), ...stateType]),
      ...indent([`"""What outputs and losses are made of, time first."""`, ...computing]),
      ...step,
      "",
      ...this.lossLines(measures, inputs, outputs, shared, hasState),
    ];
    return { lines, state: this.stateLines(), inputs: this.inputs, given: inputs.map(({ argument }) => argument) };
  }

  /** What losses and metrics need of the ops that make outputs, besides leaves and numbers. */
  private shared(ops: readonly Op[], measures: readonly Result[]): readonly Value[] {
    const made = new Set(ops.filter((op) => !isAgain(op)).flatMap((op) => op.results));
    const outputs = new Set(this.o.graph.results.filter(({ kind }) => kind === "output").map((r) => r.value));
    const read = [...[...this.ofMeasures].flatMap(reads), ...measures.map((r) => r.value)];
    return [...new Set(read)].filter((v) => made.has(v) && !outputs.has(v));
  }

  private whole(v: Value, top: Block): string {
    return top.stretchedTo(v, v.type).text.text;
  }

  /** The loss and the metrics of a batch. */
  private lossLines(
    measures: readonly Result[],
    inputs: readonly Input[],
    outputs: readonly Result[],
    shared: readonly Value[],
    hasState: boolean,
  ): readonly string[] {
    this.marks.clear();
    this.inLoss = true;
    const { graph } = this.o;
    const read = new Set([...this.ofMeasures].flatMap(reads));
    const ops = graph.ops.filter(
      (op) => this.ofMeasures.has(op) || (isAgain(op) && op.results.some((v) => read.has(v))),
    );
    const all = this.inputs.filter((input) => inputs.includes(input) || ops.includes(input.op));
    if (this.axesOf(all).length > this.axesOf(inputs).length)
      throw new NotInPytorch("its loss is over a time axis that no output depends on", "give it an output over that axis");
    const signature = this.signature(all, false);
    const passed = this.signature(inputs, false).map((argument) => argument.slice(0, argument.indexOf(":")));
    const block = new Block(this.surroundings());
    const beginning = this.beginning(all, false);
    const given = [...outputs.map((r) => r.value), ...shared].map((v) => {
      const name = this.names.fresh(v.name || "value");
      block.set(v, { text: atom(name), kind: "tensor", leaded: v.type.time || v.type.batch });
      return name;
    });
    block.ops(ops);
    const [loss] = measures.filter(({ kind }) => kind === "loss");
    const metrics = measures.filter(({ kind }) => kind === "metric");
    const entries = metrics.map((r) => `${JSON.stringify(r.name)}: ${this.whole(r.value, block)}`);
    const values = [...given, ...(hasState ? ["_"] : [])];
    return [
      `def loss(${["self", ...signature].join(", ")}) -> Tuple[Tensor, Dict[str, Tensor]]:`,
      ...indent([
        `"""The loss of a batch, and its metrics by name."""`,
        `${values.length === 1 ? values[0] : values.join(", ")} = self.values(${passed.map((name) => (name.startsWith("lengths") ? `${name}=${name}` : name)).join(", ")})`,
        ...beginning,
        ...block.lines,
        `metrics: Dict[str, Tensor] = {${entries.join(", ")}}`,
        `return ${loss ? this.whole(loss.value, block) : "torch.zeros(())"}, metrics`,
      ]),
    ];
  }

  private timed(inputs: readonly Input[]): boolean {
    return inputs.some(({ op }) => op.attrs.type.time);
  }

  private signature(inputs: readonly Input[], state: boolean): readonly string[] {
    const required = inputs.map(({ argument }) => `${argument}: Tensor`);
    const axes = this.axesOf(inputs);
    return [
      ...required,
      ...(state ? ["state: Optional[State] = None"] : []),
      ...axes.map((axis) => `${lengthsName(axis)}: Optional[Tensor] = None`),
    ];
  }

  private axesOf(inputs: readonly Input[]): readonly string[] {
    return [...new Set(inputs.filter(({ op }) => op.attrs.type.time).map(({ op }) => axisOf(op.attrs.leaf)))].sort();
  }

  private forwardDoc(inputs: readonly Input[], outputs: readonly Result[]): readonly string[] {
    const shape = (type: Type): string =>
      `[${[...(type.batch ? ["batch"] : []), ...(type.time ? ["time"] : []), ...type.shape.map((d) => extent(d, (n) => n).text)].join(", ")}]`;
    const given = inputs.map(({ argument, op }) => `${argument} ${shape(op.attrs.type)}`).join(", ");
    const made = outputs.map((r) => `${r.name} ${shape(r.value.type)}`).join(", ");
    const state = this.carried.length > 0 ? " and the state after the last step" : "";
    return [
      `"""`,
      `${given} → ${made}${state}.`,
      "",
      ...(this.axesOf(inputs).length > 0
        ? [
            "`lengths` [batch]: how many steps each example has, if not all. What stands after its last step counts nowhere.",
          ]
        : []),
      `"""`,
    ];
  }

  /** Inputs, time first; sizes; which steps there are; the state before. */
  private beginning(inputs: readonly Input[], isForward = true): readonly string[] {
    const lines: string[] = [];
    const timed = inputs.filter(({ op }) => op.attrs.type.time);
    const axes = this.axesOf(inputs);
    for (const { argument } of timed) lines.push(`${argument} = ${argument}.transpose(0, 1)`);
    const [first] = timed;
    const lengthOf = (axis: string): string =>
      `${timed.find(({ op }) => axisOf(op.attrs.leaf) === axis)!.argument}.shape[0]`;
    if (first !== undefined) {
      const T = axes.length === 1 ? lengthOf(axes[0]) : `max(${axes.map(lengthOf).join(", ")})`;
      lines.push(`T, B = ${T}, ${first.argument}.shape[1]`);
      for (const axis of axes)
        lines.push(
          `${hasName(axis)} = ${this.o.helper("which_steps")}(${lengthsName(axis)}, ${lengthOf(axis)}, T, ${first.argument})`,
        );
      if (axes.length > 1)
        for (const { argument, op } of timed) {
          lines.push(`own_${axisOf(op.attrs.leaf) || "T"} = ${argument}.shape[0]`);
          lines.push(`${argument} = ${this.o.helper("pad_steps")}(${argument}, T)`);
        }
    } else if (inputs.length > 0) lines.push(`T, B = 1, ${inputs[0].argument}.shape[0]`);
    if (!isForward) lines.push(...(this.measuresSteps ? ["start = 0"] : []));
    else if (this.carried.length > 0) lines.push("start = 0 if state is None else state.t");
    else if (this.usesStart) lines.push("start = 0");
    return lines;
  }

  private get measuresSteps(): boolean {
    return [...this.ofMeasures].some((op) => op.op === "leaf" && op.attrs.leaf.kind === "step");
  }

  private get usesStart(): boolean {
    return (
      [...this.o.norms.values()].some(({ made }) => made.overBatch) ||
      this.o.graph.ops.some((op) => op.op === "leaf" && op.attrs.leaf.kind === "step")
    );
  }

  private surroundings(inLoop?: {
    readonly block: () => Block;
    readonly now: string;
    readonly axis: string;
  }): Surroundings {
    const lead = (type: Type): readonly string[] =>
      inLoop ? (type.batch ? ["B"] : []) : type.time ? ["T", type.batch ? "B" : "1"] : type.batch ? ["B"] : [];
    return {
      names: this.names,
      uses: this.uses,
      outermost: inLoop === undefined,
      like: this.like,
      helper: this.o.helper,
      // A step of a loop looks across examples only in norms.
      across: (text) => (this.o.about.distributed && inLoop === undefined ? call("self.across", text) : text),
      dimension: (name) => {
        if (name === "batch") return this.o.about.distributed && this.inLoss ? this.examplesOfAll() : "B";
        return name === "time" || name === "steps" ? "T" : `self.${name}`;
      },
      shape: (type, features) => list([...lead(type), ...features]),
      has: (axis) => inLoop?.now ?? hasName(axis),
      mark: (mark, axis) => this.mark(mark, axis),
      special: (op, block) => this.special(op, block, inLoop),
    };
  }

  /** A mark as a tensor of the outermost block. */
  private mark(mark: Mark, axis: string): Text {
    const key = `${mark}/${axis}`;
    const known = this.marks.get(key);
    if (known !== undefined) return atom(known);
    const name = this.names.fresh(axis === "" ? mark : `${mark}_${axis}`);
    this.marks.set(key, name);
    const { helper } = this.o;
    const valid = (): string => this.mark("valid", axis).text;
    const text = (): string => {
      switch (mark) {
        case "valid":
          return `${helper("all_steps")}(${hasName(axis)}, T, B, ${this.like})`;
        case "first":
          return `${helper("first_steps")}(${valid()})`;
        case "last":
          return `${helper("last_steps")}(${valid()})`;
        case "examples":
          return this.o.about.distributed
            ? `self.across(${valid()}.sum(1, keepdim=True))`
            : `${valid()}.sum(1, keepdim=True)`;
        case "some":
          return this.o.about.distributed
            ? `${this.mark("examples", axis).text} > 0`
            : `${valid()}.any(1, keepdim=True)`;
        case "span":
          return `${valid()}.sum(0)`;
        case "present": {
          const all = this.o.timeAxes.map((a) => `${this.mark("valid", a).text}.any(0)`);
          return all.length === 0 ? `torch.ones(B, dtype=torch.bool, device=${this.like}.device)` : all.join(" | ");
        }
        default:
          throw new InternalError(`the mark ${mark} is not written in PyTorch`);
      }
    };
    const line = `${name} = ${text()}`;
    this.current.lines.push(line);
    return atom(name);
  }

  /** In a loss: the number of examples of all ranks. */
  private examplesOfAll(): string {
    this.allExamples ??= this.current.assign(
      "examples_of_all",
      `self.across(torch.tensor(float(B), device=${this.like}.device))`,
    );
    return this.allExamples;
  }

  private inLoss = false;
  private allExamples: string | undefined;

  /** The outermost block, where marks are computed. */
  private current!: Block;

  private special(
    op: Op,
    block: Block,
    inLoop?: { readonly now: string; readonly axis: string },
  ): readonly Printed[] | undefined {
    if (inLoop === undefined) this.current = block;
    if (op.op === "leaf") return [this.leaf(op, block)];
    if (op.op === "scan") return this.scan(op, block);
    if (op.op !== "site") return undefined;
    const [x] = op.operands;
    const [y] = op.results;
    const norm = this.o.norms.get(op.attrs.name);
    const hint = op.attrs.name.replaceAll("/", "_");
    if (norm === undefined) {
      const printed = block.of(x);
      // A site without a norm names what stands there.
      const isNamed = /^\w+$/.test(printed.text.text) || printed.kind !== "tensor" || printed.stretched !== undefined;
      return [isNamed ? printed : block.named(y.name ? y : { ...y, name: hint }, printed, hint)];
    }
    const has = (): string => {
      if (inLoop) return inLoop.now;
      if (x.type.time) return hasName(this.o.axes.steps(x).axis ?? "");
      if (this.o.timeAxes.length === 0) return "None";
      const marks = this.o.timeAxes.map(hasName);
      return marks.length === 1 ? `None if ${marks[0]} is None else ${marks[0]}.any(0)` : this.mark("present", "").text;
    };
    const input = block.stretchedTo(x, { ...x.type, batch: true }).text.text;
    const args = norm.made.overBatch ? [input, has(), inLoop ? "start + t" : x.type.time ? "start" : "0"] : [input];
    const text = call(attribute(norm.path), ...args.map(atom));
    const printed: Printed = { text, kind: "tensor", leaded: true };
    return [block.named(y.name ? y : { ...y, name: hint }, printed, hint)];
  }

  private leaf({ attrs: { leaf, type }, results: [v] }: LeafOp, block: Block): Printed {
    const { helper } = this.o;
    switch (leaf.kind) {
      case "param":
        return { text: atom(this.o.param(leaf.name)), kind: "tensor", leaded: false };
      case "input":
      case "index": {
        const { argument } = this.inputs.find(({ name }) => name === leaf.name)!;
        return { text: atom(argument), kind: "tensor", leaded: type.time || type.batch };
      }
      case "step": {
        const text = `torch.arange(start, start + T, dtype=${this.like}.dtype, device=${this.like}.device).unsqueeze(1)`;
        return block.named(v, { text: atom(text), kind: "tensor", leaded: true }, leaf.name);
      }
      case "noise": {
        const shape = block.shape(type);
        const text =
          leaf.distribution === "bernoulli"
            ? `${helper("bernoulli")}(${number(leaf.keep).text}, ${shape}, self.training, ${this.like})`
            : `${helper(leaf.distribution === "normal" ? "randn" : "rand")}(${number(leaf.scale).text}, ${shape}, ${this.like})`;
        const hint = leaf.distribution === "bernoulli" ? "mask" : "noise";
        return block.named(
          { ...v, name: "" },
          { text: atom(text), kind: "tensor", leaded: type.time || type.batch },
          hint,
        );
      }
      case "lengths":
        return {
          text: atom(`<${leaf.mark}>`),
          kind: leaf.mark === "examples" || leaf.mark === "span" ? "tensor" : "bool",
          leaded: true,
          mark: { mark: leaf.mark, axis: leaf.axis ?? "" },
        };
      default:
        throw new InternalError(`a leaf of kind ${leaf.kind} is not written in PyTorch`);
    }
  }

  private scan(scan: OpOf<"scan">, block: Block): readonly Printed[] {
    const body = scan.body!;
    const { states } = scan.attrs;
    const axis = this.o.axes.steps(scan).axis ?? "";
    const params = body.params.slice(0, states);
    const names = params.map((p) => this.names.fresh(p.name || "s"));
    const carried = this.carried.filter((c) => c.scan === scan);
    // First states.
    scan.operands.slice(0, states).forEach((v, k) => {
      const first = block.stretchedTo(v, { ...params[k].type }).text.text;
      const field = carried.find(({ index }) => index === k)?.field;
      block.lines.push(
        field === undefined ? `${names[k]} = ${first}` : `${names[k]} = ${first} if state is None else state.${field}`,
      );
    });
    // What each step reads: a mark is looked up, anything else is unbound.
    const inputs = body.params.slice(states).map((p, k) => ({ param: p, of: scan.operands[states + k] }));
    // A number is what it is at each step.
    const isNumber = (v: Value): boolean => block.of(v).stretched?.from.kind === "number";
    const read = inputs.filter(({ of }) => block.of(of).mark === undefined && !isNumber(of));
    const masked = inputs.some(({ of }) => block.of(of).mark !== undefined) || this.bodyNeedsHas(body.ops);
    const outputs = body.results.slice(states);
    const lists: readonly (string | undefined)[] = outputs.map((_, k) => {
      const result = scan.results[states + k];
      return (this.uses.get(result) ?? 0) > 0 ? this.names.fresh(result.name || "ys") : undefined;
    });
    const now = masked ? this.names.fresh("now") : "None";
    const inner = new Block(this.surroundings({ block: () => inner, now, axis }), block);
    const steps = read.map(({ param, of }) => {
      const name = this.names.fresh(param.name ? `${param.name}_t` : "x_t");
      inner.set(param, { text: atom(name), kind: "tensor", leaded: true });
      return { name, of: method(block.tensor(of), "unbind", "0").text };
    });
    for (const { param, of } of inputs) {
      if (isNumber(of)) inner.set(param, block.of(of));
      const { mark } = block.of(of);
      if (!mark) continue;
      if (mark.mark === "valid") inner.set(param, { text: atom(now), kind: "bool", leaded: true, mark });
      else {
        const outside = this.mark(mark.mark, mark.axis).text;
        inner.set(param, {
          text: atom(`${outside}[t]`),
          kind: mark.mark === "examples" ? "tensor" : "bool",
          leaded: true,
        });
      }
    }
    params.forEach((p, k) => void inner.set(p, { text: atom(names[k]), kind: "tensor", leaded: p.type.batch }));
    inner.ops(body.ops);
    const next = body.results.slice(0, states).map((v) => inner.stretchedTo(v, v.type).text.text);
    const changed = names.flatMap((name, k) => (next[k] === name ? [] : [{ name, to: next[k] }]));
    const isState = (v: Value): number => body.results.slice(0, states).indexOf(v);
    const yields = outputs.map((v, k) => {
      if (lists[k] === undefined) return undefined;
      const state = isState(v);
      if (state >= 0) return { state, text: "" };
      return { state: undefined, text: inner.stretchedTo(v, { ...v.type, batch: true }).text.text };
    });
    for (const name of lists) if (name !== undefined) block.lines.push(`${name}: List[Tensor] = []`);
    const text = (k: number): string => {
      const y = yields[k]!;
      return y.state === undefined ? y.text : names[y.state];
    };
    block.lines.push(
      steps.length === 0
        ? "for t in range(T):"
        : steps.length === 1
          ? `for t, ${steps[0].name} in enumerate(${steps[0].of}):`
          : `for t, (${steps.map((s) => s.name).join(", ")}) in enumerate(zip(${steps.map((s) => s.of).join(", ")})):`,
      ...indent([
        ...(masked ? [`${now} = ${this.o.helper("at_step")}(${hasName(axis)}, t)`] : []),
        ...inner.lines,
        ...lists.flatMap((l, k) =>
          l !== undefined && yields[k]!.state === undefined ? [`${l}.append(${text(k)})`] : [],
        ),
        ...(changed.length > 0
          ? [`${changed.map((c) => c.name).join(", ")} = ${changed.map((c) => c.to).join(", ")}`]
          : []),
        ...lists.flatMap((l, k) =>
          l !== undefined && yields[k]!.state !== undefined ? [`${l}.append(${text(k)})`] : [],
        ),
      ]),
    );
    for (const c of carried) c.final = names[c.index];
    const finals = names.map((name): Printed => ({ text: atom(name), kind: "tensor", leaded: true }));
    const sequences = lists.map((l, k): Printed => {
      if (l === undefined) return { text: atom("None"), kind: "tensor", leaded: true };
      const result = scan.results[states + k];
      const stacked: Printed = { text: call("torch.stack", atom(l)), kind: "tensor", leaded: true };
      return block.placed({ ...result, name: "" }, stacked, result.name || "ys");
    });
    return [...finals, ...sequences];
  }

  private bodyNeedsHas(ops: readonly Op[]): boolean {
    return ops.some((op) => op.op === "site" && this.o.norms.get(op.attrs.name)?.made.overBatch);
  }

  /** An output, with examples first. */
  private returned({ value }: Result, top: Block): string {
    const { text } = top.stretchedTo(value, value.type);
    if (!value.type.time) return text.text;
    const axis = this.o.axes.steps(value).axis ?? "";
    const cut = this.o.timeAxes.length > 1 ? entry(text, `:own_${axis || "T"}`) : text;
    return method(cut, "transpose", "0", "1").text;
  }

  /** An output that \`values\` returned, as \`forward\` returns it. */
  private examplesFirst(name: string, value: Value, inputs: readonly Input[]): string {
    if (!value.type.time) return name;
    if (this.o.timeAxes.length < 2) return `${name}.transpose(0, 1)`;
    const axis = this.o.axes.steps(value).axis ?? "";
    const input = inputs.find(({ op }) => op.attrs.type.time && axisOf(op.attrs.leaf) === axis);
    if (input === undefined) throw new InternalError(`the output ${value.name} has steps that no input has`);
    return `${name}[: ${input.argument}.shape[1]].transpose(0, 1)`;
  }

  private collectLines(): readonly string[] {
    const collected = [...this.o.norms].filter(([, { made }]) => made.hasStatistics);
    const lines = collected.map(([site, { path }]) => `${attribute(path)}.collect(${this.collectArgs(site)})`);
    const all = [...lines, ...(this.o.hasRamp ? ["self.updates += 1"] : [])];
    return all.length === 0 ? [] : ["if self.training:", ...indent(all)];
  }

  private collectArgs(site: string): string {
    let found = "";
    const B = this.o.about.distributed ? ", B" : "";
    const visit = (ops: readonly Op[], scan?: OpOf<"scan">): void => {
      for (const op of ops) {
        if (op.op === "scan") visit(op.body!.ops, op);
        if (op.op !== "site" || op.attrs.name !== site) continue;
        const [x] = op.operands;
        if (scan || x.type.time) {
          const axis = this.o.axes.steps(scan ?? x).axis ?? "";
          found = `${hasName(axis)}, start, T${B}`;
        } else
          found =
            this.o.timeAxes.length === 0
              ? "None, 0, 1"
              : `None if ${hasName(this.o.timeAxes[0])} is None else ${hasName(this.o.timeAxes[0])}.any(0), 0, 1${B}`;
      }
    };
    visit(this.o.graph.ops);
    return found;
  }

  private stateLines(): readonly string[] {
    if (this.carried.length === 0) return [];
    return [
      "class State(NamedTuple):",
      ...indent([
        `"""What goes on from step to step, [batch, …], and how many steps were taken."""`,
        "",
        ...this.carried.map(({ field }) => `${field}: Tensor`),
        "t: int",
      ]),
      "",
      "",
    ];
  }

  private stepLines(inputs: readonly Input[], outputs: readonly Result[]): readonly string[] {
    const timed = (input: Input): boolean => input.op.attrs.type.time;
    const args = inputs.map((input) => (timed(input) ? `${input.argument}.unsqueeze(1)` : input.argument));
    const names = createNamer(reserved, ["state", ...inputs.map(({ argument }) => argument)]);
    const results = outputs.map((r) => ({ name: names.fresh(r.name), time: r.value.type.time }));
    const types = [...outputs.map(() => "Tensor"), "State"];
    return [
      `def step(${["self", ...inputs.map(({ argument }) => `${argument}: Tensor`), "state: Optional[State] = None"].join(", ")}) -> Tuple[${types.join(", ")}]:`,
      ...indent([
        `"""One step of a stream: inputs [batch, …], and the state that the step before returned."""`,
        `${[...results.map((r) => r.name), "state"].join(", ")} = self.forward(${[...args, "state"].join(", ")})`,
        `return ${[...results.map((r) => (r.time ? `${r.name}[:, 0]` : r.name)), "state"].join(", ")}`,
      ]),
    ];
  }
}

/** Whether an op is printed again where it is needed. What is drawn is drawn once. */
const isAgain = (op: Op): boolean =>
  op.op === "leaf" ? op.attrs.leaf.kind !== "noise" : ["const", "iota", "training"].includes(op.op);

const named = (made: NormClass, name: string) => ({ name, lines: made.lines(name) });

const axisOf = (leaf: Leaf): string => ("axis" in leaf ? (leaf.axis ?? "") : "");
const hasName = (axis: string): string => (axis === "" ? "has" : `has_${axis}`);
const lengthsName = (axis: string): string => (axis === "" ? "lengths" : `lengths_${axis}`);

/** The ops that values need. `loops`: all loops count, because their states are results, too. */
function behind(ops: readonly Op[], ends: readonly Value[], loops = false): ReadonlySet<Op> {
  const needed = new Set(ends);
  const found = new Set<Op>();
  for (const op of ops.toReversed()) {
    const isWanted = op.results.some((v) => needed.has(v));
    if (!isWanted && !(loops && op.op === "scan" && false)) continue;
    found.add(op);
    for (const v of reads(op)) needed.add(v);
  }
  return found;
}

const live = (ops: readonly Op[], ends: readonly Value[]): readonly Op[] => {
  const needed = behind(ops, ends);
  return ops.filter((op) => needed.has(op));
};

/** Two blank lines between functions. */
const spaced = (lines: readonly string[]): readonly string[] =>
  lines
    .flatMap((line, i) => (line.startsWith("def ") && i > 1 ? ["", line] : [line]))
    .concat(lines.length > 0 ? ["", ""] : []);
