/**
 * Tables of options that a program passes by name: a row says what a value must be, and its docstring what it is for. The type of the
 * options is derived from the table, so there is no second list of names.
 */
import { CompileError } from "./diagnostic.ts";
import { didYouMean } from "./nearest.ts";
import { nowhere } from "./span.ts";

/** What a value must be. */
export interface Kind<T> {
  /** The end of a sentence that begins with the option's name and "is". */
  readonly must: string;
  readonly test: (value: unknown) => value is T;
  /** The words to choose from, if it is one of several. */
  readonly words?: readonly string[];
}

export type OptionTable = Readonly<Record<string, Kind<unknown>>>;

/** The options of a table, as an object. Each is optional. */
export type OptionsOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]?: Table[Name] extends Kind<infer T> ? T : never;
};

/** A custom kind. `test` decides whether a value is a `T`. */
export const kind = <T>(must: string, test: (value: unknown) => boolean, words?: readonly string[]): Kind<T> => ({
  must,
  test: test as Kind<T>["test"],
  words,
});

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const text: Kind<string> = kind("a text", (value) => typeof value === "string");

export const flag: Kind<boolean> = kind("true or false", (value) => typeof value === "boolean");

export const count: Kind<number> = kind(
  "a whole number, at least 1",
  (value) => Number.isSafeInteger(value) && Number(value) >= 1,
);

export const positive: Kind<number> = kind("a number above 0", (value) => typeof value === "number" && value > 0);

/** A function of type `T`. */
export const callable = <T>(): Kind<T> => kind("a function", (value) => typeof value === "function");

/** One of several words. */
export const oneOf = <const Word extends string>(words: readonly Word[]): Kind<Word> =>
  kind(`one of ${words.join(", ")}`, (value) => words.some((word) => word === value), words);

/** A list of words out of several. */
export const someOf = <const Word extends string>(words: readonly Word[]): Kind<readonly Word[]> =>
  kind(
    `a list of ${words.join(", ")}`,
    (value) => Array.isArray(value) && value.every((item) => words.some((word) => word === item)),
  );

/** An object with a word for each of several names, each of them optional. */
export const wordFor = <const Name extends string, const Word extends string>(
  names: readonly Name[],
  words: readonly Word[],
): Kind<{ readonly [N in Name]?: Word }> =>
  kind(
    `an object with ${names.join(" and ")}, each one of ${words.join(", ")}`,
    (value) =>
      isRecord(value) &&
      Object.keys(value).every((name) => names.some((known) => known === name)) &&
      Object.values(value).every((item) => item === undefined || words.some((word) => word === item)),
  );

/** A number for each name. */
export const numberByName: Kind<Readonly<Record<string, number>>> = kind(
  "an object of numbers by their names, such as { H: 100 }",
  (value) => isRecord(value) && Object.values(value).every((item) => typeof item === "number"),
);

/** A text for each name. */
export const textByName: Kind<Readonly<Record<string, string>>> = kind(
  'an object of names by names, such as { rnn: "lstm" }',
  (value) => isRecord(value) && Object.values(value).every((item) => typeof item === "string"),
);

/** An object with these methods, of type `T`. */
export const having = <T>(must: string, ...methods: readonly (keyof T & string)[]): Kind<T> =>
  kind(must, (value) => isRecord(value) && methods.every((name) => typeof value[name] === "function"));

/**
 * Checks the options that were passed to `of`, and returns them. Throws `CompileError` (C0309) for one that is not in the table, or
 * not of its kind.
 */
export function takeOptions<Table extends OptionTable>(of: string, table: Table, given: unknown): OptionsOf<Table> {
  if (!isRecord(given)) throw refusal(`the options of ${of} are an object, not ${shown(given)}`);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) {
      const names = Object.keys(table);
      throw refusal(
        `${of} has no option \`${name}\``,
        didYouMean(name, names) ?? (names.length > 0 ? `its options are ${names.join(", ")}` : "it has none"),
      );
    }
    const { must, test, words = [] } = table[name];
    if (value === undefined || test(value)) continue;
    const help = typeof value === "string" ? didYouMean(value, words) : undefined;
    throw refusal(`\`${name}\` is ${must}, not ${shown(value)}`, help);
  }
  return given as OptionsOf<Table>;
}

/** The error for a program's options or arguments. */
export function refusal(message: string, help?: string): CompileError {
  return new CompileError([{ code: "C0309", severity: "error", message, span: nowhere, help }]);
}

/** How many items of a list or an object are shown. */
const most = 4;

function shown(value: unknown, within = true): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (!within) return Array.isArray(value) ? "a list" : "an object";
  const parts = Object.entries(value).map(
    ([name, part]) => (Array.isArray(value) ? "" : `${name}: `) + shown(part, false),
  );
  const some = [...parts.slice(0, most), ...(parts.length > most ? ["…"] : [])].join(", ");
  return Array.isArray(value) ? `[${some}]` : `{ ${some} }`;
}
