/**
 * An op's attributes, as its row declares them. One schema gives their text, its parser, their documentation, and where extents and
 * types occur in them. A schema is built from a few kinds of attribute.
 */
import { parseLeaf, parsePolicy, printLeaf, printPolicy } from "./leaf-text.ts";
import { type Reader, showNumber } from "./text-reader.ts";
import type { Axes, CopyFormat, Leaf, OpAttrs, StatPolicy, Type } from "./types.ts";

/** Replacements for the extents (dimension texts) and types in attributes. */
export interface Replacing {
  extent?(text: string): unknown;
  type?(type: Type): unknown;
}

/** One attribute. */
export interface Kind<T> {
  readonly doc: string;
  print(value: T): string;
  parse(r: Reader): T;
  /** The value with its extents and types replaced. Absent for a kind that contains neither. */
  replace?(value: T, by: Replacing): unknown;
}

/** All attributes of an op. */
export interface Schema<A> {
  /** What each attribute is, by its name. */
  readonly docs: readonly (readonly [name: string, doc: string])[];
  /** Printed after the operands, separated by a space. May be empty. */
  print(attrs: A): string;
  /** `type` is the first result's, which the text gives after the colon: attributes do not repeat it. */
  parse(r: Reader): (type: Type) => A;
  /** The attributes with their extents and types replaced. */
  replace(attrs: A, by: Replacing): object;
}

type Kinds<A> = { readonly [K in keyof A]: Kind<A[K]> };

const kind = <T>(doc: string, print: (value: T) => string, parse: (r: Reader) => T): Kind<T> => ({ doc, print, parse });

const bracketed = (items: readonly (string | number)[]): string => `[${items.join(", ")}]`;

function list<T>(r: Reader, item: () => T): readonly T[] {
  r.expect("[");
  return r.list("]", item);
}

const replaced = (text: string, by: Replacing): unknown => by.extent?.(text) ?? text;

export const number = kind("a number", showNumber, (r) => r.number());
export const integer = kind<number>("a whole number", String, (r) => r.number());
export const axis = kind<number>("a feature axis, counted from 0", String, (r) => r.number());
export const text = kind<string>("a name", JSON.stringify, (r) => r.string());
export const flag = kind<boolean>("whether or not", String, (r) => r.oneOf(["true", "false"]) === "true");
export const oneOf = <W extends string>(...words: readonly W[]): Kind<W> =>
  kind<W>(words.join(" or "), String, (r) => r.oneOf(words));
export const featureAxes = kind<readonly number[]>("feature axes, counted from 0", bracketed, (r) =>
  list(r, () => r.number()),
);
export const extent: Kind<string> = {
  ...kind<string>("an extent", String, (r) => r.dimension()),
  replace: replaced,
};
export const extents: Kind<readonly string[]> = {
  ...kind<readonly string[]>("extents", bracketed, (r) => list(r, () => r.dimension())),
  replace: (texts, by) => texts.map((t) => replaced(t, by)),
};
/** `* [batch, 4H]` after a number, or nothing. */
export const factors: Kind<readonly string[]> = {
  ...extents,
  doc: "extents that multiply it",
  print: (texts) => (texts.length > 0 ? `* ${bracketed(texts)}` : ""),
  parse: (r) => (r.take("*") ? extents.parse(r) : []),
};
/** Prints nothing for a plain copy. */
export const copyFormat: Kind<CopyFormat> = kind<CopyFormat>(
  "how it lies in memory",
  (format) => (format === "plain" ? "" : format),
  (r) => (["f16", "quads"] as const).find((format) => r.take(format)) ?? "plain",
);
export const policy: Kind<StatPolicy> = {
  ...kind("how the statistic is kept", printPolicy, parsePolicy),
  replace: (p, by) => (p.kind === "shared" ? p : { ...p, steps: replaced(p.steps, by) }),
};
/** `{batch, time, features=[0, 2], keep}`. */
export const reduced: Kind<Axes> = kind(
  "the axes that go; with `keep`, features stay as extent 1",
  ({ batch, time, features, keep }) =>
    `{${[
      ...(batch ? ["batch"] : []),
      ...(time ? ["time"] : []),
      ...(features.length > 0 ? [`features=${bracketed(features)}`] : []),
      ...(keep ? ["keep"] : []),
    ].join(", ")}}`,
  (r) => {
    const axes = { batch: false, time: false, features: [] as readonly number[], keep: false };
    r.expect("{");
    r.list("}", () => {
      const key = r.oneOf(["batch", "time", "features", "keep"]);
      if (key !== "features") {
        axes[key] = true;
        return;
      }
      r.expect("=");
      axes.features = featureAxes.parse(r);
    });
    return axes;
  },
);

function schema<A extends object>(
  kinds: Kinds<A>,
  print: (written: readonly (readonly [name: string, text: string])[]) => string,
  parse: (r: Reader, read: (name: keyof A & string) => void) => void,
): Schema<A> {
  const names = Object.keys(kinds) as (keyof A & string)[];
  return {
    docs: names.map((name) => [name, kinds[name].doc]),
    print: (attrs) => print(names.map((name) => [name, kinds[name].print(attrs[name])])),
    parse: (r) => {
      const attrs: Partial<A> = {};
      parse(r, (name) => {
        attrs[name] = kinds[name].parse(r);
      });
      return () => attrs as A;
    },
    replace: (attrs, by) =>
      Object.fromEntries(names.map((name) => [name, kinds[name].replace?.(attrs[name], by) ?? attrs[name]])),
  };
}

/** In order, without their names: `"hh/m" per_step(T)`. */
export function words<A extends object>(kinds: Kinds<A>): Schema<A> {
  const names = Object.keys(kinds) as (keyof A & string)[];
  return schema(
    kinds,
    (written) =>
      written
        .map(([, said]) => said)
        .filter((said) => said !== "")
        .join(" "),
    (_, read) => names.forEach(read),
  );
}

/** `{name=value, …}`, in the order given. */
export function fields<A extends object>(kinds: Kinds<A>): Schema<A> {
  const names = Object.keys(kinds) as (keyof A & string)[];
  return schema(
    kinds,
    (written) => `{${written.map(([name, said]) => `${name}=${said}`).join(", ")}}`,
    (r, read) => {
      r.expect("{");
      names.forEach((name, i) => {
        if (i > 0) r.expect(",");
        r.expect(name);
        r.expect("=");
        read(name);
      });
      r.expect("}");
    },
  );
}

/** No attributes. */
export const none: Schema<Readonly<Record<string, never>>> = words({});

/** `{k,kn->n; batch; time}`. */
export const labels: Schema<OpAttrs["dot"]> = {
  docs: [
    ["a", "a letter an axis"],
    ["b", "likewise"],
    ["out", "likewise"],
    ["batch", "whether the sum also runs over examples"],
    ["time", "whether the sum also runs over steps"],
  ],
  print: ({ a, b, out, batch, time }) => `{${a},${b}->${out}${batch ? "; batch" : ""}${time ? "; time" : ""}}`,
  parse: (r) => {
    const label = (): string => r.match(/[A-Za-z]*/y, "labels");
    r.expect("{");
    const a = label();
    r.expect(",");
    const b = label();
    r.expect("->");
    const out = label();
    const attrs = { a, b, out, batch: false, time: false };
    while (r.take(";")) attrs[r.oneOf(["batch", "time"])] = true;
    r.expect("}");
    return () => attrs;
  },
  replace: (attrs) => attrs,
};

/** The result's type, which the text gives after the colon. */
export const resultType: Schema<OpAttrs["broadcast"]> = {
  docs: [["type", "that of the result"]],
  print: () => "",
  parse: () => (type) => ({ type }),
  replace: ({ type }, by) => ({ type: by.type?.(type) ?? type }),
};

/** `param "Wx" orthogonal(gain=1)`, and the type of the result. */
export const leafOfType: Schema<OpAttrs["leaf"]> = {
  docs: [["leaf", "where the value comes from"], ...resultType.docs],
  print: ({ leaf }) => printLeaf(leaf),
  parse: (r) => {
    const leaf = parseLeaf(r);
    return (type) => ({ leaf, type });
  },
  replace: ({ leaf, type }, by) => ({ leaf: replacedLeaf(leaf, by), type: by.type?.(type) ?? type }),
};

function replacedLeaf(leaf: Leaf, by: Replacing): object {
  if (leaf.kind === "index") return { ...leaf, size: replaced(leaf.size, by) };
  if (leaf.kind === "flat" && leaf.from !== undefined) return { ...leaf, from: replaced(leaf.from, by) };
  return leaf.kind === "population" ? { ...leaf, policy: policy.replace!(leaf.policy, by) } : leaf;
}
