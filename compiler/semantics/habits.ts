/** Names of other libraries, of papers and of other languages, and what to write here. Only looked at when a name is unknown. */
import type { Value } from "../ir/types.ts";
import type { Context } from "./context.ts";
import type { Scope } from "./scope.ts";

const initialisers: Readonly<Record<string, string>> = {
  glorot: "write xavier",
  glorot_uniform: "write xavier",
  xavier_uniform: "write xavier",
  glorot_normal: "write xavier, or normal(std)",
  xavier_normal: "write xavier, or normal(std)",
  kaiming_uniform: "write uniform(sqrt(6 / D)), D being the number of inputs",
  kaiming_normal: "write kaiming",
  he: "write kaiming",
  he_normal: "write kaiming",
  he_uniform: "write uniform(sqrt(6 / D)), D being the number of inputs",
  lecun_normal: "write lecun",
  arange: "write range",
  randn: "write normal(1)",
  gaussian: "write normal(0.1)",
  rand: "write uniform(0, 1)",
  random: "write uniform(0.1)",
  random_normal: "write normal(0.1)",
  eye: "write identity",
  zero: "write 0",
  one: "write 1",
  constant: "write the number alone",
  fill: "write the number alone",
};

const values: Readonly<Record<string, string>> = {
  t: "time is not written: a state is `h` before the step and `h'` after it, an input `x` is this step's",
  T: "transpose(W) is W transposed; the length of sequences is not written",
  None: "`none` leaves a norm or a parameter out, and is a new axis in brackets: x[:, none]",
  e: "write exp(1)",
  nothing: "`none` leaves a norm or a parameter out",
  null: "`none` leaves a norm or a parameter out",
  true: "write 1",
  True: "write 1",
  false: "write 0",
  False: "write 0",
  batch: "the axis over examples is always there and is not written",
  time: "the axis over time is not written: `input x : [D] over time`",
  B: "the axis over examples is always there and is not written",
  inf: "no number is infinite: write a large one, such as 1e30",
  self: "parameters have plain names",
};

/** Arguments by name of functions in other libraries, and what to do instead. */
const optionsOf: Readonly<Record<string, string>> = {
  "cross_entropy weight": "weigh the examples: docs/cookbook.md has it under “Class weights”",
  "cross_entropy label_smoothing": "mix the classes: docs/cookbook.md has it under “Label smoothing”",
  "cross_entropy ignore_index": "leave some out: docs/cookbook.md has it under “A mean over what was observed”",
  "binary_cross_entropy weight": "weigh the examples: docs/cookbook.md has it under “Class weights”",
  "huber beta": "it is delta here",
};

/** Arguments by name of any function; `of` is the function. */
const options: Readonly<Record<string, (of: string) => string>> = {
  ...both("dim", "axis", (of) => `axes have names: ${of}(x, over feature), over last, over time`),
  ...both("keepdim", "keepdims", (of) => `${of}(x, over last) keeps the axis, over feature removes all`),
  label_smoothing: (of) => `mix it with the mean over classes: 0.9 * ${of}(z, y) - 0.1 * mean(log_softmax(z))`,
  ...both("weight", "weights", (of) => `multiply by it: loss sum(w * ${of}(z, y), over batch) / sum(w, over batch)`),
  ignore_index: (of) => `leave steps out by a mask: sum(m * ${of}(z, y), over time) / sum(m, over time)`,
  reduction: (of) => `${of} is of one example and step; a loss is the mean over them, and sum(e, over time) a sum`,
  temperature: () => "divide by it: softmax(x / 0.1)",
};

function both<T>(a: string, b: string, of: T): Readonly<Record<string, T>> {
  return { [a]: of, [b]: of };
}

/** What to write instead of the unknown argument `name` of `of`. */
export const argumentHabit = (name: string, of: string): string | undefined =>
  lookUp(optionsOf, `${of} ${name}`) ?? (Object.hasOwn(options, name) ? options[name](of) : undefined);

const lookUp = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

export const initialiserHabit = (name: string): string | undefined => lookUp(initialisers, name);

/** Endings and beginnings with which papers and programs say which step a value belongs to. */
const before = /^(?:prev_|last_|old_)(\w+)$|^(\w+?)_?(?:t_?1|tm1|tminus1|t_minus_1|prev|previous|old|last)$/;
const after = /^(?:next_|new_)(\w+)$|^(\w+?)_?(?:next|new|t|tp1|out)$/;

/** The state whose next value `name` seems to be: `h_next`, `new_h`, `h_t`. */
export function nextStateIn(names: Iterable<string>, state: string): string | undefined {
  for (const name of names) {
    const found = after.exec(name);
    if (name !== state && found !== null && (found[1] ?? found[2]) === state) return name;
  }
  return undefined;
}

/** What the unknown name `name` should be, if it says which step it belongs to, or is a word of another language. */
export function nameHabit(name: string, scope: Scope): string | undefined {
  for (const [pattern, isPast] of [
    [before, true],
    [after, false],
  ] as const) {
    const found = pattern.exec(name);
    const base = found && (found[1] ?? found[2]);
    const origin = base && scope.find(base)?.origin;
    if (origin === "state")
      return isPast ? `the value before this step is \`${base}\`` : `the value after this step is \`${base}'\``;
    if (origin === "input") return `this step's input is \`${base}\`; earlier ones are kept in a state`;
  }
  return lookUp(values, name);
}

/** What to write where parts of `values` were taken as if their steps were an axis. */
export function stepsHabit(values: readonly Value[], c: Pick<Context, "scan" | "builder">): string | undefined {
  // A cell has this step only, and is told so elsewhere.
  if (c.scan === undefined) return undefined;
  const isPart = (v: Value): boolean =>
    v.type.time &&
    (v.type.shape.length === 0 || c.builder.ops.some((op) => op.op === "slice" && op.results.includes(v)));
  return values.some(isPart)
    ? "only features have places; delay(x, 1) is x of the step before, last(x, k) the last k"
    : undefined;
}
