/** How each op's attributes are written and read: both ways beside each other, a row an op. */
import type { Init } from "../../runtime/plan.ts";
import { isElementwise } from "./elementwise.ts";
import { type Reader, showNumber } from "./text-reader.ts";
import type { Axes, Leaf, OpAttrs, OpName, StatPolicy, Type } from "./types.ts";

interface Syntax<A> {
  /** Stands after the operands, with a space between; may be empty. */
  print(attrs: A): string;
  /** `type` is that of the first result: what the text says after the colon is not said twice. */
  parse(r: Reader): (type: Type) => A;
}

const q = (text: string): string => JSON.stringify(text);
const none: Syntax<Readonly<Record<string, never>>> = { print: () => "", parse: () => () => ({}) };

/** A row for attributes that do not repeat the result's type. */
const row = <A>(print: (attrs: A) => string, parse: (r: Reader) => A): Syntax<A> => ({
  print,
  parse: (r) => {
    const attrs = parse(r);
    return () => attrs;
  },
});

function printInit(init: Init): string {
  switch (init.kind) {
    case "constant":
      return `constant(${showNumber(init.value)})`;
    case "uniform":
      return `uniform(${showNumber(init.low)}, ${showNumber(init.high)})`;
    case "normal":
      return `normal(mean=${showNumber(init.mean)}, std=${showNumber(init.std)})`;
    case "xavier":
    case "orthogonal":
    case "identity":
      return `${init.kind}(gain=${showNumber(init.gain)})`;
    case "blocks":
      return `blocks(${init.parts.map(printInit).join(", ")})`;
    case "lengths":
      return `lengths(${q(init.of)})`;
  }
}

function parseInit(r: Reader): Init {
  const kind = r.oneOf(["constant", "uniform", "normal", "xavier", "orthogonal", "identity", "blocks", "lengths"]);
  r.expect("(");
  const named = (name: string): number => {
    r.expect(name);
    r.expect("=");
    return r.number();
  };
  const inside = (): Init => {
    switch (kind) {
      case "constant":
        return { kind, value: r.number() };
      case "uniform": {
        const low = r.number();
        r.expect(",");
        return { kind, low, high: r.number() };
      }
      case "normal": {
        const mean = named("mean");
        r.expect(",");
        return { kind, mean, std: named("std") };
      }
      case "xavier":
      case "orthogonal":
      case "identity":
        return { kind, gain: named("gain") };
      case "blocks":
        return { kind, parts: r.list(")", () => parseInit(r)) };
      case "lengths":
        return { kind, of: r.string() };
    }
  };
  const init = inside();
  if (kind !== "blocks") r.expect(")");
  return init;
}

const printPolicy = (p: StatPolicy): string => (p.kind === "shared" ? "shared" : `per_step(${p.steps})`);

function parsePolicy(r: Reader): StatPolicy {
  const kind = r.oneOf(["shared", "per_step"]);
  if (kind === "shared") return { kind };
  r.expect("(");
  const steps = r.dimension();
  r.expect(")");
  return { kind, steps };
}

function printLeaf(leaf: Leaf): string {
  const head = `${leaf.kind} ${q(leaf.name)}`;
  switch (leaf.kind) {
    case "param":
      return `${head} ${printInit(leaf.init)}`;
    case "index":
      return `${head} size=${leaf.size}`;
    case "noise":
      return leaf.distribution === "bernoulli"
        ? `${head} bernoulli keep=${showNumber(leaf.keep)}`
        : `${head} ${leaf.distribution} scale=${showNumber(leaf.scale)}${leaf.perStep ? " per_step" : ""}`;
    case "population":
      return `${head} ${printPolicy(leaf.policy)}`;
    case "lengths":
      return `${head} ${leaf.mark}`;
    case "flat":
      return `${head} ${leaf.region} slot=${leaf.slot}`;
    case "input":
      return leaf.target ? `${head} target` : head;
    case "hyper":
    case "carry":
      return head;
  }
}

function parseLeaf(r: Reader): Leaf {
  const kind = r.oneOf(["param", "input", "index", "noise", "population", "hyper", "lengths", "carry", "flat"]);
  const name = r.string();
  switch (kind) {
    case "param":
      return { kind, name, init: parseInit(r) };
    case "index":
      r.expect("size");
      r.expect("=");
      return { kind, name, size: r.dimension() };
    case "noise": {
      const distribution = r.oneOf(["normal", "uniform", "bernoulli"]);
      r.expect(distribution === "bernoulli" ? "keep" : "scale");
      r.expect("=");
      const number = r.number();
      return distribution === "bernoulli"
        ? { kind, name, distribution, keep: number }
        : { kind, name, distribution, scale: number, ...(r.take("per_step") && { perStep: true }) };
    }
    case "population":
      return { kind, name, policy: parsePolicy(r) };
    case "lengths":
      return { kind, name, mark: r.oneOf(["valid", "last", "examples", "enough", "until"]) };
    case "flat": {
      const region = r.oneOf(["param", "grad", "slot", "stat", "loss", "skipped"]);
      r.expect("slot");
      r.expect("=");
      return { kind, name, region, slot: r.number() };
    }
    case "input":
      return { kind, name, ...(r.take("target") && { target: true }) };
    case "hyper":
    case "carry":
      return { kind, name };
  }
}

const bracketed = (items: readonly (string | number)[]): string => `[${items.join(", ")}]`;

/** `{name=value, …}`: the reading of one such list, in the order given. */
function fields<A>(r: Reader, read: (field: <T>(name: string, value: () => T) => T) => A): A {
  let first = true;
  r.expect("{");
  const attrs = read((name, value) => {
    if (!first) r.expect(",");
    first = false;
    r.expect(name);
    r.expect("=");
    return value();
  });
  r.expect("}");
  return attrs;
}

const dimensions = (r: Reader) => (): string[] => {
  r.expect("[");
  return r.list("]", () => r.dimension());
};

const integers = (r: Reader) => (): number[] => {
  r.expect("[");
  return r.list("]", () => r.number());
};

const printAxes = ({ batch, time, features, keep }: Axes): string =>
  `{${[
    ...(batch ? ["batch"] : []),
    ...(time ? ["time"] : []),
    ...(features.length > 0 ? [`features=${bracketed(features)}`] : []),
    ...(keep ? ["keep"] : []),
  ].join(", ")}}`;

function parseAxes(r: Reader): Axes {
  const axes = { batch: false, time: false, features: [] as number[], keep: false };
  r.expect("{");
  r.list("}", () => {
    const key = r.oneOf(["batch", "time", "features", "keep"]);
    if (key !== "features") {
      axes[key] = true;
      return;
    }
    r.expect("=");
    axes.features = integers(r)();
  });
  return axes;
}

const axes = row<{ readonly axes: Axes }>(
  (a) => printAxes(a.axes),
  (r) => ({ axes: parseAxes(r) }),
);

const step = row<OpAttrs["at"]>(
  (a) => `{step=${a.step}}`,
  (r) => fields(r, (field) => ({ step: field("step", () => r.oneOf(["first", "last"])) })),
);

const parts = row<{ readonly parts: number }>(
  (a) => `{parts=${a.parts}}`,
  (r) => fields(r, (field) => ({ parts: field("parts", () => r.number()) })),
);

const size = row<{ readonly size: string }>(
  (a) => `{size=${a.size}}`,
  (r) => fields(r, (field) => ({ size: field("size", () => r.dimension()) })),
);

type Written = Exclude<OpName, "scan" | keyof typeof import("./elementwise.ts").elementwise>;

const table: { readonly [K in Written]: Syntax<OpAttrs[K]> } = {
  leaf: {
    print: (a) => printLeaf(a.leaf),
    parse: (r) => {
      const leaf = parseLeaf(r);
      return (type) => ({ leaf, type });
    },
  },
  const: row(
    (a) => `${showNumber(a.value)}${a.dims.length > 0 ? ` * ${bracketed(a.dims)}` : ""}`,
    (r) => ({ value: r.number(), dims: r.take("*") ? dimensions(r)() : [] }),
  ),
  stop: none,
  site: row(
    (a) => q(a.name),
    (r) => ({ name: r.string() }),
  ),
  stat: row(
    (a) => `${q(a.name)} ${printPolicy(a.policy)}`,
    (r) => ({ name: r.string(), policy: parsePolicy(r) }),
  ),
  population: row(
    (a) => `${q(a.name)} ${q(a.collected)} ${printPolicy(a.policy)}`,
    (r) => ({ name: r.string(), collected: r.string(), policy: parsePolicy(r) }),
  ),
  ramp: row(
    (a) => `{from=${showNumber(a.from)}, to=${showNumber(a.to)}, first=${a.first}, last=${a.last}}`,
    (r) =>
      fields(r, (field) => {
        const number = (name: string): number => field(name, () => r.number());
        return { from: number("from"), to: number("to"), first: number("first"), last: number("last") };
      }),
  ),
  sum: axes,
  maximum: axes,
  pivot: axes,
  pivots: parts,
  partial: parts,
  spread: none,
  argmax: none,
  dot: row(
    (a) => `{${a.a},${a.b}->${a.out}${a.batch ? "; batch" : ""}${a.time ? "; time" : ""}}`,
    (r) => {
      const labels = (): string => r.match(/[A-Za-z]*/y, "labels");
      r.expect("{");
      const a = labels();
      r.expect(",");
      const b = labels();
      r.expect("->");
      const out = labels();
      const attrs = { a, b, out, batch: false, time: false };
      while (r.take(";")) attrs[r.oneOf(["batch", "time"])] = true;
      r.expect("}");
      return attrs;
    },
  ),
  split: row(
    (a) => `{axis=${a.axis}, parts=${a.parts}}`,
    (r) => fields(r, (field) => ({ axis: field("axis", () => r.number()), parts: field("parts", () => r.number()) })),
  ),
  concat: row(
    (a) => `{axis=${a.axis}}`,
    (r) => fields(r, (field) => ({ axis: field("axis", () => r.number()) })),
  ),
  cut: row(
    (a) => `{axis=${a.axis}, widths=${bracketed(a.widths)}}`,
    (r) => fields(r, (field) => ({ axis: field("axis", () => r.number()), widths: field("widths", dimensions(r)) })),
  ),
  reshape: row(
    (a) => `{shape=${bracketed(a.shape)}}`,
    (r) => fields(r, (field) => ({ shape: field("shape", dimensions(r)) })),
  ),
  transpose: row(
    (a) => `{permutation=${bracketed(a.permutation)}}`,
    (r) => fields(r, (field) => ({ permutation: field("permutation", integers(r)) })),
  ),
  broadcast: { print: () => "", parse: () => (type) => ({ type }) },
  at: step,
  put: step,
  reverse: none,
  gather: none,
  scatter: size,
  onehot: size,
};

function syntaxOf(op: Exclude<OpName, "scan">): Syntax<never> {
  return (isElementwise(op) ? none : table[op]) as Syntax<never>;
}

/** Whether `word` names an op that has a row here; `scan` has its own syntax. */
export function isWrittenOp(word: string): word is Exclude<OpName, "scan"> {
  return isElementwise(word) || Object.hasOwn(table, word);
}

export function printAttributes<K extends Exclude<OpName, "scan">>(op: K, attrs: OpAttrs[K]): string {
  return syntaxOf(op).print(attrs as never);
}

/** Reads what `printAttributes` writes; the attributes are complete once the type of the first result is known. */
export function parseAttributes(op: Exclude<OpName, "scan">, r: Reader): (type: Type) => OpAttrs[OpName] {
  return syntaxOf(op).parse(r);
}
