/**
 * The optimisers, a row each: an optimiser's options, and its step on all parameters at once, as Tensor IR. The command line, the
 * documents and the tests walk this table.
 */
import { didYouMean } from "./diagnostics/nearest.ts";
import { refusal, takeOptions } from "./diagnostics/option-table.ts";
import type { Builder } from "./ir/builder.ts";
import type { Value } from "./ir/types.ts";
import {
  divisor,
  notNegative,
  number,
  type OptionRow,
  type OptionRows,
  pair,
  parameters,
  type ValuesOf,
  weight,
} from "./optimizer-options.ts";

interface Arguments<Values> {
  readonly b: Builder;
  /** The parameters, after weight decay if they decay. */
  readonly p: Value;
  /** The clipped gradient. */
  readonly g: Value;
  /** Those that the options need, in the order of the row. */
  readonly slots: readonly Value[];
  readonly lr: Value;
  /** 1, 2, … */
  readonly step: Value;
  readonly options: Values;
}

/** What is kept of each parameter from step to step. */
export interface SlotRow<Option extends string = string> {
  readonly name: string;
  /** The option that must not be 0 for it. Default: it is always kept. */
  readonly with?: Option;
}

export interface OptimizerRow<Rows extends OptionRows = OptionRows> {
  readonly doc: string;
  readonly slots: readonly SlotRow[];
  readonly options: Rows;
  /** The new parameters, and the new slots. */
  update(a: Arguments<ValuesOf<Rows>>): { readonly p: Value; readonly slots: readonly Value[] };
}

/** Gives a row's `update` the types of its options, and lets its slots name no others. */
const row = <Rows extends OptionRows>(
  made: OptimizerRow<Rows> & { readonly slots: readonly SlotRow<keyof Rows & string>[] },
): OptimizerRow<Rows> => made;

const blend = (b: Builder, weight: number, old: Value, now: Value): Value =>
  b.add(b.mul(b.scalar(weight), old), b.mul(b.scalar(1 - weight), now));

/** 1 − βᵏ, exact to f32 also where βᵏ is near 1: 1 − e⁻ˣ = 2u / (1 + u) with u = tanh(x / 2). */
function oneMinusPower(b: Builder, beta: number, k: Value): Value {
  if (beta === 0) return b.scalar(1);
  const u = b.elementwise("tanh", [b.mul(k, b.scalar(-Math.log(beta) / 2))]);
  return b.div(b.mul(b.scalar(2), u), b.add(b.scalar(1), u));
}

const moments = {
  betas: pair({ doc: "β₁ and β₂, the weights of the moments before", default: [0.9, 0.999] }, weight),
  eps: number({ doc: "ε, outside the root", default: 1e-8 }, divisor),
};

const momentSlots = [{ name: "m" }, { name: "v" }] as const;

const adam = row({
  doc: "m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; p − lr·m̂ / (√v̂ + ε), m̂ and v̂ without their bias (Kingma & Ba 2015)",
  slots: momentSlots,
  options: moments,
  update: ({ b, p, g, slots, lr, step, options: { betas, eps } }) => {
    const m = blend(b, betas[0], slots[0], g);
    const v = blend(b, betas[1], slots[1], b.square(g));
    const mean = b.div(m, oneMinusPower(b, betas[0], step));
    const scale = b.sqrt(b.div(v, oneMinusPower(b, betas[1], step)));
    const change = b.mul(lr, b.div(mean, b.add(scale, b.scalar(eps))));
    return { p: b.sub(p, change), slots: [m, v] };
  },
});

export const optimizers = {
  sgd: row({
    doc: "p − lr·g",
    slots: [],
    options: {},
    update: ({ b, p, g, lr }) => ({ p: b.sub(p, b.mul(lr, g)), slots: [] }),
  }),
  momentum: row({
    doc: "heavy ball, as PyTorch: m ← μ·m + g; p − lr·m",
    slots: [{ name: "m" }],
    options: {
      momentumFactor: number({ doc: "μ, the weight of the steps before", default: 0.9 }, weight),
    },
    update: ({ b, p, g, slots, lr, options: { momentumFactor } }) => {
      const m = b.add(b.mul(b.scalar(momentumFactor), slots[0]), g);
      return { p: b.sub(p, b.mul(lr, m)), slots: [m] };
    },
  }),
  rmsprop: row({
    doc: "as Blocks, which Cooijmans et al. used: r ← ρ·r + (1 − ρ)·g²; p − lr·g / max(√r, ε); with momentum, as PyTorch, m ← μ·m + g / max(√r, ε); p − lr·m",
    slots: [{ name: "r" }, { name: "m", with: "momentumFactor" }],
    options: {
      momentumFactor: number({ doc: "μ, the weight of the steps before; 0 is no momentum", default: 0 }, weight),
      rmsDecay: number({ doc: "ρ, the weight of the mean square before", default: 0.9 }, weight),
      eps: number({ doc: "ε, the least that is divided by", default: 1e-5 }, divisor),
    },
    update: ({ b, p, g, slots: [before, ...momentum], lr, options: { momentumFactor, rmsDecay, eps } }) => {
      const r = blend(b, rmsDecay, before, b.square(g));
      const scaled = b.div(g, b.max(b.sqrt(r), b.scalar(eps)));
      const m = momentum.map((steps) => b.add(b.mul(b.scalar(momentumFactor), steps), scaled));
      return { p: b.sub(p, b.mul(lr, m[0] ?? scaled)), slots: [r, ...m] };
    },
  }),
  adam,
  adamw: row({
    doc: "Adam with decoupled weight decay: p ← p − lr·λ·p before Adam's step (Loshchilov & Hutter 2019)",
    slots: momentSlots,
    options: {
      ...moments,
      weightDecay: number({ doc: "λ, decoupled weight decay; 0 is Adam", default: 0.01 }, notNegative),
      decayed: parameters({
        doc: "which parameters decay: `weights`, `all`, or those that are named, such as Wx,rnn/Wh",
        default: "weights",
      }),
    },
    update: (a) => adam.update(a),
  }),
} satisfies Record<string, OptimizerRow>;

type Table = typeof optimizers;
/** An optimiser by its name. */
export type OptimizerName = keyof Table;
export const optimizerNames = Object.keys(optimizers) as readonly OptimizerName[];
export const defaultOptimizer = "adam" satisfies OptimizerName;

/** An optimiser by name, or with options: `{ name: "adamw", weightDecay: 0.05, betas: [0.9, 0.99] }`. */
export type OptimizerChoice =
  | OptimizerName
  | { [N in OptimizerName]: { readonly name: N } & Partial<ValuesOf<Table[N]["options"]>> }[OptimizerName];

/** An optimiser with a value for each of its options. */
export type Optimizer = {
  [N in OptimizerName]: { readonly name: N } & ValuesOf<Table[N]["options"]>;
}[OptimizerName];

/**
 * The chosen optimiser, with defaults filled in. Throws `CompileError` (C0309) for an unknown name or option, or an invalid value.
 */
export function readOptimizer(choice: string | { readonly name: string } = defaultOptimizer): Optimizer {
  const { name, ...given }: { readonly name: string; readonly [option: string]: unknown } =
    typeof choice === "object" ? choice : { name: choice };
  if (!isOptimizer(name))
    throw refusal(
      `there is no optimiser \`${name}\``,
      didYouMean(String(name), optimizerNames) ?? `optimisers are ${optimizerNames.join(", ")}`,
    );
  const rows: OptionRows = optimizers[name].options;
  for (const option of Object.keys(given)) {
    const others = optimizersWith(option);
    if (!Object.hasOwn(rows, option) && others.length > 0)
      throw refusal(`${name} has no option \`${option}\``, `it is an option of ${others.join(" and ")}`);
  }
  const taken: Readonly<Record<string, unknown>> = takeOptions(name, rows, given);
  const options = Object.entries(rows).map(([option, row]) => [option, taken[option] ?? row.default]);
  return { name, ...Object.fromEntries(options) } as Optimizer;
}

/** The names of what an optimiser with these options keeps of each parameter. */
export function slotsOf({ name, ...options }: Optimizer): readonly string[] {
  const values: Readonly<Record<string, unknown>> = options;
  const { slots }: OptimizerRow = optimizers[name];
  return slots.filter((slot) => slot.with === undefined || values[slot.with] !== 0).map((slot) => slot.name);
}

export const isOptimizer = (name: unknown): name is OptimizerName =>
  typeof name === "string" && Object.hasOwn(optimizers, name);

/** The optimisers that have an option of this name. */
export const optimizersWith = (option: string): readonly OptimizerName[] =>
  optimizerNames.filter((name) => Object.hasOwn(optimizers[name].options, option));

/** An option's row, and which optimisers have it. */
export interface OfferedOption {
  readonly row: OptionRow<unknown>;
  readonly of: readonly OptimizerName[];
}

/** Every option of some optimiser, by name: its rows, each once. */
export const optimizerOptions: ReadonlyMap<string, readonly OfferedOption[]> = new Map(
  optimizerNames
    .flatMap((name) => Object.keys(optimizers[name].options))
    .map((option) => {
      const rowOf = (name: OptimizerName): OptionRow<unknown> => (optimizers[name] as OptimizerRow).options[option];
      const having = optimizersWith(option);
      const rows = [...new Set(having.map(rowOf))];
      return [option, rows.map((row) => ({ row, of: having.filter((name) => rowOf(name) === row) }))];
    }),
);

/**
 * The options that a checkpoint keeps beside the optimiser's name, as text: those that are not the default. Weight decay is always
 * included, because checkpoints of earlier versions, which lack it, are of an AdamW that decayed every parameter.
 */
export function recordedOptions({ name, ...options }: Optimizer): Readonly<Record<string, string>> {
  const rows: OptionRows = optimizers[name].options;
  const texts = Object.entries(options).map(([option, value]) => [option, rows[option].show(value)] as const);
  return Object.fromEntries(
    texts.filter(([option, text]) => option === "weightDecay" || text !== rows[option].show(rows[option].default)),
  );
}

/**
 * The optimiser with these recorded options. An option that this version does not know is left out; undefined for an unknown
 * optimiser.
 */
export function recordedOptimizer(name: string, texts: Readonly<Record<string, string>> = {}): Optimizer | undefined {
  if (!isOptimizer(name)) return undefined;
  const known = Object.entries(optimizers[name].options as OptionRows).flatMap(([option, row]): [string, unknown][] => {
    const value = Object.hasOwn(texts, option) ? row.read(texts[option]) : undefined;
    return row.test(value) ? [[option, value]] : [];
  });
  return readOptimizer({ name, ...Object.fromEntries(known) });
}
