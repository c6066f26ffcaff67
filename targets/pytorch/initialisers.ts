/** Prints how parameters begin, with the distributions of `runtime/initialise.ts`. A seed means other numbers in PyTorch. */
import type { ElementwiseOp, Type } from "../../compiler/ir/types.ts";
import { atom, infix } from "../../compiler/kernel-ir/c-text.ts";
import type { Formula, Init } from "../../runtime/plan.ts";
import type { Namer } from "../shared/names.ts";
import { helper } from "./helpers.ts";
import { numberSpellings, type Operand, spellings, truths } from "./math.ts";
import { float, method, number } from "./text.ts";

/** What surrounds the lines. */
export interface InitialOptions {
  /** Of the variables of the method that they are in. */
  readonly names: Namer;
  /** Where the tensor of another name is, which has its initial value already: see `lookedAt`. */
  readonly at: (name: string) => string;
}

/** Lines that give the tensor `target` its initial value. */
export function initialLines(init: Init, target: string, type: Type, options: InitialOptions): readonly string[] {
  const { names, at } = options;
  const rank = type.shape.length;
  // What has more axes counts as a matrix whose columns are its last one; what has fewer, as a row.
  const matrix =
    rank === 2
      ? target
      : rank === 1
        ? `${target}.unsqueeze(0)`
        : `${target}.view(${rank === 0 ? "1, 1" : `-1, ${target}.shape[-1]`})`;
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
      return [`nn.init.xavier_uniform_(${matrix}${gain(init.gain)})`];
    case "kaiming": {
      // Deviation gain / √(rows).
      const of = number(init.gain).text;
      const std = rank < 2 ? of : `${of} / math.sqrt(${target}[..., 0].numel())`;
      return [`nn.init.normal_(${target}, 0.0, ${std})`];
    }
    case "orthogonal":
      return [`nn.init.orthogonal_(${matrix}${gain(init.gain)})`];
    case "identity":
      return [`${helper("identity_")}(${matrix}${gain(init.gain)})`];
    case "blocks": {
      const parts = names.fresh("parts");
      return [
        `${parts} = ${target}.chunk(${init.parts.length}, -1)`,
        ...init.parts.flatMap((part, i) => initialLines(part, `${parts}[${i}]`, type, options)),
      ];
    }
    case "lengths":
      return [`${target}.copy_(${at(init.of)}.reshape(-1, ${at(init.of)}.shape[-1]).norm(dim=0))`];
    case "list":
      return [`${target}.copy_(torch.tensor(${nested(init.values, init.shape)}))`];
    case "range":
      return [range(init, target, rank)];
    case "copy":
      return [`${target}.copy_(${at(init.of)})`];
    case "formula":
      return formula(init, target, type, options);
    default:
      return init satisfies never;
  }
}

/** The parameters that an initial value looks at. */
export function lookedAt(init: Init): readonly string[] {
  switch (init.kind) {
    case "copy":
    case "lengths":
      return [init.of];
    case "blocks":
      return init.parts.flatMap(lookedAt);
    case "formula":
      return init.steps.flatMap((step) => (step.kind === "apply" ? [] : lookedAt(step)));
    default:
      return [];
  }
}

const gain = (value: number): string => (value === 1 ? "" : `, gain=${number(value).text}`);

function range(init: Extract<Init, { kind: "range" }>, target: string, rank: number): string {
  if (rank === 0) return `${target}.fill_(${number(init.from).text})`;
  const along = init.along === "last" || rank < 2 ? -1 : 0;
  const count = atom(`torch.arange(${target}.shape[${along}])`);
  const steps = init.step === 1 ? count : infix("*", number(init.step), count);
  const values = init.from === 0 ? steps : infix("+", number(init.from), steps);
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
function formula({ steps }: Formula, target: string, type: Type, options: InitialOptions): readonly string[] {
  const lines: string[] = [];
  const texts: Operand[] = [];
  for (const step of steps) {
    if (step.kind !== "apply") {
      texts.push(operand(step, target, type, options, lines));
      continue;
    }
    const args = step.of.map((i) => texts[i]);
    const op: ElementwiseOp = step.op;
    if (args.every(({ kind }) => kind === "number")) {
      texts.push({ kind: "number", text: numberSpellings[op](args) });
      continue;
    }
    const text = op === "select" ? select(args, target) : spellings[op](args);
    texts.push({ kind: "tensor", text: truths.has(op) ? method(text, "double") : text });
  }
  const { kind, text } = texts.at(-1)!;
  return [...lines, `${target}.${kind === "number" ? "fill_" : "copy_"}(${text.text})`];
}

function select([c, a, b]: readonly Operand[], target: string) {
  // Of two numbers, PyTorch would make numbers of its default precision.
  const tensor = ({ kind, text }: Operand) =>
    kind === "number" ? atom(`torch.full_like(${target}, ${float(text.text)}, dtype=torch.float64)`) : text;
  if (c.kind === "number") return atom(`(${tensor(a).text} if ${c.text.text} != 0 else ${tensor(b).text})`);
  return atom(`torch.where(${infix("!=", c.text, atom("0")).text}, ${tensor(a).text}, ${tensor(b).text})`);
}

/** An initial value inside of a formula; `lines` are what comes before it. */
function operand(init: Init, target: string, type: Type, options: InitialOptions, lines: string[]): Operand {
  if (init.kind === "constant") return { kind: "number", text: number(init.value) };
  if (init.kind === "copy") return { kind: "tensor", text: atom(`${options.at(init.of)}.double()`) };
  const blank = `torch.empty_like(${target}, dtype=torch.float64)`;
  if (init.kind === "uniform" || init.kind === "normal") {
    const [a, b] = init.kind === "uniform" ? [init.low, init.high] : [init.mean, init.std];
    return { kind: "tensor", text: atom(`${blank}.${init.kind}_(${number(a).text}, ${number(b).text})`) };
  }
  const name = options.names.fresh(init.kind);
  lines.push(`${name} = ${blank}`, ...initialLines(init, name, type, options));
  return { kind: "tensor", text: atom(name) };
}
