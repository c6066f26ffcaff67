/**
 * The plan's format as a table: what each field may hold. TypeScript checks it against the types in `plan.ts`: a missing or an
 * extra field is a type error. The runtime refuses a field that is not in the table.
 */
import { codeKinds } from "./code-kinds.ts";
import { initFunctions } from "./init-functions.ts";
import { regionNames } from "./layout.ts";
import { markAxes } from "./mark-axes.ts";
import type {
  Alone,
  Command,
  Entry,
  EntryName,
  Extent,
  Init,
  KernelInfo,
  Mark,
  Noise,
  Plan,
  Region,
  Role,
  Tensor,
  Texture,
  TextureRead,
  TextureWrite,
} from "./plan.ts";
import { isCount, isRecord, shown } from "./shown.ts";

/** Says what is wrong with a value, after the path to it (`.tensors[3].offset is -1, not …`); undefined if nothing is. */
export type Check = (value: unknown) => string | undefined;
type Fields<T> = { readonly [K in keyof T]-?: Check };
type Kinds<T, Key extends keyof T> = {
  readonly [K in T[Key] & string]: Fields<Omit<Extract<T, Record<Key, K>>, Key>> | Check;
};

export const is =
  (what: string, test: (value: unknown) => boolean): Check =>
  (value) =>
    test(value) ? undefined : ` is ${shown(value)}, not ${what}`;

const wholeFrom = (least: number) => is(`a whole number from ${least} on`, (value) => isCount(value) && value >= least);
const count = wholeFrom(0);
const size = wholeFrom(1);
const number = is("a finite number", Number.isFinite);
const flag = is("true or false", (value) => typeof value === "boolean");
export const text = is("a text", (value) => typeof value === "string");
export const oneOf = (...known: readonly unknown[]): Check =>
  is(known.map(shown).join(" or "), (value) => known.includes(value));
const record = is("an object", isRecord);
const array = is("a list", Array.isArray);

export const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

export const list =
  (of: Check, least = 0, most = Number.POSITIVE_INFINITY): Check =>
  (value) => {
    const items = value as readonly unknown[];
    const wrong = array(value);
    if (wrong !== undefined) return wrong;
    if (items.length < least || items.length > most) return ` has ${items.length} items`;
    for (let i = 0; i < items.length; i++) {
      const found = of(items[i]);
      if (found !== undefined) return `[${i}]${found}`;
    }
    return undefined;
  };

const each =
  (of: Check): Check =>
  (value) => {
    const wrong = record(value);
    if (wrong !== undefined) return wrong;
    for (const [key, item] of Object.entries(value as object)) {
      const found = of(item);
      if (found !== undefined) return `.${key}${found}`;
    }
    return undefined;
  };

export const fields = <T>(table: Fields<T>): Check => {
  const known = Object.entries<Check>(table);
  return (value) => {
    const wrong = record(value);
    if (wrong !== undefined) return wrong;
    let there = 0;
    for (const [key, check] of known) {
      const field = (value as Record<string, unknown>)[key];
      const found = check(field);
      if (found !== undefined) return `.${key}${found}`;
      if (field !== undefined) there++;
    }
    const keys = Object.keys(value as object);
    const stranger = keys.length === there ? undefined : keys.find((key) => !Object.hasOwn(table, key));
    return stranger === undefined ? undefined : `.${stranger} is not known`;
  };
};

/** For a field that is checked already. */
const known: Check = () => undefined;

/** An object whose field `key` determines which others it has, apart from those of `outer`. */
export const kinds = <T, Key extends keyof T & string>(
  key: Key,
  table: Kinds<T, Key>,
  outer: Readonly<Record<string, Check>> = {},
): Check => {
  const checks = new Map(
    Object.entries<Fields<object> | Check>(table).map(([kind, of]) => [
      kind,
      typeof of === "function" ? of : fields({ ...of, ...outer, [key]: known }),
    ]),
  );
  const one = oneOf(...checks.keys());
  return (value) => {
    const wrong = record(value);
    if (wrong !== undefined) return wrong;
    const kind = (value as Record<string, unknown>)[key];
    const unknown = one(kind);
    return unknown === undefined ? checks.get(kind as string)!(value) : `.${key}${unknown}`;
  };
};

const drawn = { scale: number, perStep: maybe(oneOf(true)) };
const noise = kinds<Noise, "distribution">(
  "distribution",
  { normal: drawn, uniform: drawn, bernoulli: { keep: number } },
  { kind: known },
);

/** Blocks and formulas may be nested `levels` deep: a cell has gates, and hardly gates of gates. */
const initialiser = (levels: number): Check =>
  kinds<Init, "kind">("kind", {
    constant: { value: number },
    uniform: { low: number, high: number },
    normal: { mean: number, std: number },
    xavier: { gain: number },
    kaiming: { gain: number },
    orthogonal: { gain: number },
    identity: { gain: number },
    blocks: { parts: list(nested(initialiser, levels), 1) },
    lengths: { of: text },
    list: { values: list(number, 1), shape: list(size, 1) },
    range: { from: number, step: number, along: oneOf("first", "last") },
    copy: { of: text },
    formula: { steps: list(nested(formulaStep, levels), 1) },
  });

const apply = fields({ kind: oneOf("apply"), op: oneOf(...Object.keys(initFunctions)), of: list(count, 1, 3) });
const formulaStep = (levels: number): Check => {
  const other = initialiser(levels);
  return (value) => ((value as { kind?: unknown } | undefined)?.kind === "apply" ? apply(value) : other(value));
};

/** What is one level further in. */
const nested = (check: (levels: number) => Check, levels: number): Check =>
  levels > 0 ? check(levels - 1) : () => " is nested too deep";

const init = initialiser(8);

const over = maybe(oneOf("steps", "examples", "weights"));

const role = kinds<Role, "kind">("kind", {
  param: { init, constant: maybe(oneOf(true)) },
  grad: { of: text },
  stat: { steps: size, policy: oneOf("per_step", "shared") },
  input: { target: maybe(oneOf(true)) },
  // Exact in f32.
  index: { size: is("a whole number from 1 to 2^24", (value) => isCount(value) && value >= 1 && value <= 2 ** 24) },
  noise,
  state: {},
  hyper: {},
  step: {},
  lengths: { mark: oneOf(...(Object.keys(markAxes) as readonly Mark[])) },
  output: {},
  loss: { over },
  loss_term: { over },
  metric: { over },
  weight: { of: text },
  batch_stat: { of: text, alone: maybe(fields<Alone>({ steps: oneOf("any", "one"), total: flag })) },
});

const tensor = fields<Tensor>({
  name: text,
  role,
  region: oneOf(...regionNames.slice(0, -1)),
  offset: count,
  time: flag,
  shape: list(size),
  batch: flag,
  axis: maybe(text),
  row: maybe(size),
});

const extent = fields<Extent>({ fixed: count, perStep: count });

/** Loops over steps contain dispatches, and segments contain both. */
const dispatch = { kernel: text, grid: list(extent, 3, 3) };
const inStep = kinds<Extract<Command, { do: "dispatch" }>, "do">("do", { dispatch });
const steps = { reverse: flag, commands: list(inStep) };
const inSegment = kinds<Exclude<Command, { do: "segments" }>, "do">("do", { dispatch, steps });
const segments = { length: size, reverse: flag, commands: list(inSegment) };
const command = kinds<Command, "do">("do", { dispatch, steps, segments });

const indexOps = ["add", "sub", "mul", "div", "rem", "min", "max"];
const isIndex = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length === 3 && indexOps.includes(value[0]) && isIndex(value[1]) && isIndex(value[2])
    : value === "t" || value === "T" || value === "y" || Number.isSafeInteger(value);
const index = is("an index", isIndex);

const texture = fields<Texture>({
  name: text,
  size,
  frames: maybe(index),
  alternate: maybe(oneOf(true)),
  stacked: maybe(oneOf(true)),
  host: maybe(list(fields<NonNullable<Texture["host"]>[number]>({ offset: count, size }))),
});
const read = fields<TextureRead>({ name: text, texture: text, frame: maybe(index) });
const write = fields<TextureWrite>({ texture: text, frame: maybe(index), at: index, below: maybe(list(index, 2, 2)) });

const region = fields<Region>({
  fixed: count,
  frame: count,
  segment: maybe(fields<NonNullable<Region["segment"]>>({ length: size, frame: count, border: count })),
});

const entry = maybe(
  fields<Entry>({
    tensors: list(tensor),
    commands: list(command),
    regions: fields<Entry["regions"]>({
      param: region,
      grad: region,
      slot: region,
      stat: region,
      input: region,
      work: region,
      half: region,
    }),
    textures: maybe(list(texture)),
  }),
);

/** The first thing that is wrong with the format of a plan, and where. */
export const planFault: Check = fields<Plan>({
  format: oneOf(4),
  name: text,
  target: oneOf(...Object.keys(codeKinds)),
  dims: each(size),
  mostSteps: maybe(size),
  fingerprint: text,
  measures: each(text),
  equations: each(text),
  slots: list(text),
  optimizer: text,
  optimizerOptions: maybe(each(text)),
  features: maybe(list(text)),
  entries: fields<Record<EntryName, Entry>>({
    train: entry,
    estimate: entry,
    infer: entry,
    update: entry,
    start: entry,
    step: entry,
  }),
  kernels: list(
    fields<KernelInfo>({
      name: text,
      // An estimate, which need not be a whole number where lanes split work.
      work: fields<Extent>({ fixed: number, perStep: number }),
      lanes: size,
      regions: list(
        fields<KernelInfo["regions"][number]>({ region: oneOf(...regionNames), access: oneOf("read", "read_write") }),
      ),
      reads: maybe(list(read)),
      writes: maybe(list(write)),
      sweeps: maybe(oneOf(true)),
    }),
  ),
});
