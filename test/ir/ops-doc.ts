/** The text of `docs/ops.md`: the op table, for people. */
import { type ElementwiseRow, elementwise } from "../../compiler/ir/ops/elementwise.ts";
import { special } from "../../compiler/ir/ops/special.ts";
import { structural } from "../../compiler/ir/ops/structural.ts";
import { structuralRow } from "../../compiler/ir/ops.ts";
import { scalar } from "../../compiler/ir/type.ts";
import type { OpAttrs, StructuralOp } from "../../compiler/ir/types.ts";

const axes = { batch: true, time: false, features: [0], keep: true };

/** Attributes to show how they are written. A new op does not compile without. */
const samples: { readonly [K in StructuralOp]: OpAttrs[K] } = {
  const: { value: 0.5, dims: ["batch", "4H"] },
  iota: { size: "4H" },
  stop: {},
  copy: { format: "f16" },
  site: { name: "hh" },
  stat: { name: "hh/m", policy: { kind: "per_step", steps: "T" } },
  population: { name: "hh/m", collected: "hh/collected", policy: { kind: "per_step", steps: "T" } },
  ramp: { from: 1, to: 3, first: 5000, last: 40000 },
  training: {},
  sum: { axes },
  maximum: { axes },
  pivot: { axes },
  pivots: { parts: 8 },
  group_sum: { group: 16 },
  partial: { parts: 8 },
  spread: {},
  argmax: {},
  dot: { a: "k", b: "kn", out: "n", batch: false, time: false },
  split: { axis: 0, parts: 4 },
  concat: { axis: 0 },
  cut: { axis: 0, widths: ["D", "2H"] },
  slice: { axis: 0, from: "D", to: "D + H" },
  pad: { before: ["1"], after: ["D"] },
  flip: { axis: 0 },
  windows: { axis: 0, size: "3", stride: 1, dilation: 1 },
  overlap: { axis: 0, stride: 1, dilation: 1 },
  reshape: { shape: ["4", "H"] },
  transpose: { permutation: [1, 0] },
  broadcast: { type: scalar },
  at: { step: "last" },
  put: { step: "last" },
  shift: { by: 1 },
  reverse: {},
  cumsum: { reverse: false },
  whole: { size: "steps" },
  stepwise: {},
  gather: {},
  scatter: { size: "V" },
  onehot: { size: "V" },
};

const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;

const flows = (grad: unknown): string => (grad === "zero" ? "none" : "yes");

export function opsDoc(): string {
  const operands = ["x", "a, b", "condition, a, b"];
  return [
    "# The ops of Tensor IR",
    "",
    "Made from the op table (`compiler/ir/ops.ts`); `npx vitest run test/ir -u` makes it anew.",
    "",
    "## Elementwise",
    "",
    "Operands are aligned by `time` and `batch`, their feature shapes from the right; extent 1 stretches. An op is applied to each",
    "element. Cost is in floating point operations an element, to say what is cheaper computed again than kept.",
    "",
    row(["op", "operands", "meaning", "gradient", "cost"]),
    row(["---", "---", "---", "---", "---:"]),
    ...Object.entries<ElementwiseRow>(elementwise).map(([op, { doc, arity, grad, flops }]) =>
      row([`\`${op}\``, operands[arity - 1], doc, flows(grad), String(flops)]),
    ),
    "",
    "## Structural",
    "",
    "Ops that move, combine or select elements. Attributes are those of the text form, of which the last column shows one.",
    "",
    row(["op", "operands", "meaning", "gradient", "attributes", "written"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...(Object.keys(structural) as StructuralOp[]).map((op) => {
      const { doc, operands: of, grad, attributes } = structuralRow(op);
      const names = of === "many" ? ["a", "b", "…"] : of;
      const values = names.map((n) => (n === "…" ? n : `%${n}`)).join(", ");
      const written = [op, values, attributes.print(samples[op] as never)].filter((w) => w !== "").join(" ");
      const said = attributes.docs.map(([name, what]) => `\`${name}\`: ${what}`).join("; ");
      return row([`\`${op}\``, names.join(", "), doc, flows(grad), said, `\`${written}\``]);
    }),
    "",
    "## Special",
    "",
    row(["op", "meaning"]),
    row(["---", "---"]),
    ...Object.entries(special).map(([op, { doc }]) => row([`\`${op}\``, doc])),
    "",
  ].join("\n");
}
