/** Prints `forward`, and what goes with it: the state of a stream, a step of one, and losses. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import type { TimeAxes } from "../../compiler/ir/time-axes.ts";
import type { Graph, Op, OpOf, Result, Type, Value } from "../../compiler/ir/types.ts";
import { atom, call } from "../../compiler/kernel-ir/c-text.ts";
import { behind, reads } from "../../compiler/passes/rewrite.ts";
import { createNamer, type Namer } from "../shared/names.ts";
import {
  axesOfInputs,
  axisOf,
  beginningLines,
  docLines,
  type Input,
  isTimed,
  lengthsName,
  ownName,
  parameters,
} from "./arguments.ts";
import { Block, type Printed, type Surroundings, usesOf } from "./block.ts";
import { Collecting, type NormAt } from "./collecting.ts";
import { helper } from "./helpers.ts";
import { type Carried, type LoopHost, printLoop } from "./loop.ts";
import { hasName, Marks } from "./marks.ts";
import { attribute, reserved } from "./names.ts";
import { entry, float, indent, list, method, number } from "./text.ts";
import { withoutUnused, wordsIn } from "./tidy.ts";

type LeafOp = OpOf<"leaf">;

/** A step of a loop: the name of what says which examples have it. */
interface InLoop {
  readonly now: string;
}

/** What `forward` is printed from. */
export interface ForwardOptions {
  readonly graph: Graph;
  /** Whether it is a cell by itself, whose loss is made up; whether a batch may be spread over several processes. */
  readonly about: { readonly isCell: boolean; readonly distributed?: boolean };
  readonly axes: TimeAxes;
  readonly timeAxes: readonly string[];
  readonly streams: boolean;
  readonly inputs: readonly LeafOp[];
  /** Those that only say how many examples and steps there are. */
  readonly sizing: ReadonlySet<string>;
  /** Whether some number changes with the updates done, outside of norms. */
  readonly hasRamp: boolean;
  readonly param: (name: string) => string;
  /** What a dimension is called. */
  readonly dim: (name: string) => string;
  readonly like: string | undefined;
  readonly norms: ReadonlyMap<string, NormAt>;
}

export interface Forward {
  readonly lines: readonly string[];
  readonly state: readonly string[];
  readonly inputs: readonly Input[];
  readonly given: readonly string[];
}

export class ForwardPrinter {
  private readonly o: ForwardOptions;
  private readonly names: Namer;
  private readonly inputs: readonly Input[];
  private readonly carried: readonly Carried[];
  private readonly uses: ReadonlyMap<Value, number>;
  private marks: Marks;
  private readonly ofMeasures: ReadonlySet<Op>;
  private readonly like: string;
  private readonly collecting: Collecting;

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
      ...[hasName, lengthsName, ownName].flatMap((name) => o.timeAxes.map(name)),
    ]);
    this.inputs = o.inputs.map((op) => ({
      name: op.attrs.leaf.name,
      argument: this.names.of(`input ${op.attrs.leaf.name}`, op.attrs.leaf.name),
      op,
    }));
    const outputs = behind(
      graph.ops,
      graph.results.filter(({ kind }) => kind === "output").map((r) => r.value),
    );
    // Fields of a NamedTuple that it has methods for.
    const fields = createNamer(reserved, ["t", "index", "count"]);
    this.carried = !o.streams
      ? []
      : graph.ops.flatMap((op) =>
          op.op === "scan" && outputs.has(op)
            ? op
                .body!.params.slice(0, op.attrs.states)
                .map((p, index): Carried => ({ scan: op, index, field: fields.fresh(p.name || "s") }))
            : [],
        );
    this.uses = usesOf(
      graph.ops,
      graph.results.map((r) => r.value),
    );
    // How many updates are done is asked before this one counts.
    const hasOutputs = graph.results.some(({ kind }) => kind === "output");
    this.ofMeasures = new Set(graph.ops.filter((op) => !outputs.has(op) && !(hasOutputs && op.op === "ramp")));
    const first = this.inputs.find(({ op }) => op.attrs.type.dtype === "f32");
    this.like = o.like ?? first?.argument ?? "x";
    this.marks = this.newMarks();
    this.collecting = new Collecting(o);
  }

  print(): Forward {
    const { graph, about, streams } = this.o;
    const ops = graph.ops.filter((op) => !this.ofMeasures.has(op));
    const outputs = graph.results.filter(({ kind }) => kind === "output");
    const measures = graph.results.filter(({ kind }) => kind === "loss" || kind === "metric");
    const inputs = this.inputs.filter(({ name, op }) => ops.includes(op) || this.o.sizing.has(name));
    if (outputs.length === 0) return this.onlyLoss(measures);
    const hasLoss = !about.isCell && measures.length > 0;
    const shared = hasLoss ? this.shared(ops, measures) : [];
    const hasState = streams && this.carried.length > 0;
    const signature = parameters(inputs, hasState);
    const args = signature.map((argument) => argument.slice(0, argument.indexOf(":")));

    const top = new Block(this.surroundings());
    const body = [...beginningLines(inputs), ...this.startLines()];
    top.ops(ops);
    const returned = hasLoss
      ? [...outputs.map((r) => this.whole(r.value, top)), ...shared.map((v) => this.whole(v, top))]
      : outputs.map((r) => this.returned(r, top));
    const state = hasState
      ? [`State(${[...this.carried.map((c) => c.final!), isTimed(inputs) ? "start + T" : "start"].join(", ")})`]
      : [];
    const stateType = hasState ? ["State"] : [];
    const computing = this.tidy([
      ...body,
      ...this.collecting.before(ops),
      ...top.lines,
      ...this.collecting.after(ops, true),
      `return ${[...returned, ...state].join(", ")}`,
    ]);
    const head = (name: string, types: readonly string[]): string =>
      `def ${name}(${["self", ...signature].join(", ")}) -> ${types.length === 1 ? types[0] : `Tuple[${types.join(", ")}]`}:`;
    const outputTypes = [...outputs.map(() => "Tensor"), ...stateType];
    const doc = docLines(inputs, outputs, this.o.dim, this.carried.length > 0);
    const step = hasState && isTimed(inputs) ? ["", ...this.stepLines(inputs, outputs)] : [];
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

  /** Of a model without outputs, `forward` is the loss. */
  private onlyLoss(measures: readonly Result[]): Forward {
    const args = parameters(this.inputs, false);
    const given = args.map((argument) => argument.slice(0, argument.indexOf(":")));
    const lines = [
      `def forward(${["self", ...args].join(", ")}) -> Tensor:`,
      ...indent([`"""The loss of a batch: there are no outputs."""`, `return self.loss(${given.join(", ")})[0]`]),
      "",
      ...this.lossLines(measures, [], [], [], false),
    ];
    return { lines, state: [], inputs: this.inputs, given: this.inputs.map(({ argument }) => argument) };
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
    this.marks = this.newMarks();
    this.inLoss = true;
    const { graph } = this.o;
    const readBy = new Set([...this.ofMeasures].flatMap(reads));
    const ops = graph.ops.filter(
      (op) => this.ofMeasures.has(op) || (isAgain(op) && op.results.some((v) => readBy.has(v))),
    );
    const all = this.inputs.filter((input) => inputs.includes(input) || ops.includes(input.op));
    const signature = parameters(all, false);
    const passed = [
      ...inputs.map(({ argument }) => argument),
      ...axesOfInputs(inputs).map((axis) => `${lengthsName(axis)}=${lengthsName(axis)}`),
    ];
    const block = new Block(this.surroundings());
    const beginning = [...beginningLines(all), ...(this.measuresSteps ? ["start = 0"] : [])];
    const given = [...outputs.map((r) => r.value), ...shared].map((v) => {
      const name = this.names.fresh(v.name || "value");
      block.set(v, { text: atom(name), kind: "tensor", leaded: v.type.time || v.type.batch });
      return name;
    });
    // What is over a time axis that no output has may have more steps.
    const isLonger = axesOfInputs(all).length > Math.max(1, axesOfInputs(inputs).length);
    const timed = [...outputs.map((r) => r.value), ...shared].flatMap((v, i) => (v.type.time ? [given[i]] : []));
    const padded = isLonger ? timed.map((name) => `${name} = ${helper("pad_steps")}(${name}, T)`) : [];
    block.ops(ops);
    const [loss] = measures.filter(({ kind }) => kind === "loss");
    const metrics = measures.filter(({ kind }) => kind === "metric");
    const entries = metrics.map((r) => `${JSON.stringify(r.name)}: ${this.whole(r.value, block)}`);
    const computing = this.tidy([
      ...beginning,
      ...padded,
      ...this.collecting.before([...this.ofMeasures]),
      ...block.lines,
      ...this.collecting.after([...this.ofMeasures], given.length === 0),
      `metrics: Dict[str, Tensor] = {${entries.join(", ")}}`,
      `return ${loss ? this.whole(loss.value, block) : "torch.zeros(())"}, metrics`,
    ]);
    const read = wordsIn(computing);
    const values = [...given.map((name) => (read.has(name) ? name : "_")), ...(hasState ? ["_"] : [])];
    return [
      `def loss(${["self", ...signature].join(", ")}) -> Tuple[Tensor, Dict[str, Tensor]]:`,
      ...indent([
        `"""The loss of a batch, and its metrics by name."""`,
        ...(values.length > 0 ? [`${values.join(", ")} = self.values(${passed.join(", ")})`] : []),
        ...computing,
      ]),
    ];
  }

  /** Without the sizes that nothing reads. */
  private tidy(lines: readonly string[]): readonly string[] {
    const { timeAxes } = this.o;
    return withoutUnused(lines, ["T", "B", "start", ...timeAxes.map(hasName), ...timeAxes.map(ownName)]);
  }

  /** The number of the first step. */
  private startLines(): readonly string[] {
    if (this.carried.length > 0) return ["start = 0 if state is None else state.t"];
    return this.usesStart ? ["start = 0"] : [];
  }

  private get measuresSteps(): boolean {
    return [...this.ofMeasures].some(
      (op) =>
        (op.op === "leaf" && op.attrs.leaf.kind === "step") ||
        (op.op === "site" && this.o.norms.get(op.attrs.name)?.made.overBatch) ||
        op.op === "scan",
    );
  }

  private get usesStart(): boolean {
    return (
      [...this.o.norms.values()].some(({ made }) => made.overBatch) ||
      this.o.graph.ops.some((op) => op.op === "leaf" && op.attrs.leaf.kind === "step")
    );
  }

  private surroundings(inLoop?: InLoop): Surroundings {
    const lead = (type: Type): readonly string[] =>
      inLoop ? (type.batch ? ["B"] : []) : type.time ? ["T", type.batch ? "B" : "1"] : type.batch ? ["B"] : [];
    return {
      names: this.names,
      uses: this.uses,
      outermost: inLoop === undefined,
      like: this.like,
      // A step of a loop looks across examples only in norms.
      across: (text) => (this.o.about.distributed && inLoop === undefined ? call("self.across", text) : text),
      dimension: (name) => {
        if (name === "batch") return this.o.about.distributed && this.inLoss ? this.examplesOfAll() : "B";
        return name === "time" || name === "steps" ? "T" : `self.${this.o.dim(name)}`;
      },
      shape: (type, features) => list([...lead(type), ...features]),
      has: (axis) => inLoop?.now ?? hasName(axis),
      mark: (mark, axis) => this.marks.of(mark, axis),
      special: (op, block) => this.special(op, block, inLoop),
    };
  }

  private newMarks(): Marks {
    return new Marks({
      names: this.names,
      timeAxes: this.o.timeAxes,
      distributed: this.o.about.distributed ?? false,
      like: this.like,
      add: (line) => void this.current.lines.push(line),
    });
  }

  private loopHost(): LoopHost {
    const { names, uses, carried } = this;
    return {
      ...{ names, uses, carried },
      axis: (scan) => this.o.axes.steps(scan).axis ?? "",
      mark: (mark, axis) => this.marks.of(mark, axis),
      inLoop: (now) => this.surroundings({ now }),
      looksAcross: (op) => op.op === "site" && this.o.norms.get(op.attrs.name)?.made.overBatch === true,
    };
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

  private special(op: Op, block: Block, inLoop?: InLoop): readonly Printed[] | undefined {
    if (inLoop === undefined) this.current = block;
    if (op.op === "leaf") return [this.leaf(op, block)];
    if (op.op === "scan") return printLoop(op, block, this.loopHost());
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
      return marks.length === 1
        ? `None if ${marks[0]} is None else ${marks[0]}.any(0)`
        : this.marks.of("present", "").text;
    };
    // A norm of a weight, which examples share.
    const isOfWeight = !norm.made.overBatch && !x.type.batch && !x.type.time && !block.of(x).leaded;
    const input = isOfWeight ? block.tensor(x).text : block.stretchedTo(x, { ...x.type, batch: true }).text.text;
    const args = norm.made.overBatch ? [input, has(), inLoop ? "start + t" : x.type.time ? "start" : "0"] : [input];
    const text = call(attribute(norm.path), ...args.map(atom));
    const printed: Printed = { text, kind: "tensor", leaded: !isOfWeight };
    return [block.named(y.name ? y : { ...y, name: hint }, printed, hint)];
  }

  private leaf({ attrs: { leaf, type }, results: [v] }: LeafOp, block: Block): Printed {
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
            ? `${helper("bernoulli")}(${float(number(leaf.keep).text)}, ${shape}, self.training, ${this.like})`
            : `${helper(leaf.distribution === "normal" ? "randn" : "rand")}(${float(number(leaf.scale).text)}, ${shape}, self.training, ${this.like})`;
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

  /** An output, with examples first. */
  private returned({ value }: Result, top: Block): string {
    const { text } = top.stretchedTo(value, value.type);
    if (!value.type.time) return text.text;
    const axis = this.o.axes.steps(value).axis ?? "";
    const cut = this.o.timeAxes.length > 1 ? entry(text, `: ${ownName(axis)}`) : text;
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
