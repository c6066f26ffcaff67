/**
 * Schemas of the JSON documents that commands write and read again. A schema is a function: it turns a value into what the program
 * works with, or throws `Mismatch`, which says where in the document the value does not match.
 */

/** Keys and indices from the document's root to a value. */
export type KeyPath = readonly (string | number)[];

export type Schema<T> = (value: unknown, at: KeyPath) => T;

/** The type that a schema parses. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

export class Mismatch extends Error {
  readonly at: KeyPath;

  constructor(at: KeyPath, found: unknown, wanted: string) {
    super(found === undefined ? `is missing: want ${wanted}` : `is ${shown(found)}, want ${wanted}`);
    this.name = "Mismatch";
    this.at = at;
  }
}

/** A value for a message: short, and on one line. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}

const scalar =
  <T>(wanted: string, is: (value: unknown) => value is T): Schema<T> =>
  (value, at) => {
    if (!is(value)) throw new Mismatch(at, value, wanted);
    return value;
  };

export const text: Schema<string> = scalar("text", (value) => typeof value === "string");

export const truth: Schema<boolean> = scalar("true or false", (value) => typeof value === "boolean");

/** A finite number. */
export const number: Schema<number> = scalar("a number", (value): value is number => Number.isFinite(value));

/** A number that may be infinite or NaN after training, which JSON writes as `null`. */
export const measure: Schema<number> = (value, at) => (value === null ? Number.NaN : number(value, at));

/** A whole number from `least` on. */
export const whole = (least = 0): Schema<number> =>
  scalar(
    `a whole number from ${least} on`,
    (value): value is number => Number.isSafeInteger(value) && (value as number) >= least,
  );

export const above: Schema<number> = scalar(
  "a number above 0",
  (value): value is number => Number.isFinite(value) && (value as number) > 0,
);

export const oneOf = <const T extends string | number>(...allowed: readonly T[]): Schema<T> =>
  scalar(allowed.map((one) => JSON.stringify(one)).join(" or "), (value): value is T =>
    allowed.some((one) => one === value),
  );

/** Any JSON value. */
export const anything: Schema<unknown> = (value) => value;

/** A value that may be left out. */
export const optional =
  <T>(schema: Schema<T>): Schema<T | undefined> =>
  (value, at) =>
    value === undefined ? undefined : schema(value, at);

export const list =
  <T>(schema: Schema<T>): Schema<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value)) throw new Mismatch(at, value, "a list");
    return value.map((item, index) => schema(item, [...at, index]));
  };

/** An object with any keys. */
export const dictionary =
  <T>(schema: Schema<T>): Schema<Readonly<Record<string, T>>> =>
  (value, at) =>
    Object.fromEntries(entriesOf(value, at).map(([key, item]) => [key, schema(item, [...at, key])]));

type Fields = Readonly<Record<string, Schema<unknown>>>;
type Read<F extends Fields> = {
  readonly [K in keyof F as undefined extends Infer<F[K]> ? never : K]: Infer<F[K]>;
} & { readonly [K in keyof F as undefined extends Infer<F[K]> ? K : never]?: Infer<F[K]> };

/** An object with these keys. Other keys are refused, or kept as they are if `others` is "allowed". */
export const record =
  <F extends Fields>(fields: F, others: "refused" | "allowed" = "refused"): Schema<Read<F>> =>
  (value, at) => {
    const given = new Map(entriesOf(value, at));
    for (const [key, item] of given) {
      if (others === "refused" && !Object.hasOwn(fields, key))
        throw new Mismatch([...at, key], item, "nothing: this version does not know it");
    }
    const read = Object.entries(fields).map(([key, schema]) => [key, schema(given.get(key), [...at, key])] as const);
    const known = read.filter(([, item]) => item !== undefined);
    return Object.fromEntries([...given, ...known]) as Read<F>;
  };

/** A tagged union: an object whose `key` says which of `cases` it is. */
export const either =
  <C extends Readonly<Record<string, Schema<unknown>>>>(key: string, cases: C): Schema<Infer<C[keyof C]>> =>
  (value, at) => {
    const kind = new Map(entriesOf(value, at)).get(key);
    const names = Object.keys(cases);
    const name = oneOf(...names)(kind, [...at, key]);
    return cases[name](value, at) as Infer<C[keyof C]>;
  };

function entriesOf(value: unknown, at: KeyPath): readonly (readonly [string, unknown])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mismatch(at, value, "an object");
  return Object.entries(value);
}
