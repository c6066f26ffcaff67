/** Prints a norm as a class of its own. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { printPolicy } from "../../compiler/ir/leaf-text.ts";
import { STEPS } from "../../compiler/ir/steps.ts";
import type { Graph, Op, OpOf, Type, Value } from "../../compiler/ir/types.ts";
import { atom } from "../../compiler/kernel-ir/c-text.ts";
import { type Definitions, definedBy, definitions, reads } from "../../compiler/passes/rewrite.ts";
import { meanOf, variances } from "../../compiler/passes/variances.ts";
import { createNamer, type Namer } from "../shared/names.ts";
import { Block, type Printed, type Surroundings, usesOf } from "./block.ts";

import { initialLines, lookedAt } from "./initialisers.ts";
import { dimensionNames, reserved } from "./names.ts";
import { beforeLines, collectLines } from "./norm-statistics.ts";
import type { NormPart } from "./population.ts";
import { NotInPytorch } from "./refusal.ts";
import { docstring, extent, indent, list, number } from "./text.ts";

/** A norm at a site. */
export interface PlacedNorm {
  readonly site: string;
  readonly graph: Graph;
  /** Neither in a loop nor of a sequence. */
  readonly isHead: boolean;
}

export interface NormOptions {
  /** The attribute of each of the norm's tensors, by its name in the model. */
  readonly local: (name: string) => string;
  /** Whether a batch may be spread over several processes. */
  readonly distributed: boolean;
}

/** The class, and what calls of it look like. */
export interface NormClass {
  readonly lines: (name: string) => readonly string[];
  /** The class without its name, to find equal ones. */
  readonly key: string;
  /** The dimensions that it is made with. */
  readonly dims: readonly string[];
  readonly hasStatistics: boolean;
  /** Whether all steps share them. */
  readonly isShared: boolean;
  /** For how many steps they are kept, if the cell says so. */
  readonly rows: dim.Dim | undefined;
  /** Whether it looks across examples. */
  readonly overBatch: boolean;
  /** Parameters whose initial values look at those of the module around it. */
  readonly later: readonly OpOf<"leaf">[];
  /** The attributes that keep statistics. */
  readonly tables: readonly string[];
  /** Whether a number of it changes with the updates done. */
  readonly hasRamp: boolean;
  readonly parts: ReadonlySet<NormPart>;
}

type Stat = OpOf<"stat">;
type Sum = OpOf<"sum">;

export function normClass(placed: PlacedNorm, options: NormOptions): NormClass {
  return new NormPrinter(placed, options).print();
}

class NormPrinter {
  private readonly graph: Graph;
  private readonly isHead: boolean;
  private readonly o: NormOptions;
  private readonly defs: Definitions;
  private readonly input: OpOf<"leaf">;
  /** How many features axes the norm's operand has. */
  private readonly rank: number;
  private readonly stats: readonly Stat[];
  private readonly params: readonly OpOf<"leaf">[];
  /** What says whether a population was collected, by name; each is a statistic that is always 1. */
  private readonly collected: readonly string[];
  private readonly isShared: boolean;
  private readonly rows: dim.Dim | undefined;
  private readonly hasRamp: boolean;
  private readonly parts = new Set<NormPart>();
  /** The dimensions that its sizes have, and those that it reads later, by what they are called. */
  private readonly dims = new Map<string, string>();
  private readonly keptDims = new Set<string>();
  private readonly dimNames: Namer;
  private readonly names = createNamer(reserved, ["x", "has", "t"]);
  private readonly uses: ReadonlyMap<Value, number>;

  constructor({ graph, isHead }: PlacedNorm, options: NormOptions) {
    this.graph = graph;
    this.isHead = isHead;
    this.o = options;
    this.defs = definitions(graph.ops);
    const leaves = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
    const input = leaves.find(({ attrs }) => attrs.leaf.kind === "input");
    if (input === undefined) throw new InternalError(`the norm ${graph.name} has no input`);
    this.input = input;
    this.rank = input.attrs.type.shape.length;
    this.params = leaves.filter(({ attrs }) => attrs.leaf.kind === "param");
    this.stats = graph.ops.filter((op): op is Stat => op.op === "stat");
    this.collected = [...new Set(graph.ops.flatMap((op) => (op.op === "population" ? [op.attrs.collected] : [])))];
    const policies = new Set(this.stats.map(({ attrs }) => printPolicy(attrs.policy)));
    if (policies.size > 1)
      throw new NotInPytorch(
        `the statistics of its norm \`${graph.name}\` are kept in several ways`,
        "keep all per step, or all shared",
      );
    const [policy] = this.stats.map(({ attrs }) => attrs.policy);
    this.isShared = policy?.kind === "shared";
    const rows = policy?.kind === "per_step" ? dim.parse(policy.steps) : undefined;
    if (rows && !dim.equal(rows, dim.variable(STEPS))) this.rows = rows;
    this.dimNames = dimensionNames(this.localNames());
    this.hasRamp = graph.ops.some(({ op }) => op === "ramp");
    this.uses = usesOf(
      graph.ops,
      graph.results.map((r) => r.value),
    );
  }

  print(): NormClass {
    const { stats, parts } = this;
    const overBatch = this.graph.ops.some(isOverBatch);
    const hasStatistics = stats.length > 0;
    if (hasStatistics) parts.add("population");
    if (this.isShared) parts.add("shared");
    const forward = this.forwardLines();
    const own = new Set(this.params.map(({ attrs }) => attrs.leaf.name));
    const isLater = ({ attrs: { leaf } }: OpOf<"leaf">): boolean =>
      leaf.kind === "param" && lookedAt(leaf.init).some((name) => !own.has(name));
    const inits = {
      names: createNamer(reserved),
      at: (name: string) => `self.${this.o.local(name)}`,
    };
    const initial = this.params.flatMap((op) => {
      const { leaf, type } = op.attrs;
      if (leaf.kind !== "param") return [];
      const target = `self.${this.o.local(leaf.name)}`;
      // The module around it knows what they begin with.
      return isLater(op) ? [`nn.init.ones_(${target})`] : initialLines(leaf.init, target, type, inits);
    });
    const tables = this.tables();
    const made = this.params.map(
      ({ attrs: { leaf, type } }) =>
        `self.${this.o.local(leaf.name)} = nn.Parameter(torch.empty(${this.sizes(type).join(", ") || "[]"}))`,
    );
    const dims = [...this.dims.values()];
    const lines = (name: string): readonly string[] => [
      `class ${name}(${this.base(hasStatistics)}):`,
      ...indent([
        ...this.docstring(hasStatistics),
        "",
        ...(hasStatistics ? [...this.annotations(), ""] : []),
        ...this.constructorLines(dims, made),
        "",
        "@torch.no_grad()",
        "def reset_parameters(self) -> None:",
        ...indent([
          `"""Parameters as the norm begins with${hasStatistics ? ", and no statistics" : ""}."""`,
          ...initial,
          ...tables.map((s) => `self.${s.name}.zero_()`),
          ...(hasStatistics ? ["self.batches.zero_()"] : []),
          ...(this.hasRamp ? ["self.updates.zero_()"] : []),
          ...(initial.length + tables.length === 0 ? ["return"] : []),
        ]),
        "",
        `def forward(${["self", "x: Tensor", ...(overBatch ? ["has: Optional[Tensor]", "t: int"] : [])].join(", ")}) -> Tensor:`,
        ...indent(forward),
        ...(hasStatistics ? ["", ...this.collecting()] : []),
        ...(this.collected.length > 0 ? ["", ...beforeLines] : []),
      ]),
    ];
    const key = lines("Norm").join("\n");
    const { isShared, hasRamp } = this;
    const kept = tables.map(({ name }) => name);
    return {
      lines,
      key,
      dims: [...this.dims.keys()],
      hasStatistics,
      isShared,
      rows: this.rows,
      later: this.params.filter(isLater),
      tables: kept,
      hasRamp,
      overBatch,
      parts,
    };
  }

  private collecting(): readonly string[] {
    const { isShared, isMuteAlone, hasRamp } = this;
    return collectLines({
      ...{ isShared, isMuteAlone, hasRamp },
      tables: this.tables().map(({ name }) => `self.${name}`),
      own: this.stats.length,
      distributed: this.o.distributed,
      isBounded: this.rows !== undefined,
    });
  }

  /** What its tensors are called. */
  private localNames(): readonly string[] {
    const { local } = this.o;
    return [
      ...this.params.map(({ attrs }) => local(attrs.leaf.name)),
      ...this.stats.map(({ attrs }) => local(attrs.name)),
      ...this.collected.map(local),
    ];
  }

  private base(hasStatistics: boolean): string {
    if (!hasStatistics) return "nn.Module";
    return this.isShared ? "SharedPopulation" : "Population";
  }

  private docstring(hasStatistics: boolean): readonly string[] {
    const of = hasStatistics ? "; x is a step [batch, features] or a sequence [time, batch, features]" : "";
    return [docstring(`The norm \`${this.graph.name}\`${of}.`)];
  }

  /** TorchScript looks for them in the class itself. */
  private annotations(): readonly string[] {
    return [
      ...["seen: List[List[Tensor]]", "settled: List[Tensor]", "batches: Tensor"],
      ...this.tables().map((s) => `${s.name}: Tensor`),
    ];
  }

  private constructorLines(dims: readonly string[], made: readonly string[]): readonly string[] {
    const hasStatistics = this.stats.length > 0;
    const steps = this.isShared ? [] : ["steps"];
    const args = [
      "self",
      ...dims.map((d) => `${d}: int`),
      ...(hasStatistics ? [...steps.map((s) => `${s}: int`), "momentum: float"] : []),
    ];
    const given = hasStatistics ? [String(this.tables().length), ...steps, "momentum"] : [];
    const rows = this.isShared ? "1" : "steps";
    const kept = dims.filter((d) => this.keptDims.has(d));
    return [
      `def __init__(${args.join(", ")}):`,
      ...indent([
        `super().__init__(${given.join(", ")})`,
        ...(kept.length > 0 ? [`${kept.map((d) => `self.${d}`).join(", ")} = ${kept.join(", ")}`] : []),
        ...made,
        ...this.tables().map((s) => `self.register_buffer("${s.name}", torch.zeros(${[rows, ...s.shape].join(", ")}))`),
        ...(this.hasRamp ? [`self.register_buffer("updates", torch.zeros((), dtype=torch.float64))`] : []),
        "self.reset_parameters()",
      ]),
    ];
  }

  /** The tables of statistics, and the shape of a row. */
  private tables(): readonly { readonly name: string; readonly shape: readonly string[] }[] {
    return [
      ...this.stats.map((op) => ({ name: this.o.local(op.attrs.name), shape: this.sizes(op.results[0].type) })),
      ...this.collected.map((name) => ({ name: this.o.local(name), shape: [] })),
    ];
  }

  /** A shape in the constructor. */
  private sizes(type: Type): readonly string[] {
    return type.shape.map((d) => extent(d, (name) => this.dimension(name)).text);
  }

  private dimension(name: string): string {
    const called = this.dimNames.of(name);
    this.dims.set(name, called);
    return called;
  }

  /**
   * What statistics and the result need alike comes first; then statistics, the batch's or the population's; then the result. What needs
   * a statistic and is needed by both is printed twice.
   */
  private forwardLines(): readonly string[] {
    const { graph, stats, o } = this;
    const statValues = new Set<Value>(stats.flatMap((op) => op.results));
    const behind = (ends: readonly Value[]): ReadonlySet<Op> => {
      const needed = new Set(ends.filter((v) => !statValues.has(v)));
      const found = new Set<Op>();
      for (const op of graph.ops.toReversed()) {
        if (op.op === "stat" || !op.results.some((v) => needed.has(v))) continue;
        found.add(op);
        for (const v of reads(op)) if (!statValues.has(v)) needed.add(v);
      }
      return found;
    };
    const afterStats = new Set<Value>(statValues);
    for (const op of graph.ops)
      if (reads(op).some((v) => afterStats.has(v))) for (const r of op.results) afterStats.add(r);
    const pairs = this.pairs();
    const paired = new Set<Op>([...pairs.values()].map(({ variance }) => variance));
    const ofStats = behind(
      stats.flatMap((op) =>
        paired.has(op) ? [] : pairs.has(op) ? [pairs.get(op)!.sum.operands[0]] : [op.operands[0]],
      ),
    );
    const ofResult = behind(graph.results.map((r) => r.value));
    const isFirst = (op: Op): boolean =>
      ofStats.has(op) && ofResult.has(op) && !op.results.some((v) => afterStats.has(v));

    const around = this.surroundings();
    const top = new Block(around);
    top.ops(graph.ops.filter(isFirst));
    const statNames = new Map(stats.map((op) => [op, this.names.fresh(o.local(op.attrs.name))]));
    const training = new Block(around, top);
    for (const op of graph.ops) {
      if (op.op === "stat") {
        if (!paired.has(op)) training.lines.push(this.recordLine(op, pairs, statNames, training));
        training.set(op.results[0], tensor(statNames.get(op)!));
      } else if (ofStats.has(op) && !isFirst(op)) training.ops([op]);
    }
    const looked = stats.map((op) => `${statNames.get(op)!} = ${this.populationText(op.attrs.name)}`);
    for (const op of stats) top.set(op.results[0], tensor(statNames.get(op)!));
    const rest = new Block(around, top);
    rest.ops(graph.ops.filter((op) => ofResult.has(op) && !isFirst(op)));
    const returned = rest.tensor(graph.results[0].value).text;
    return [
      ...top.lines,
      ...(stats.length > 0
        ? ["if self.training:", ...indent([...this.aloneLines(), ...training.lines]), "else:", ...indent(looked)]
        : []),
      ...rest.lines,
      `return ${returned}`,
    ];
  }

  /** Whether a variance is over examples alone, so that a single one has none. */
  private get isMuteAlone(): boolean {
    return [...this.pairs().values()].some(
      ({ sum: { attrs } }) => attrs.axes.features.length === 0 && !attrs.axes.time,
    );
  }

  private aloneLines(): readonly string[] {
    if (!this.isMuteAlone) return [];
    const one = `x.shape[${-this.rank - 1}] == 1`;
    return [`self.alone = ${one}${this.o.distributed ? " and self.ranks == 1" : ""}`];
  }

  private populationText(name: string): string {
    return `self.population(self.${this.o.local(name)}, t, x, ${this.rank})`;
  }

  /** A mean over examples with the variance about it that follows: by the mean's statistic. */
  private pairs(): ReadonlyMap<Stat, { readonly variance: Stat; readonly sum: Sum }> {
    const { stats } = this;
    const about = variances(this.graph);
    const found = new Map<Stat, { readonly variance: Stat; readonly sum: Sum }>();
    for (const [i, variance] of stats.entries()) {
      const mean = stats[i - 1];
      if (mean === undefined || about.get(variance.attrs.name) !== mean.attrs.name) continue;
      const div = this.defs.get(mean.operands[0]);
      const sum = div && this.meanOver(div);
      const keepsAll = sum && (sum.attrs.axes.keep || sum.attrs.axes.features.length === 0);
      if (sum && keepsAll) found.set(mean, { variance, sum });
    }
    return found;
  }

  /** The line that takes a statistic from the batch, or a mean and its variance. */
  private recordLine(
    op: Stat,
    pairs: ReadonlyMap<Stat, { readonly variance: Stat; readonly sum: Sum }>,
    names: ReadonlyMap<Stat, string>,
    block: Block,
  ): string {
    const i = this.stats.indexOf(op);
    const [own] = op.operands;
    const isPooled = this.input.attrs.type.time && !own.type.time;
    const isWhole = this.isHead || isPooled;
    const pair = pairs.get(op);
    if (pair) {
      const x = block.tensor(pair.sum.operands[0]).text;
      const about = `${this.populationText(op.attrs.name)}${isPooled ? "[:1]" : ""}`;
      const args = [
        ...[String(i), x, axesOf(pair.sum), "has"],
        ...(this.o.distributed ? [about] : []),
        ...(isWhole ? ["True"] : []),
      ];
      return `${names.get(op)!}, ${names.get(pair.variance)!} = self.moments(${args.join(", ")})`;
    }
    const text = block.tensor(own).text;
    const value = own.type.batch
      ? `self.record_mean(${i}, ${text}, ${-own.type.shape.length - 1}, has)`
      : `self.record(${i}, ${text}, ${isWhole ? "None" : "has"})`;
    return `${names.get(op)!} = ${value}`;
  }

  /** The sum in a mean over examples. */
  private meanOver(op: Op): Sum | undefined {
    const mean = op.op === "div" ? meanOf(this.defs, op.results[0]) : undefined;
    return mean?.axes.batch ? definedBy(this.defs, op.operands[0], "sum") : undefined;
  }

  private isOnlyDivided(sum: Sum): boolean {
    return this.graph.ops.every((op) => !op.operands.includes(sum.results[0]) || this.meanOver(op) === sum);
  }

  private surroundings(): Surroundings {
    const { rank } = this;
    const ofSteps = this.input.attrs.type.shape.findIndex((d) => dim.equal(d, dim.variable(STEPS)));
    return {
      names: this.names,
      uses: this.uses,
      outermost: false,
      like: "x",
      across: (text) => text,
      dimension: (name) => {
        if (name === "batch") return `x.shape[${-rank - 1}]`;
        if (name === "time") return "x.shape[0]";
        // All steps of a sequence, as many as the run has.
        if (name === STEPS && ofSteps >= 0) return `x.shape[${ofSteps - rank}]`;
        const called = this.dimension(name);
        this.keptDims.add(called);
        return `self.${called}`;
      },
      shape: (type, features) => {
        if (!type.batch && !type.time) return list(features);
        const lead = `list(x.shape)[: x.dim() - ${rank}]`;
        return features.length === 0 ? lead : `${lead} + ${list(features)}`;
      },
      has: () => "has",
      mark: () => {
        throw new InternalError("a norm asks for a mark");
      },
      special: (op, block) => this.special(op, block),
    };
  }

  private special(op: Op, block: Block): readonly Printed[] | undefined {
    const { o } = this;
    if (op.op === "leaf") {
      const { leaf } = op.attrs;
      if (leaf.kind === "input") return [tensor("x")];
      if (leaf.kind === "param") return [{ text: atom(`self.${o.local(leaf.name)}`), kind: "tensor", leaded: false }];
      throw new NotInPytorch(
        `its norm \`${this.graph.name}\` draws or looks up what is none of its parameters (${leaf.kind})`,
        "place another norm",
      );
    }
    if (op.op === "const" && op.attrs.dims.some((d) => d === "batch" || d === "time")) return [this.count(op, block)];
    const mean = this.meanOver(op);
    if (mean) return [block.placed(op.results[0], tensor(this.reduced("batch_mean", mean, block)), "mean")];
    if (op.op === "sum" && op.attrs.axes.batch) {
      if (this.isOnlyDivided(op)) return [tensor("")];
      return [block.placed(op.results[0], tensor(this.reduced("batch_sum", op, block)), "total")];
    }
    if (op.op === "population") {
      const own = block.of(op.operands[0]).text.text;
      const tables = [op.attrs.name, op.attrs.collected].map((name) => `self.${o.local(name)}`);
      const text = `self.before(${[...tables, own, "t", "x", this.rank].join(", ")})`;
      return [block.placed(op.results[0], tensor(text), `${o.local(op.attrs.name)}_before`)];
    }
    const looksAcross = "axes" in op.attrs ? op.attrs.axes.batch : op.op === "dot" && op.attrs.batch;
    if (looksAcross)
      throw new NotInPytorch(
        `its norm \`${this.graph.name}\` takes a ${op.op} over examples`,
        "means and sums over examples can be written",
      );
    return undefined;
  }

  private called(part: "batch_mean" | "batch_sum" | "batch_count"): string {
    this.parts.add(part);
    if (!this.o.distributed) return part;
    if (this.stats.length === 0)
      throw new NotInPytorch(
        `its norm \`${this.graph.name}\` is over the batch without statistics`,
        "export it for one process, without --distributed",
      );
    return `self.${part}`;
  }

  private reduced(part: "batch_mean" | "batch_sum", sum: Sum, block: Block): string {
    const [x] = sum.operands;
    const { axes } = sum.attrs;
    const text = `${this.called(part)}(${block.tensor(x).text}, ${axesOf(sum)}, ${x.type.batch ? "has" : "None"})`;
    // Without the feature axes that the reduction does not keep.
    const gone = axes.keep ? [] : axes.features.toReversed();
    return gone.reduce((made, i) => `${made}.squeeze(${i - x.type.shape.length})`, text);
  }

  /** A number of examples or steps by itself. */
  private count(op: OpOf<"const">, block: Block): Printed {
    const { dims, value } = op.attrs;
    // What divides a sum over examples is printed with it.
    const readers = this.graph.ops.filter(({ operands }) => operands.includes(op.results[0]));
    if (readers.every((reader) => this.meanOver(reader))) return tensor("");
    const lead = [
      ...(dims.includes("time") ? [-this.rank - 2] : []),
      ...(dims.includes("batch") ? [-this.rank - 1] : []),
    ];
    const features = dims.filter((d) => d !== "batch" && d !== "time");
    const factors = [
      `${this.called("batch_count")}(x, ${list(lead.map(String))}, has)`,
      ...(value === 1 ? [] : [number(value).text]),
      ...features.map((d) => block.extent(dim.parse(d)).text),
    ];
    return tensor(factors.length === 1 ? factors[0] : `(${factors.join(" * ")})`);
  }
}

const tensor = (text: string): Printed => ({ text: atom(text), kind: "tensor", leaded: true });

/** The axes of a sum over examples, counted from the end. */
function axesOf({ attrs: { axes }, operands: [x] }: Sum): string {
  const n = x.type.shape.length;
  const lead = [...(axes.time ? [-n - 2] : []), ...(axes.batch ? [-n - 1] : [])];
  return list([...lead, ...axes.features.map((i) => i - n)].map(String));
}

const isOverBatch = (op: Op): boolean =>
  ("axes" in op.attrs && op.attrs.axes.batch) ||
  op.op === "group_sum" ||
  op.op === "stat" ||
  (op.op === "const" && op.attrs.dims.includes("batch"));
