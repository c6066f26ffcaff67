import type { Formula, Init } from "../../runtime/plan.ts";

/** An initialiser in the language's syntax: `0`, `orthogonal`, `blocks(1, 0, 0, 0)`. */
export function initText(init: Init): string {
  switch (init.kind) {
    case "constant":
      return String(init.value);
    case "uniform":
      return init.low === -init.high ? `uniform(${init.high})` : `uniform(${init.low}, ${init.high})`;
    case "normal":
      return init.mean === 0 ? `normal(${init.std})` : `normal(${init.mean}, ${init.std})`;
    case "kaiming":
      return init.gain === Math.SQRT2 ? "kaiming" : init.gain === 1 ? "lecun" : `kaiming(${init.gain})`;
    case "xavier":
    case "orthogonal":
    case "identity":
      return init.gain === 1 ? init.kind : `${init.kind}(${init.gain})`;
    case "blocks":
      return `blocks(${init.parts.map(initText).join(", ")})`;
    case "lengths":
      return `lengths of ${init.of}`;
    case "copy":
      return init.of;
    case "list":
      return listText(init.values, init.shape);
    case "range": {
      const name = init.along === "last" ? "range" : "rows";
      return init.from === 0 && init.step === 1 ? name : `${name}(${init.from}, ${init.step})`;
    }
    case "formula":
      return formulaText(init);
    default:
      return init satisfies never;
  }
}

/** Longer ones are cut: they are for people to recognise. */
const LONGEST = 80;

const shortened = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`);

function listText(values: readonly number[], [, ...inner]: readonly number[]): string {
  const size = inner.reduce((product, extent) => product * extent, 1);
  if (inner.length === 0) return shortened(`[${values.slice(0, LONGEST).join(", ")}]`);
  const rows = Array.from({ length: Math.min(values.length / size, LONGEST) }, (_, i) =>
    listText(values.slice(i * size, (i + 1) * size), inner),
  );
  return shortened(`[${rows.join(", ")}]`);
}

/** Functions that are written between or before their operands, and how tightly these bind. */
const operators: Readonly<Record<string, readonly [text: string, binding: number]>> = {
  lt: ["<", 0],
  le: ["<=", 0],
  gt: [">", 0],
  ge: [">=", 0],
  eq: ["==", 0],
  ne: ["!=", 0],
  add: ["+", 1],
  sub: ["-", 1],
  mul: ["*", 2],
  div: ["/", 2],
};

/** Every step as an expression of the steps before it. */
function formulaText({ steps }: Formula): string {
  const texts: (readonly [text: string, binding: number])[] = [];
  for (const step of steps) {
    if (step.kind !== "apply") {
      const text = initText(step);
      texts.push([text, text.startsWith("-") ? 1 : 4]);
      continue;
    }
    const of = step.of.map((place) => texts[place]);
    const within = (i: number, least: number): string => (of[i][1] >= least ? of[i][0] : `(${of[i][0]})`);
    const operator = operators[step.op];
    if (operator) {
      const [sign, binding] = operator;
      texts.push([shortened(`${within(0, Math.max(binding, 1))} ${sign} ${within(1, binding + 1)}`), binding]);
    } else if (step.op === "neg") texts.push([shortened(`-${within(0, 3)}`), 1]);
    else if (step.op === "recip") texts.push([shortened(`1 / ${within(0, 3)}`), 2]);
    else {
      const name = step.op === "select" ? "where" : step.op;
      texts.push([shortened(`${name}(${of.map(([text]) => text).join(", ")})`), 4]);
    }
  }
  return texts.at(-1)?.[0] ?? "";
}
