/** Prints a norm as a class of its own. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { STEPS } from "../../compiler/ir/steps.ts";
import type { Graph, Op, OpOf, Type, Value } from "../../compiler/ir/types.ts";
import { atom, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { definedBy, definitions, reads } from "../../compiler/passes/rewrite.ts";
import { meanOf, variances } from "../../compiler/passes/variances.ts";
import { createNamer } from "../shared/names.ts";
import { Block, type Printed, type Surroundings, usesOf } from "./block.ts";
import type { HelperName } from "./helpers.ts";
import { initialLines } from "./initialisers.ts";
import { reserved } from "./names.ts";
import { extent, inDocstring, indent, list, number } from "./text.ts";

/** A norm at a site. */
export interface PlacedNorm {
  readonly site: string;
  readonly graph: Graph;
  /** Neither in a loop nor of a sequence. */
  readonly isHead: boolean;
}

/** What calls of a norm's class look like, and what it needs of its module. */
export interface NormClass {
  readonly lines: (name: string) => readonly string[];
  /** The norm without its name, to find equal ones. */
  readonly key: string;
  /** The dimensions that it is made with. */
  readonly dims: readonly string[];
  readonly hasStatistics: boolean;
  readonly isShared: boolean;
  /** Whether it looks across examples. */
  readonly overBatch: boolean;
  readonly parts: ReadonlySet<NormPart>;
}

/** Text that the file needs beside the class. */
export type NormPart = "batch_mean" | "batch_sum" | "batch_count" | "population" | "shared";

type Stat = OpOf<"stat">;

/** `local`: the attribute of each of the norm's tensors, by its name in the model. */
export function normClass(
  { graph, isHead }: PlacedNorm,
  local: (name: string) => string,
  helper: (name: HelperName) => string,
): NormClass {
  const parts = new Set<NormPart>();
  const dims = new Set<string>();
  const defs = definitions(graph.ops);
  const stats = graph.ops.filter((op): op is Stat => op.op === "stat");
  const leaves = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  const input = leaves.find(({ attrs }) => attrs.leaf.kind === "input");
  if (input === undefined) throw new InternalError(`the norm ${graph.name} has no input`);
  const rank = input.attrs.type.shape.length;
  const [y] = graph.results;
  const overBatch = graph.ops.some(isOverBatch);
  const names = createNamer(reserved, ["x", "has", "t"]);
  const indexOf = (name: string): number => stats.findIndex(({ attrs }) => attrs.name === name);
  const policies = new Set(stats.map(({ attrs }) => attrs.policy.kind));
  if (policies.size > 1) throw new InternalError(`the statistics of ${graph.name} are kept in several ways`);
  const isShared = policies.has("shared");
  const collected = new Map(
    graph.ops.flatMap((op): [string, OpOf<"population">][] =>
      op.op === "population" ? [[op.attrs.collected, op]] : [],
    ),
  );
  const uses = usesOf(
    graph.ops,
    graph.results.map((r) => r.value),
  );

  const hasOf = (op: OpOf<"sum">): string => (op.operands[0].type.batch ? "has" : "None");
  const axesOf = ({ attrs: { axes }, operands: [x] }: OpOf<"sum">): string => {
    const n = x.type.shape.length;
    const lead = [...(axes.time ? [-n - 2] : []), ...(axes.batch ? [-n - 1] : [])];
    return list([...lead, ...axes.features.map((i) => i - n)].map(String));
  };
  /** Without the feature axes that a reduction does not keep. */
  const squeezed = (text: string, { attrs: { axes }, operands: [x] }: OpOf<"sum">): string => {
    const n = x.type.shape.length;
    return axes.keep ? text : axes.features.toReversed().reduce((made, i) => `${made}.squeeze(${i - n})`, text);
  };
  const meanOver = (op: Op): OpOf<"sum"> | undefined => {
    const mean = op.op === "div" ? meanOf(defs, op.results[0]) : undefined;
    return mean?.axes.batch ? definedBy(defs, op.operands[0], "sum") : undefined;
  };

  const tensor = (text: string): Printed => ({ text: atom(text), kind: "tensor", leaded: true });
  const around: Surroundings = {
    names,
    uses,
    outermost: false,
    like: "x",
    helper,
    dimension: (name) => {
      if (name === "batch") return `x.shape[${-rank - 1}]`;
      if (name === "time") return `x.shape[0]`;
      // All steps of a sequence, as many as the run has.
      const ofSteps = input.attrs.type.shape.findIndex(isAllSteps);
      if (name === STEPS && ofSteps >= 0) return `x.shape[${ofSteps - rank}]`;
      dims.add(name);
      return `self.${name}`;
    },
    shape: (type, features) => {
      if (!type.batch && !type.time) return list(features);
      const lead = `list(x.shape)[:x.dim() - ${rank}]`;
      return features.length === 0 ? lead : `${lead} + ${list(features)}`;
    },
    has: () => "has",
    mark: () => {
      throw new InternalError("a norm asks for a mark");
    },
    special(op, block) {
      if (op.op === "leaf") {
        const { leaf } = op.attrs;
        if (leaf.kind === "input") return [tensor("x")];
        if (leaf.kind === "param") return [{ text: atom(`self.${local(leaf.name)}`), kind: "tensor", leaded: false }];
        throw new InternalError(`a norm with a leaf of kind ${leaf.kind} is not written in PyTorch`);
      }
      if (op.op === "const" && op.attrs.dims.some((d) => d === "batch" || d === "time")) {
        // What divides a sum over the batch is printed there.
        const features = op.attrs.dims.filter((d) => d !== "batch" && d !== "time");
        const axes = [
          ...(op.attrs.dims.includes("time") ? [-rank - 2] : []),
          ...(op.attrs.dims.includes("batch") ? [-rank - 1] : []),
        ];
        const count = `batch_count(x, ${list(axes.map(String))}, has)${".squeeze(-1)".repeat(0)}`;
        const factors = [
          ...(op.attrs.value === 1 ? [] : [number(op.attrs.value).text]),
          ...features.map((d) => block.extent(dim.parse(d)).text),
        ];
        return [
          {
            ...tensor([count, ...factors].join(" * ")),
            text: atom(factors.length === 0 ? count : `(${[count, ...factors].join(" * ")})`),
          },
        ];
      }
      const mean = meanOver(op);
      if (mean) {
        parts.add("batch_mean");
        const [x] = mean.operands;
        return [
          block.placed(
            op.results[0],
            tensor(squeezed(`batch_mean(${block.tensor(x).text}, ${axesOf(mean)}, ${hasOf(mean)})`, mean)),
            "mean",
          ),
        ];
      }
      if (op.op === "sum" && op.attrs.axes.batch) {
        if (isOnlyDivided(op)) return [tensor("")];
        parts.add("batch_sum");
        const [x] = op.operands;
        return [
          block.placed(
            op.results[0],
            tensor(squeezed(`batch_sum(${block.tensor(x).text}, ${axesOf(op)}, ${hasOf(op)})`, op)),
            "total",
          ),
        ];
      }
      if ((op.op === "maximum" && op.attrs.axes.batch) || (op.op === "dot" && op.attrs.batch))
        throw new InternalError(`${op.op} over examples is not written in PyTorch`);
      if (op.op === "population") {
        const own = block.of(op.operands[0]);
        const at = (table: string): string => `self.population(self.${table}, t, x, ${rank}).clone()`;
        const known = `${at(local(op.attrs.collected))}.reshape([-1] + [1] * ${op.results[0].type.shape.length}) > 0`;
        void known;
        const text = `self.before(self.${local(op.attrs.name)}, self.${local(op.attrs.collected)}, ${own.text.text}, t, x, ${rank})`;
        return [block.placed(op.results[0], tensor(text), `${local(op.attrs.name)}_before`)];
      }
      return undefined;
    },
  };
  const isOnlyDivided = (sum: OpOf<"sum">): boolean =>
    graph.ops.every((op) => !op.operands.includes(sum.results[0]) || meanOver(op) === sum);

  // What statistics are computed by, what the result is, and what both need.
  const statValues = new Set<Value>(stats.flatMap((op) => op.results));
  const behind = (ends: readonly Value[]): Set<Op> => {
    const needed = new Set(ends.filter((v) => !statValues.has(v)));
    const found = new Set<Op>();
    for (const op of graph.ops.toReversed()) {
      if (op.op === "stat" || !op.results.some((v) => needed.has(v))) continue;
      found.add(op);
      for (const v of reads(op)) if (!statValues.has(v)) needed.add(v);
    }
    return found;
  };
  const dependsOnStat = new Set<Value>(statValues);
  for (const op of graph.ops)
    if (reads(op).some((v) => dependsOnStat.has(v))) op.results.forEach((r) => void dependsOnStat.add(r));
  const populations = graph.ops.filter((op): op is OpOf<"population"> => op.op === "population");
  const ofStats = behind(stats.map((op) => op.operands[0]));
  const ofResult = behind([y.value]);
  const first = graph.ops.filter(
    (op) => ofStats.has(op) && ofResult.has(op) && !op.results.some((v) => dependsOnStat.has(v)),
  );
  const training = graph.ops.filter((op) => op.op === "stat" || (ofStats.has(op) && !first.includes(op)));
  const result = graph.ops.filter((op) => ofResult.has(op) && !first.includes(op));

  const top = new Block(around);
  top.ops(first);
  const statNames = new Map(stats.map((op) => [op, names.fresh(local(op.attrs.name))]));
  const recorded = new Block(around, top);
  const about = variances(graph);
  const done = new Set<Op>();
  // A pair of moments is printed at its mean; what only computes it is left out.
  const pairs = new Map<Stat, { readonly variance: Stat; readonly sum: OpOf<"sum"> }>();
  for (const variance of stats) {
    const meanName = about.get(variance.attrs.name);
    const mean = stats.find(({ attrs }) => attrs.name === meanName);
    if (!mean || indexOf(variance.attrs.name) !== indexOf(mean.attrs.name) + 1) continue;
    const div = defs.get(mean.operands[0]);
    const sum = div && meanOver(div);
    if (!sum?.attrs.axes.batch || (!sum.attrs.axes.keep && sum.attrs.axes.features.length > 0)) continue;
    pairs.set(mean, { variance, sum });
  }
  const paired = new Set<Op>([...pairs.values()].map(({ variance }) => variance));
  const neededInTraining = (): readonly Op[] => {
    const ends = stats.flatMap((op) =>
      pairs.has(op) ? [pairs.get(op)!.sum.operands[0]] : paired.has(op) ? [] : [op.operands[0]],
    );
    const still = behind(ends);
    return training.filter((op) => op.op === "stat" || still.has(op));
  };
  for (const op of neededInTraining()) {
    if (op.op !== "stat") {
      recorded.ops([op]);
      continue;
    }
    if (done.has(op)) continue;
    const pair = pairs.get(op);
    const isPooled = input.attrs.type.time && !op.operands[0].type.time;
    const isWhole = isHead || isPooled;
    const has = isWhole ? "None" : "has";
    const name = statNames.get(op)!;
    if (pair) {
      parts.add("batch_mean");
      const second = statNames.get(pair.variance)!;
      const x = recorded.tensor(pair.sum.operands[0]).text;
      recorded.lines.push(
        `${name}, ${second} = self.moments(${indexOf(op.attrs.name)}, ${x}, ${axesOf(pair.sum)}, has${isWhole ? ", True" : ""})`,
      );
      done.add(pair.variance);
    } else {
      const own = recorded.tensor(op.operands[0]).text;
      const value = op.operands[0].type.batch
        ? `self.record_mean(${indexOf(op.attrs.name)}, ${own}, ${-op.operands[0].type.shape.length - 1}, has)`
        : `self.record(${indexOf(op.attrs.name)}, ${own}, ${has})`;
      recorded.lines.push(`${name} = ${value}`);
    }
    for (const s of [op, ...(pair ? [pair.variance] : [])]) recorded.set(s.results[0], tensor(statNames.get(s)!));
  }
  for (const op of stats) top.set(op.results[0], tensor(statNames.get(op)!));
  const rest = new Block(around, top);
  rest.ops(result);
  const returned = rest.tensor(y.value).text;

  const params = leaves.flatMap(({ attrs: { leaf, type } }) => (leaf.kind === "param" ? [{ leaf, type }] : []));
  const inits = params.flatMap(({ leaf, type }) =>
    initialLines(leaf.init, `self.${local(leaf.name)}`, type, (d) => extent(d, around.dimension).text, helper),
  );
  const declared = (name: string): string => {
    dims.add(name);
    return name;
  };
  const inInit = (type: Type): string[] => type.shape.map((d) => extent(d, declared).text);
  const tables = [
    ...stats.map((op) => ({ name: local(op.attrs.name), shape: inInit(op.results[0].type) })),
    ...[...collected.keys()].map((name) => ({ name: local(name), shape: [] as string[] })),
  ];
  const made = params.map(
    ({ leaf, type }) => `self.${local(leaf.name)} = nn.Parameter(torch.empty(${inInit(type).join(", ") || "[]"}))`,
  );
  const dimNames = [...dims];
  const hasStatistics = stats.length > 0;
  if (hasStatistics) parts.add("population");
  if (isShared) parts.add("shared");
  if (overBatch) parts.add("batch_mean");
  const base = !hasStatistics ? "nn.Module" : isShared ? "SharedPopulation" : "Population";
  const args = [
    "self",
    ...dimNames.map((d) => `${d}: int`),
    ...(hasStatistics ? [...(isShared ? [] : ["steps: int"]), "momentum: float = 0.1"] : []),
  ];
  const rows = isShared ? "1" : "steps";
  const parent = !hasStatistics
    ? "super().__init__()"
    : `super().__init__(${[String(tables.length), ...(isShared ? [] : ["steps"]), "momentum"].join(", ")})`;
  const forwardArgs = ["self", "x: Tensor", ...(overBatch ? ["has: Optional[Tensor]", "t: int"] : [])];

  const lines = (name: string): readonly string[] => [
    `class ${name}(${base}):`,
    ...indent([
      `"""The norm \`${inDocstring(graph.name)}\`${hasStatistics ? "; x is a step [batch, features] or a sequence [time, batch, features]" : ""}."""`,
      "",
      ...(hasStatistics
        ? [
            "seen: List[List[Tensor]]",
            "last: List[Tensor]",
            "batches: Tensor",
            ...tables.map((s) => `${s.name}: Tensor`),
            "",
          ]
        : []),
      `def __init__(${args.join(", ")}):`,
      ...indent([
        parent,
        ...(dimNames.length > 0 ? [`${dimNames.map((d) => `self.${d}`).join(", ")} = ${dimNames.join(", ")}`] : []),
        ...made,
        ...tables.map((s) => `self.register_buffer("${s.name}", torch.zeros(${[rows, ...s.shape].join(", ")}))`),
        "self.reset_parameters()",
      ]),
      "",
      "def reset_parameters(self) -> None:",
      ...indent([
        `"""Parameters as the norm begins with${hasStatistics ? ", and no statistics" : ""}."""`,
        ...inits,
        ...tables.map((s) => `self.${s.name}.zero_()`),
        ...(hasStatistics ? ["self.batches.zero_()"] : []),
      ]),
      "",
      `def forward(${forwardArgs.join(", ")}) -> Tensor:`,
      ...indent([
        ...top.lines,
        ...(hasStatistics
          ? [
              "if self.training:",
              ...indent(recorded.lines),
              "else:",
              ...indent(
                stats.map(
                  (op) => `${statNames.get(op)!} = self.population(self.${local(op.attrs.name)}, t, x, ${rank})`,
                ),
              ),
            ]
          : []),
        ...rest.lines,
        `return ${returned}`,
      ]),
      ...(hasStatistics
        ? [
            "",
            ...collectLines(
              tables.map((s) => s.name),
              stats.length,
              isShared,
            ),
          ]
        : []),
      ...(populations.length > 0 ? ["", ...beforeLines] : []),
    ]),
  ];
  return { lines, key: lines("Norm").join("\n"), dims: dimNames, hasStatistics, isShared, overBatch, parts };
}

/** `before`, of norms that look at the population in training. */
const beforeLines = [
  "def before(self, table: Tensor, collected: Tensor, own: Tensor, t: int, x: Tensor, features: int) -> Tensor:",
  ...indent([
    `"""The population's value before this batch counts; the batch's own, if there is none yet. In evaluation, what the norm uses."""`,
    "if not self.training:",
    ...indent(["return own"]),
    "known = self.population(collected, t, x, features) > 0",
    "return torch.where(wide(known, own), self.population(table, t, x, features).clone(), own.detach())",
  ]),
];

function collectLines(tables: readonly string[], own: number, isShared: boolean): readonly string[] {
  const moved = tables.map((name, i) => {
    if (i >= own)
      return isShared
        ? `self.${name} += weight * (1 - self.${name})`
        : `self.${name}[t : t + T] += weight * (1 - self.${name}[t : t + T])`;
    return isShared
      ? `self.move_shared(self.${name}, ${i}, filled, weight)`
      : `self.move(self.${name}, ${i}, weight, t)`;
  });
  return [
    "@torch.no_grad()",
    "def collect(self, has: Optional[Tensor], t: int, T: int) -> None:",
    ...indent([
      `"""Moves the population's statistics towards those of the batch, whose steps are t to t + T."""`,
      "filled = self.filled(has, T)",
      ...(isShared
        ? [
            "total = filled.sum().reshape(1)",
            "weight = torch.maximum(self.momentum * total / T, total / (self.batches + total).clamp(min=1e-30))",
          ]
        : ["weight = self.weight(filled, t)"]),
      ...moved,
      isShared ? "self.counted(total, 0)" : "self.counted(filled, t)",
      ...(isShared
        ? []
        : [
            "if t > 0 or T < self.steps or has is not None:",
            ...indent(tables.map((name) => `self.extend(self.${name})`)),
          ]),
    ]),
  ];
}

const isAllSteps = (d: dim.Dim): boolean => dim.equal(d, dim.variable(STEPS));

const isOverBatch = (op: Op): boolean =>
  ("axes" in op.attrs && op.attrs.axes.batch) ||
  op.op === "group_sum" ||
  op.op === "stat" ||
  (op.op === "const" && op.attrs.dims.includes("batch"));

export type { Text };
