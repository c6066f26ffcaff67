/** Which fields of a data set become which inputs and targets of a model. */
import { exit, Failure } from "../failure.ts";
import type { DataOptions } from "./data-options.ts";
import type { Look } from "./formats/looks.ts";
import type { Field, Recording } from "./recording.ts";

/** What an input or a target of the model is made of. */
export interface Role {
  /** The model's name for it. */
  readonly name: string;
  /** Numbers, or the places of symbols in a vocabulary or a list of classes. */
  readonly kind: "numbers" | "symbols";
  /** The fields, one after the other; a single one for symbols. */
  readonly fields: readonly string[];
  readonly over: Field["over"];
}

export interface Roles {
  readonly inputs: readonly Role[];
  readonly targets: readonly Role[];
  /** The column of weights. */
  readonly weight?: Role;
  /** Whether the target is the symbol after each of the input's. */
  readonly next: boolean;
}

type Fields = Readonly<Record<string, Field>>;

/** The fields of a data set, and what those of texts look like. */
type Source = Pick<Recording, "path" | "fields" | "looks">;

/** The model's name for weights. */
export const WEIGHT = "weight";

/** Throws C0406 for a column that is not there or cannot be what it is to be, and C0301 if nothing is to be predicted. */
export function rolesOf(given: Source, options: DataOptions): Roles {
  const { path } = given;
  const source = withSymbols(given, options.symbols ?? []);
  const { fields } = source;
  const chosen = choice(path, fields, options);
  const targets = [
    ...Object.entries(chosen.target).map(([name, columns]) => roleOf(source, name, columns, "numbers")),
    ...Object.entries(chosen.label).map(([name, column]) => roleOf(source, name, [column], "symbols")),
  ];
  const inputs = inputsOf(source, options, targets);
  const weight = weightOf(source, options, [...inputs, ...targets]);
  if (targets.length > 0) return { inputs, targets, ...(weight && { weight }), next: false };
  const words = inputs.filter(({ kind, over }) => kind === "symbols" && over === "steps");
  if (words.length === 1 && inputs.length === 1)
    return { inputs, targets: [{ ...words[0], name: "y" }], ...(weight && { weight }), next: true };
  throw new Failure(
    "C0301",
    exit.usage,
    `nothing says what to predict of ${path}`,
    `name columns: --target for numbers, --label for classes; there are ${listed(Object.keys(fields))}`,
  );
}

/** The fields, with those of symbols that the options name, which are symbols whatever they look like. */
function withSymbols({ path, fields, looks = {} }: Source, symbols: readonly string[]): Source {
  const named = symbols.map((name) => {
    if (!Object.hasOwn(fields, name)) throw noColumn(path, name, "symbols", fields);
    const { kind, over } = fields[name];
    if (kind === "label") throw wrongKind(path, name, fields[name], "symbols");
    return [name, { kind: "symbol", over }] as const;
  });
  return {
    path,
    fields: { ...fields, ...Object.fromEntries(named) },
    looks: Object.fromEntries(Object.entries(looks).filter(([name]) => !symbols.includes(name))),
  };
}

/** What is predicted: what the options say, or else a field that is called y. */
function choice(path: string, fields: Fields, { target = {}, label = {} }: DataOptions) {
  const twice = Object.keys(target).find((name) => Object.hasOwn(label, name));
  if (twice !== undefined)
    throw new Failure("C0301", exit.usage, `${twice} is to be both numbers and classes`, "give --target or --label");
  if (Object.keys(target).length + Object.keys(label).length > 0 || !Object.hasOwn(fields, "y"))
    return { target, label };
  const { y } = fields;
  if (y.kind === "label") throw wrongKind(path, "y", y, "a target");
  return y.kind === "symbol" ? { target, label: { y: "y" } } : { target: { y: ["y"] }, label };
}

function inputsOf(source: Source, options: DataOptions, targets: readonly Role[]): readonly Role[] {
  const { path, fields } = source;
  if (options.inputs !== undefined)
    return Object.entries(options.inputs).map(([name, columns]) => roleOf(source, name, columns));
  // A forecast reads what it forecasts; anything else that did would have the answer among its inputs.
  const answers = new Set(
    targets.flatMap((role) => (options.horizon !== undefined && role.kind === "numbers" ? [] : role.fields)),
  );
  const apart = new Set([options.group, options.timeColumn, options.splitBy, options.weight]);
  const free = Object.entries(fields).filter(
    ([name, { kind, over }]) => over === "steps" && kind !== "label" && !answers.has(name) && !apart.has(name),
  );
  // A field of symbols that is called w is the input w, as one that is called y is the target: the words of stories, and not their marks.
  if (free.some(([name, { kind }]) => name === "w" && kind === "symbol"))
    return [
      roleOf(source, "w", ["w"]),
      ...free.filter(([name, { kind }]) => name === "x" && kind === "number").map(([x]) => roleOf(source, x, [x])),
    ];
  const numbers = free.filter(([, { kind }]) => kind === "number").map(([name]) => name);
  if (numbers.length > 0) return [roleOf(source, "x", numbers)];
  const symbols = free.map(([name]) => name);
  if (symbols.length === 1) return [roleOf(source, "w", symbols)];
  const looked = symbols.find((name) => source.looks?.[name] !== undefined);
  if (looked !== undefined) throw looksOtherwise(path, looked, source.looks![looked]);
  throw new Failure(
    "C0301",
    exit.usage,
    symbols.length === 0
      ? `${path} has nothing but what is to be predicted`
      : `${path} has several columns of symbols and none of numbers`,
    symbols.length === 0
      ? "a model needs an input"
      : `in a task file, say which is which: "inputs": {"w": ["${symbols[0]}"]}`,
  );
}

/** The column of weights. Throws C0301 if the model's `weight` is something else already. */
function weightOf(source: Source, { weight, classWeights }: DataOptions, others: readonly Role[]): Role | undefined {
  if (weight === undefined && classWeights === undefined) return undefined;
  if (others.some(({ name }) => name === WEIGHT))
    throw new Failure(
      "C0301",
      exit.usage,
      `${WEIGHT} is the model's name for --weight and --class-weights, and here for something else, too`,
      "call that another name",
    );
  if (weight === undefined) return undefined;
  const { path, fields } = source;
  const role = roleOf(source, WEIGHT, [weight], "numbers");
  const field = fields[weight];
  if (field.kind === "number" && field.shape.every((extent) => extent === 1)) return role;
  throw new Failure("C0406", exit.input, `${weight} of ${path} has several numbers, and a weight is one`);
}

function roleOf(source: Source, name: string, columns: readonly string[], want?: Role["kind"]): Role {
  const { path, fields, looks } = source;
  const found = columns.map((column) => {
    if (!Object.hasOwn(fields, column)) throw noColumn(path, column, name, fields);
    return fields[column];
  });
  for (const [at, field] of found.entries()) {
    if (field.kind === "label") throw wrongKind(path, columns[at], field, name);
    const look = want === "symbols" || field.kind !== "symbol" ? undefined : looks?.[columns[at]];
    if (look !== undefined) throw looksOtherwise(path, columns[at], look);
    if (want === "numbers" && field.kind === "symbol")
      throw new Failure(
        "C0406",
        exit.input,
        `${columns[at]} of ${path} holds texts, and --target predicts numbers`,
        `to predict classes: --label ${columns[at]}`,
      );
  }
  const kind = want ?? (found.some((field) => field.kind === "symbol") ? "symbols" : "numbers");
  const texts = columns.filter((_, at) => found[at].kind === "symbol");
  const wide = found.some((field) => field.kind === "number" && field.shape.some((extent) => extent !== 1));
  if (kind === "symbols" && (columns.length > 1 || wide))
    throw new Failure(
      "C0406",
      exit.input,
      `${name} is to be symbols of ${columns.join(", ")}: one column of single values is wanted`,
      texts.length < columns.length
        ? `${texts.join(", ")} of these hold${texts.length === 1 ? "s" : ""} texts: write numbers, such as 1 and 0 for yes and no`
        : undefined,
    );
  const [{ over }] = found;
  const other = columns.find((_, at) => found[at].over !== over);
  if (other !== undefined)
    throw new Failure(
      "C0406",
      exit.input,
      `${name} is to be ${columns[0]} and ${other} of ${path}, of which one has a value for each step and one for the sequence`,
      "make two inputs of them, in a task file",
    );
  return { name, kind, fields: columns, over };
}

const noColumn = (path: string, column: string, name: string, fields: Fields): Failure =>
  new Failure(
    "C0406",
    exit.input,
    `${path} has no column ${column}, which is to be ${name}`,
    `it has ${listed(Object.keys(fields))}`,
  );

/** For texts that are to be what they look like. */
const looksOtherwise = (path: string, column: string, { why, help }: Look): Failure =>
  new Failure(
    "C0406",
    exit.input,
    `${column} of ${path} holds texts: ${why}`,
    `${help}; if its values are names: --symbols ${column}`,
  );

const wrongKind = (path: string, column: string, { kind }: Field, name: string): Failure =>
  new Failure(
    "C0406",
    exit.input,
    `${column} of ${path} is a ${kind}, and cannot be ${name}`,
    "it only says what is what",
  );

/** The most names in a message. */
const MOST_NAMED = 20;

/** Names for a message. */
export const listed = (words: readonly string[]): string =>
  words.length <= MOST_NAMED
    ? words.join(", ")
    : `${words.slice(0, MOST_NAMED).join(", ")} and ${words.length - MOST_NAMED} more`;
