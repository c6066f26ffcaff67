/**
 * How structural ops are written in PyTorch: a row for each of the op table, or this does not type-check.
 *
 * **Axes.** In the outermost block, values have the axes [time, batch, features]; what has time, but no examples, has a batch axis of
 * extent 1. In a step of a loop, and in a norm, they are [batch, features] or, as parameters are, [features]; what is reduced over the
 * batch keeps that axis, with extent 1. So feature axes are counted from the end.
 */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import * as dim from "../../compiler/ir/dim.ts";
import type { OpOf, StructuralOp, Type } from "../../compiler/ir/types.ts";
import { atom, call, infix, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { helper } from "./helpers.ts";
import { NotInPytorch } from "./refusal.ts";
import { entry, float, list, method, number } from "./text.ts";

/** An op's operands and surroundings. */
export interface At {
  /** Whether the op is in the outermost block. */
  readonly outermost: boolean;
  /** The operand as a tensor of its whole type. */
  x(i: number): Text;
  /** Whether the operand has an axis for examples. */
  leaded(i: number): boolean;
  /** An extent in text: `4 * self.H`. `batch` and `time`, too. */
  extent(text: string): Text;
  /** The shape of a tensor of this type, as a list of Python. */
  shape(type: Type): string;
  /** A sum over examples, as that over all examples of a batch that is spread over several processes. */
  across(text: Text): Text;
  /** A tensor that has the dtype and the device of what is computed. */
  readonly like: string;
}

type Row<K extends StructuralOp> = (op: OpOf<K>, at: At) => Text;

/** A feature axis, counted from the end. */
const fromEnd = (type: Type, axis: number): number => axis - type.shape.length;

const never =
  (why: string) =>
  ({ op }: { readonly op: string }): never => {
    throw new InternalError(`${op} is not written in PyTorch: ${why}`);
  };
const byDerivative = never("only derivatives have it, and PyTorch derives its own");
const byPasses = never("only passes that come later make it");
const byNorm = never("a norm's class has it");

const dimText = (d: Type["shape"][number]): string => dim.show(d);
const numbers = (all: readonly number[]): string => (all.length === 1 ? String(all[0]) : list(all.map(String)));

/** A sum or a maximum. `name`: that of the method. */
function reduction(op: OpOf<"sum"> | OpOf<"maximum">, name: string, at: At): Text {
  const { axes } = op.attrs;
  const { type } = op.operands[0];
  const features = axes.features.map((i) => fromEnd(type, i));
  const x = at.x(0);
  if (!at.outermost) {
    // The axes of examples and steps stay.
    const lead = [...(axes.time ? [-type.shape.length - 2] : []), ...(axes.batch ? [-type.shape.length - 1] : [])];
    const kept = lead.length > 0 ? method(x, name, numbers(lead), "keepdim=True") : x;
    if (features.length === 0) return kept;
    return method(kept, name, numbers(features), ...(axes.keep ? ["keepdim=True"] : []));
  }
  const keep = axes.keep && features.length > 0 ? ["keepdim=True"] : [];
  // Only examples are reduced, not steps: their axis stays.
  if (axes.batch && type.time && !axes.time) {
    const kept = method(x, name, "1", "keepdim=True");
    return features.length === 0 ? kept : method(kept, name, numbers(features), ...keep);
  }
  const lead =
    axes.time && (axes.batch || !type.batch) ? [0, 1] : axes.time ? [0] : axes.batch && type.batch ? [0] : [];
  if (keep.length > 0 && lead.length > 0) {
    const kept = method(x, name, numbers(features), ...keep);
    return method(kept, name, numbers(lead));
  }
  const all = [...lead, ...features];
  const isAll = all.length === type.shape.length + (type.time ? 2 : type.batch ? 1 : 0) && keep.length === 0;
  if (all.length === 0) return x;
  return isAll ? method(x, name) : method(x, name, numbers(all), ...keep);
}

function contraction({ attrs, operands }: OpOf<"dot">, at: At): Text {
  const { a, b, out } = attrs;
  if (attrs.time) return byDerivative({ op: "dot over time" });
  const [first, second] = [at.x(0), at.x(1)];
  const matrix = b.length === 2 && a.length >= 1 && !at.leaded(1) && !attrs.batch;
  const rest = a.slice(0, -1);
  const inner = a.at(-1)!;
  if (matrix && !rest.includes(b[1]) && b[0] === inner && out === rest + b[1]) return infix("@", first, second);
  if (matrix && !rest.includes(b[0]) && b[1] === inner && out === rest + b[0])
    return infix("@", first, method(second, "t"));
  const lead = (i: number): string => (at.leaded(i) ? "..." : "");
  if (!attrs.batch) {
    const to = at.leaded(0) || at.leaded(1) ? "..." : "";
    return call("torch.einsum", atom(`"${lead(0)}${a},${lead(1)}${b}->${to}${out}"`), first, second);
  }
  if (!operands.every((v) => v.type.batch)) return byDerivative({ op: "dot over examples of one operand" });
  const product = call("torch.einsum", atom(`"...Z${a},...Z${b}->...${out}"`), first, second);
  // In a step, and beside steps, the axis of examples stays.
  return at.outermost && !operands.some((v) => v.type.time)
    ? product
    : method(product, "unsqueeze", String(-out.length - 1));
}

/** What tells training from evaluation, as a number. */
export const trainingText = "float(self.training)";

const ints = (at: At, extents: readonly string[]): string => list(extents.map((e) => at.extent(e).text));

export const rows: { readonly [K in StructuralOp]: Row<K> } = {
  const: ({ attrs: { value, dims } }, at) =>
    dims.map((d) => at.extent(d)).reduce((x, n) => (x.text === "1" ? n : infix("*", x, n)), number(value)),
  iota: ({ attrs: { size } }, at) =>
    call("torch.arange", at.extent(size), atom(`dtype=${at.like}.dtype`), atom(`device=${at.like}.device`)),
  stop: (_, at) => method(at.x(0), "detach"),
  copy: (_, at) => at.x(0),
  site: (_, at) => at.x(0),
  stat: byNorm,
  population: byNorm,
  ramp: ({ attrs: { from, to, first, last } }) =>
    call(
      helper("ramp"),
      ...["self.updates", "self.training", ...[from, to].map((n) => float(number(n).text)), first, last].map((text) =>
        atom(String(text)),
      ),
    ),
  training: () => atom(trainingText),
  sum: (op, at) => {
    const text = reduction(op, "sum", at);
    return op.attrs.axes.batch && op.operands[0].type.batch ? at.across(text) : text;
  },
  maximum: (op, at) => {
    const text = reduction(op, "amax", at);
    if (op.attrs.axes.batch && at.across(text) !== text)
      throw new NotInPytorch(
        "its loss takes the largest of all examples",
        "export it for one process, without --distributed",
      );
    return text;
  },
  pivot: byPasses,
  pivots: byPasses,
  partial: byPasses,
  spread: byPasses,
  group_sum: ({ attrs: { group }, operands: [x] }, at) =>
    call(helper("group_sums"), at.x(0), number(-x.type.shape.length - 1), number(group)),
  argmax: (_, at) => method(at.x(0), "argmax", "-1"),
  dot: contraction,
  split: ({ attrs: { axis, parts }, operands: [x] }, at) =>
    method(at.x(0), "chunk", String(parts), String(fromEnd(x.type, axis))),
  cut: ({ attrs: { axis, widths }, operands: [x] }, at) =>
    method(at.x(0), "split", ints(at, widths), String(fromEnd(x.type, axis))),
  concat: ({ attrs: { axis }, operands: [x] }) => call("torch.cat", atom("#operands"), number(fromEnd(x.type, axis))),
  slice: ({ attrs: { axis, from, to }, operands: [x] }, at) => {
    const [first, end] = [at.extent(from).text, at.extent(to).text];
    if (axis === x.type.shape.length - 1) return entry(at.x(0), `..., ${first === "0" ? "" : first}:${end}`);
    const width = at.extent(dimText(dim.subtract(dim.parse(to), dim.parse(from))));
    return method(at.x(0), "narrow", String(fromEnd(x.type, axis)), first, width.text);
  },
  pad: ({ attrs: { before, after } }, at) => {
    const widths = before.map((b, i) => [b, after[i]]).reverse();
    return call("F.pad", at.x(0), atom(ints(at, widths.flat())));
  },
  flip: ({ attrs: { axis }, operands: [x] }, at) => method(at.x(0), "flip", list([String(fromEnd(x.type, axis))])),
  windows: ({ attrs: { axis, size, stride, dilation }, operands: [x] }, at) => {
    const span =
      dilation === 1
        ? size
        : dimText(
            dim.add(
              dim.multiply(dim.subtract(dim.parse(size), dim.constant(1)), dim.constant(dilation)),
              dim.constant(1),
            ),
          );
    const along = fromEnd(x.type, axis);
    const made = method(at.x(0), "unfold", String(along), at.extent(span).text, String(stride));
    const apart = dilation === 1 ? made : entry(made, `..., ::${dilation}`);
    // The windows' axis comes last.
    return along === -1 ? apart : method(apart, "movedim", "-1", String(along));
  },
  overlap: ({ attrs: { axis, stride, dilation }, operands: [x] }, at) =>
    call(helper("overlap"), at.x(0), number(fromEnd(x.type, axis) + 1), number(stride), number(dilation)),
  reshape: ({ attrs: { shape }, operands: [x] }, at) =>
    call(helper("reshape"), at.x(0), number(x.type.shape.length), atom(ints(at, shape))),
  transpose: ({ attrs: { permutation } }, at) => {
    const n = permutation.length;
    if (n === 2) return permutation[0] === 1 ? method(at.x(0), "transpose", "-2", "-1") : at.x(0);
    return method(
      at.x(0),
      "movedim",
      list(permutation.map((i) => String(i - n))),
      list(permutation.map((_, i) => String(i - n))),
    );
  },
  broadcast: ({ results: [y] }, at) => method(at.x(0), "expand", at.shape(y.type)),
  at: ({ attrs: { step }, operands: [x] }, at) => {
    const index = step === "first" ? "0" : "-1";
    return entry(at.x(0), x.type.batch ? index : `${index}, 0`);
  },
  put: ({ attrs: { step } }, at) =>
    call(helper("put_step"), at.x(0), at.extent("time"), atom(step === "first" ? "0" : "-1")),
  shift: ({ attrs: { by } }, at) => call(helper("delayed"), at.x(0), number(by)),
  reverse: (_, at) => call(helper("reverse_steps"), at.x(0), at.x(1)),
  cumsum: byPasses,
  whole: ({ operands: [x] }, at) => (x.type.batch ? method(at.x(0), "transpose", "0", "1") : entry(at.x(0), ":, 0")),
  stepwise: ({ operands: [x] }, at) => {
    const rows = x.type.batch ? method(at.x(0), "transpose", "0", "1") : method(at.x(0), "unsqueeze", "1");
    return call(helper("rows_of_steps"), rows, at.extent("time"));
  },
  gather: ({ operands: [table] }, at) => {
    if (at.leaded(0)) return call(helper("take_rows"), at.x(0), at.x(1));
    return table.type.shape.length === 2 ? call("F.embedding", at.x(1), at.x(0)) : entry(at.x(0), at.x(1).text);
  },
  scatter: byDerivative,
  onehot: ({ attrs: { size } }, at) => method(call("F.one_hot", at.x(0), at.extent(size)), "to", `${at.like}.dtype`),
};
