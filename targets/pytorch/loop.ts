/** Prints a scan as a loop of Python over the steps. */
import type { Op, OpOf, Value } from "../../compiler/ir/types.ts";
import { atom, call, type Text } from "../../compiler/kernel-ir/c-text.ts";
import type { Mark } from "../../runtime/plan.ts";
import type { Namer } from "../shared/names.ts";
import { Block, type Printed, type Surroundings } from "./block.ts";
import { helper } from "./helpers.ts";
import { hasName } from "./marks.ts";
import { indent, method } from "./text.ts";

/** A state that goes on from call to call. */
export interface Carried {
  readonly scan: Op;
  readonly index: number;
  /** Its field in `State`. */
  readonly field: string;
  /** Its name after the loop. */
  final?: string;
}

/** The method that the loop is in. */
export interface LoopHost {
  readonly names: Namer;
  readonly uses: ReadonlyMap<Value, number>;
  readonly carried: readonly Carried[];
  /** The time axis of a loop's steps; the main one is "". */
  axis(scan: OpOf<"scan">): string;
  mark(mark: Mark, axis: string): Text;
  /** What surrounds the ops of a step. `now`: the name of what says which examples have it. */
  inLoop(now: string): Surroundings;
  /** Whether an op is a norm that needs that. */
  looksAcross(op: Op): boolean;
}

/** Adds the loop to `block`. Returns its results: the states after it, and its outputs as sequences. */
export function printLoop(scan: OpOf<"scan">, block: Block, host: LoopHost): readonly Printed[] {
  const body = scan.body!;
  const { states } = scan.attrs;
  const axis = host.axis(scan);
  const params = body.params.slice(0, states);
  const names = params.map((p) => host.names.fresh(p.name || "s"));
  const carried = host.carried.filter((c) => c.scan === scan);
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
  const masked = inputs.some(({ of }) => block.of(of).mark !== undefined) || body.ops.some(host.looksAcross);
  const outputs = body.results.slice(states);
  const lists: readonly (string | undefined)[] = outputs.map((_, k) => {
    const result = scan.results[states + k];
    return (host.uses.get(result) ?? 0) > 0 ? host.names.fresh(result.name || "ys") : undefined;
  });
  const now = masked ? host.names.fresh("now") : "None";
  const inner = new Block(host.inLoop(now), block);
  const steps = read.map(({ param, of }) => {
    const name = host.names.fresh(param.name ? `${param.name}_t` : "x_t");
    inner.set(param, { text: atom(name), kind: "tensor", leaded: true });
    return { name, of: method(block.tensor(of), "unbind", "0").text };
  });
  for (const { param, of } of inputs) {
    if (isNumber(of)) inner.set(param, block.of(of));
    const { mark } = block.of(of);
    if (!mark) continue;
    if (mark.mark === "valid") inner.set(param, { text: atom(now), kind: "bool", leaded: true, mark });
    else {
      const outside = host.mark(mark.mark, mark.axis).text;
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
      ...(masked ? [`${now} = ${helper("at_step")}(${hasName(axis)}, t)`] : []),
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
