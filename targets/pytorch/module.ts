/** Prints a model as a file of Python with a PyTorch module. */
import { TimeAxes } from "../../compiler/ir/time-axes.ts";
import type { Graph, Op, OpOf, Result, Value } from "../../compiler/ir/types.ts";
import type { ModuleForm } from "../../compiler/module-form.ts";
import { behind } from "../../compiler/passes/rewrite.ts";
import { createNamer } from "../shared/names.ts";
import { axisOf } from "./arguments.ts";
import type { NormAt } from "./collecting.ts";
import { type Forward, ForwardPrinter } from "./forward.ts";
import { helperLines, helperNames } from "./helpers.ts";
import { attribute, className, dimensionNames, reserved, tensorPaths } from "./names.ts";
import { type NormClass, normClass } from "./norm.ts";
import { populationLines } from "./population.ts";
import { NotInPytorch } from "./refusal.ts";
import { type Checked, type FilesBeside, selfCheckLines } from "./self-check.ts";
import { Tensors } from "./tensors.ts";
import { docstring, inDocstring, indent } from "./text.ts";
import { importsFor, wordsIn, wrapped } from "./tidy.ts";

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
  /** The arguments of the constructor, by the names of the dimensions. */
  readonly dims: ReadonlyMap<string, string>;
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

/** The file. Throws `NotInPytorch` for what modules are not printed with. */
export function pytorchModule(form: ModuleForm, about: ModuleAbout): PytorchModule {
  return new Module(form, about).print();
}

class Module {
  private readonly graph: Graph;
  private readonly about: ModuleAbout;
  private readonly streams: boolean;
  private readonly axes: TimeAxes;
  private readonly paths: ReadonlyMap<string, readonly string[]>;
  private readonly norms = new Map<string, NormAt>();
  private readonly leaves: readonly LeafOp[];
  private readonly declared: readonly LeafOp[];
  /** Inputs that only say how many examples and steps there are. */
  private readonly sizing: ReadonlySet<string>;
  private readonly dims: readonly string[];
  /** What a dimension is called. */
  private readonly dim: (name: string) => string;
  /** Time axes, the main one as "", which inputs have. */
  private readonly timeAxes: readonly string[];

  constructor({ graph, declared, noStream }: ModuleForm, about: ModuleAbout) {
    this.declared = declared;
    const results = about.isCell ? graph.results.filter(({ kind }) => kind === "output") : graph.results;
    const values = (of: readonly Result[]): readonly Value[] => of.map((r) => r.value);
    const ops = live(graph.ops, values(results));
    const outputs = live(graph.ops, values(results.filter(({ kind }) => kind === "output")));
    // What needs no input still has as many examples and steps as there are.
    const isTimed = outputs.some((op) => op.op === "scan" || op.results.some((v) => v.type.time));
    const known = outputs.filter(isGiven);
    const sizing = declared.filter(isGiven).filter(({ attrs: { leaf, type } }) => {
      if (leaf.kind === "input" && leaf.target) return false;
      return known.length === 0 || (isTimed && type.time && !known.some(({ attrs }) => attrs.type.time));
    });
    this.sizing = new Set(sizing.map(({ attrs }) => attrs.leaf.name));
    if (known.length + sizing.length === 0 && results.some(({ value: { type } }) => type.time || type.batch))
      throw new NotInPytorch("it has no inputs, which would say how many examples there are", "give it an input");
    const has = new Set(ops.filter(isGiven).map(({ attrs }) => attrs.leaf.name));
    this.graph = { ...graph, results, ops: [...sizing.filter(({ attrs }) => !has.has(attrs.leaf.name)), ...ops] };
    this.about = about;
    this.streams = noStream === undefined;
    this.axes = TimeAxes.of(this.graph);
    this.leaves = [...this.graph.ops, ...this.usedNorms().flatMap(({ graph: norm }) => norm.ops)].filter(
      (op): op is LeafOp => op.op === "leaf",
    );
    this.dims = Object.keys(about.dims);
    this.paths = tensorPaths(this.tensorNames());
    const taken = [...this.paths.values(), ...this.usedNorms().map(({ site }) => this.normPath(site))].map(
      ([first]) => first,
    );
    const dims = dimensionNames(taken);
    this.dim = (name) => dims.of(name);
    this.dims.forEach(this.dim);
    this.timeAxes = [
      ...new Set(this.inputs.filter(({ attrs }) => attrs.type.time).map(({ attrs }) => axisOf(attrs.leaf))),
    ].sort();
    for (const placed of this.usedNorms()) {
      const path = this.normPath(placed.site);
      const { axis } = placed;
      const made = normClass(
        { ...placed, isHead: axis === undefined },
        {
          local: (name) => this.localOf(name, placed.site),
          distributed: this.distributed,
        },
      );
      this.norms.set(placed.site, { path, made, axis });
    }
  }

  private get needsUpdates(): boolean {
    const has = (op: Op): boolean => op.op === "ramp" || (op.body?.ops.some(has) ?? false);
    return this.graph.ops.some(has);
  }

  private get distributed(): boolean {
    return this.about.distributed ?? false;
  }

  /** The sites that have norms, with the time axis of their steps: undefined if they have none. */
  private usedNorms() {
    const found: { site: string; graph: Graph; axis: string | undefined }[] = [];
    const visit = (ops: readonly Op[], scan?: OpOf<"scan">): void => {
      for (const op of ops) {
        if (op.op === "scan") visit(op.body!.ops, op);
        if (op.op !== "site") continue;
        const graph = this.graph.norms.get(op.attrs.name);
        if (!graph || found.some(({ site }) => site === op.attrs.name)) continue;
        const [x] = op.operands;
        const axis = scan || x.type.time ? (this.axes.steps(scan ?? x).axis ?? "") : undefined;
        found.push({ site: op.attrs.name, graph, axis });
      }
    };
    visit(this.graph.ops);
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
    return this.leaves.filter((op) => own.has(op) && isGiven(op));
  }

  /** Where a norm's module is: where its tensors are, or, if it has none, where its site's name says. */
  private normPath(site: string): readonly string[] {
    for (const [name, path] of this.paths) {
      const parts = name.split("/");
      if (parts.slice(0, -1).join("/") === site) return path.slice(0, -1);
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
    const classes = [
      ...populationLines(parts, this.distributed),
      ...[...new Map([...normClasses.values()].map((n) => [n.name, n.lines])).values()].flatMap((l) => [...l, "", ""]),
      ...lines,
      ...(this.about.files ? ["", "", ...selfCheckLines(this.about.files, this.checked(name, forward))] : []),
    ];
    const used = wordsIn(classes);
    const code = [...spaced([...helperLines(new Set(helperNames.filter((helper) => used.has(helper))))]), ...classes];
    const file = [...this.docstring(name), ...importLines(code), "", "", ...wrapped(code)];
    const text = `${file
      .join("\n")
      .replace(/\n{4,}/g, "\n\n\n")
      .trimEnd()}\n`;
    const inputs = new Map(forward.inputs.map(({ name: input, argument }) => [input, argument]));
    const dims = new Map(this.dims.map((d) => [d, this.dim(d)]));
    return { text, className: name, dims, inputs, forwardInputs: forward.given, paths: this.paths, ...this.kept() };
  }

  private checked(className: string, forward: Forward): Checked {
    const given = new Set(forward.given);
    const outputs = this.graph.results.flatMap(({ kind, name }) => (kind === "output" ? [name] : []));
    return {
      className,
      inputs: forward.inputs
        .filter(({ argument }) => given.has(argument))
        .map(({ name, argument, op }) => ({ name, argument, isIndex: op.attrs.type.dtype === "index" })),
      outputs: outputs.length > 0 ? outputs : ["loss"],
      inTraining: !this.leaves.some(({ attrs }) => attrs.leaf.kind === "noise"),
    };
  }

  /** What the module keeps besides parameters and the tables of statistics. */
  private kept(): Pick<PytorchModule, "statistics" | "updates"> {
    const norms = [...this.norms.values()].map(({ path, made, axis }) => ({ path: path.join("."), made, axis }));
    return {
      statistics: norms.flatMap(({ path, made, axis }) =>
        made.hasStatistics
          ? [
              {
                batches: `${path}.batches`,
                tables: made.tables.map((table) => `${path}.${table}`),
                axis,
                isShared: made.isShared,
              },
            ]
          : [],
      ),
      updates: [
        ...norms.flatMap(({ path, made }) => (made.hasRamp ? [`${path}.updates`] : [])),
        ...(this.needsUpdates ? ["updates"] : []),
      ],
    };
  }

  private docstring(name: string): readonly string[] {
    const { about, source } = this.about;
    return [
      `"""${[`${name}: \`${this.graph.name}\`, as a PyTorch module.`, "", ...about, ...(about.length > 0 ? [""] : []), "The text that it is made from:", "", ...indent(source.trimEnd().split("\n"))].map((line) => inDocstring(line)).join("\n")}`,
      `"""`,
      "",
    ];
  }

  private normClasses(root: string): ReadonlyMap<string, { readonly name: string; readonly lines: readonly string[] }> {
    const names = createNamer(reserved, [root, "State", "Population", "SharedPopulation", ...this.dims.map(this.dim)]);
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
    const norms = [...this.norms.values()].map(({ made }) => made);
    const args = [
      "self",
      ...this.dims.map((d) => `${this.dim(d)}: int = ${dims[d]}`),
      ...(norms.some((norm) => norm.hasStatistics && !norm.isShared && norm.rows === undefined)
        ? [`steps: int = ${steps}`]
        : []),
      ...(norms.some((norm) => norm.hasStatistics) ? [`momentum: float = ${momentum}`] : []),
    ];
    const { paths, params, declared, dim } = this;
    const tensors = new Tensors({
      ...{ paths, params, declared, dim },
      isCell: this.about.isCell,
      norms: this.norms,
    });
    return [
      ...forward.state,
      `class ${name}(${this.distributed ? "Synchronised" : "nn.Module"}):`,
      ...indent([
        docstring(this.about.about[0] ?? `The ${this.about.isCell ? "cell" : "model"} \`${this.graph.name}\`.`),
        "",
        `def __init__(${args.join(", ")}):`,
        ...indent([
          "super().__init__()",
          ...(this.dims.length > 0
            ? [`${this.dims.map((d) => `self.${this.dim(d)}`).join(", ")} = ${this.dims.map(this.dim).join(", ")}`]
            : []),
          ...tensors.constructorLines(normClasses),
          ...(this.needsUpdates ? [`self.register_buffer("updates", torch.zeros((), dtype=torch.float64))`] : []),
          "self.reset_parameters()",
        ]),
        "",
        ...tensors.resetLines(),
        "",
        ...forward.lines,
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
      sizing: this.sizing,
      hasRamp: this.needsUpdates,
      param: (name) => attribute(this.paths.get(name)!),
      like: this.like(),
      dim: this.dim,
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

const named = (made: NormClass, name: string) => ({ name, lines: made.lines(name) });

function importLines(code: readonly string[]): readonly string[] {
  const standard = importsFor(code, {
    modules: ["json", "math", "sys"],
    from: [
      { module: "pathlib", names: ["Path"] },
      { module: "typing", names: ["Dict", "List", "NamedTuple", "Optional", "Tuple"] },
    ],
  });
  const ofTorch = importsFor(code, {
    modules: ["torch", "torch.distributed as dist", "torch.nn.functional as F"],
    from: [
      { module: "torch", names: ["Tensor", "nn"] },
      { module: "torch.distributed.nn.functional", names: ["all_reduce"] },
    ],
  });
  return [...standard, ...(standard.length > 0 ? [""] : []), ...ofTorch];
}

const isGiven = (op: Op): op is LeafOp =>
  op.op === "leaf" && (op.attrs.leaf.kind === "input" || op.attrs.leaf.kind === "index");

const live = (ops: readonly Op[], ends: readonly Value[]): readonly Op[] => {
  const needed = behind(ops, ends);
  return ops.filter((op) => needed.has(op));
};

/** Two blank lines between functions. */
const spaced = (lines: readonly string[]): readonly string[] =>
  lines
    .flatMap((line, i) => (line.startsWith("def ") && i > 1 ? ["", line] : [line]))
    .concat(lines.length > 0 ? ["", ""] : []);
