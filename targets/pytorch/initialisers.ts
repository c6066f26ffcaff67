/** Prints how parameters begin, with the distributions of `runtime/initialise.ts`. A seed means other numbers in PyTorch. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import type { ElementwiseOp, Type } from "../../compiler/ir/types.ts";
import { atom, infix } from "../../compiler/kernel-ir/c-text.ts";
import type { Formula, Init } from "../../runtime/plan.ts";
import type { HelperName } from "./helpers.ts";
import { numberSpellings, type Operand, spellings, truths } from "./math.ts";
import { method, number } from "./text.ts";

/**
 * Lines that give the tensor `target` its initial value. `at`: where the tensor of another name is. What looks at another parameter
 * comes after it: see `isOfAnother`.
 */
export function initialLines(
  init: Init,
  target: string,
  type: Type,
  helper: (name: HelperName) => string,
  at: (name: string) => string = () => target,
): readonly string[] {
  const rank = type.shape.length;
  const matrix = rank === 2 ? target : `${target}.view(-1, ${target}.shape[-1])`;
  switch (init.kind) {
    case "constant":
      if (init.value === 0) return [`nn.init.zeros_(${target})`];
      if (init.value === 1) return [`nn.init.ones_(${target})`];
      return [`nn.init.constant_(${target}, ${number(init.value).text})`];
    case "uniform":
      return [`nn.init.uniform_(${target}, ${number(init.low).text}, ${number(init.high).text})`];
    case "normal":
      return [`nn.init.normal_(${target}, ${number(init.mean).text}, ${number(init.std).text})`];
    case "xavier":
      return [
        `nn.init.xavier_uniform_(${rank === 0 ? `${target}.view(1, 1)` : rank === 1 ? `${target}.unsqueeze(0)` : matrix}${gain(init.gain)})`,
      ];
    case "kaiming":
      // Deviation gain / √(rows): a vector is a single row.
      return [
        `nn.init.normal_(${target}, 0.0, ${number(init.gain).text} / math.sqrt(${rank < 2 ? "1" : `${target}[..., 0].numel()`}))`,
      ];
    case "orthogonal":
      return [`nn.init.orthogonal_(${rank === 1 ? `${target}.unsqueeze(0)` : matrix}${gain(init.gain)})`];
    case "identity":
      return [`${helper("identity_")}(${rank < 2 ? `${target}.view(1, -1)` : matrix}, ${number(init.gain).text})`];
    case "blocks":
      return blocks(init.parts, target, type, helper, at);
    case "lengths":
      return [`${target}.copy_(${at(init.of)}.reshape(-1, ${at(init.of)}.shape[-1]).norm(dim=0))`];
    case "list":
      return [`${target}.copy_(torch.tensor(${nested(init.values, init.shape)}))`];
    case "range":
      return [range(init, target, rank)];
    case "copy":
      return [`${target}.copy_(${at(init.of)})`];
    case "formula":
      return [`${target}.copy_(${formula(init, target, helper, at)})`];
    default:
      return init satisfies never;
  }
}

/** Whether an initial value looks at that of another parameter. */
export const isOfAnother = (init: Init): boolean =>
  init.kind === "copy" ||
  init.kind === "lengths" ||
  (init.kind === "blocks" && init.parts.some(isOfAnother)) ||
  (init.kind === "formula" && init.steps.some((step) => step.kind !== "apply" && isOfAnother(step)));

const gain = (value: number): string => (value === 1 ? "" : `, gain=${number(value).text}`);

function blocks(
  parts: readonly Init[],
  target: string,
  type: Type,
  helper: (name: HelperName) => string,
  at: (name: string) => string,
): readonly string[] {
  // Blocks within blocks have a name of their own.
  const outer = /^parts(\d*)\[/.exec(target);
  const name = outer === null ? "parts" : `parts${Number(outer[1]) + 1}`;
  return [
    `${name} = ${target}.chunk(${parts.length}, -1)`,
    ...parts.flatMap((part, i) => initialLines(part, `${name}[${i}]`, type, helper, at)),
  ];
}

function range(init: Extract<Init, { kind: "range" }>, target: string, rank: number): string {
  const along = init.along === "last" || rank < 2 ? -1 : 0;
  const n = rank === 0 ? "1" : `${target}.shape[${along}]`;
  const steps = infix("*", number(init.step), atom(`torch.arange(${n})`));
  const values = infix("+", number(init.from), steps);
  if (rank === 0) return `${target}.fill_(${number(init.from).text})`;
  const shaped = along === -1 ? values.text : method(values, "view", "-1", ...Array<string>(rank - 1).fill("1")).text;
  return `${target}.copy_(${shaped})`;
}

/** Numbers as nested lists. */
function nested(values: readonly number[], shape: readonly number[]): string {
  if (shape.length === 0) return number(values[0] ?? 0).text;
  const [n, ...rest] = shape;
  const size = values.length / n;
  const items = Array.from({ length: n }, (_, i) => nested(values.slice(i * size, (i + 1) * size), rest));
  return `[${items.join(", ")}]`;
}

/** Computed in f64 and rounded once. */
function formula(
  { steps }: Formula,
  target: string,
  helper: (name: HelperName) => string,
  at: (name: string) => string,
): string {
  const texts: Operand[] = [];
  for (const step of steps) {
    if (step.kind !== "apply") {
      texts.push(simple(step, target, helper, at));
      continue;
    }
    const args = step.of.map((i) => texts[i]);
    const op: ElementwiseOp = step.op;
    if (args.every(({ kind }) => kind === "number")) {
      texts.push({ kind: "number", text: numberSpellings[op](args, helper) });
      continue;
    }
    const truth = op === "select" ? ({ kind: "bool", text: infix("!=", args[0].text, atom("0")) } as const) : undefined;
    const text = spellings[op](truth ? [truth, ...args.slice(1)] : args, helper);
    texts.push({ kind: "tensor", text: truths.has(op) ? method(text, "double") : text });
  }
  return texts.at(-1)!.text.text;
}

function simple(
  init: Init,
  target: string,
  helper: (name: HelperName) => string,
  at: (name: string) => string,
): Operand {
  if (init.kind === "constant") return { kind: "number", text: number(init.value) };
  const blank = `torch.empty_like(${target}, dtype=torch.float64)`;
  const filled = (text: string): Operand => ({ kind: "tensor", text: atom(text) });
  switch (init.kind) {
    case "uniform":
      return filled(`${blank}.uniform_(${number(init.low).text}, ${number(init.high).text})`);
    case "normal":
      return filled(`${blank}.normal_(${number(init.mean).text}, ${number(init.std).text})`);
    case "copy":
      return filled(`${at(init.of)}.double()`);
    default: {
      const filling = initialLines(init, "y", unknownShape, helper, at);
      if (filling.length !== 1) throw new InternalError("blocks inside a formula are not written in PyTorch");
      return filled(`${helper("initial")}(${target}, lambda y: ${filling[0]})`);
    }
  }
}

const unknownShape: Type = { dtype: "f32", time: false, batch: false, shape: [[], []] };
