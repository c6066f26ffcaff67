/** What a data set looks like a task for: the options that make it one, and a model to begin with. */
import type { DataOptions } from "../data/data-options.ts";
import type { StarterName } from "../start/starters.ts";
import type { FoundData } from "./open-survey.ts";
import { partSizes } from "./part-sizes.ts";
import type { FieldTally, Survey } from "./survey.ts";
import { windowsFor } from "./windows.ts";

export type Kind = "forecast" | "classification" | "tagging" | "estimation" | "language";

export interface Proposal {
  readonly kind: Kind;
  readonly why: string;
  readonly starter: StarterName;
  /** All options of the data, what was given among them. */
  readonly own: DataOptions;
  /** Examples per batch, where there are too few for the usual number. */
  readonly batch?: number;
}

/** Names by which a column of classes, or of numbers to predict, is called, in lower case. */
const LABEL =
  /^(?:y|label|labels|class|classes|target|category|kind|type|state|status|activity|anomaly|fault|failure)$|^is_/i;
const TARGET = /^(?:y|target|ot|value|sales|price|close|demand|load|count|consumption|output)$/i;

/** More different values are no classes. */
const MOST_CLASSES = 100;

/** Numbers with more values than this are sizes, unless they are called otherwise. */
const MOST_NUMBERED = 20;

/** The task that the data looks like, or the one of these that was asked for. Undefined if there is none. */
export function proposalOf(found: FoundData, wanted?: readonly Kind[]): Proposal | undefined {
  // Training refuses such a table.
  if ((found.survey.time?.back ?? 0) > 0) return undefined;
  const made = new Proposing(found).proposals().filter(({ kind }) => wanted === undefined || wanted.includes(kind));
  return made[0];
}

class Proposing {
  readonly #survey: Survey;
  readonly #options: DataOptions;
  /** Fields that can be inputs or targets. */
  readonly #fields: readonly FieldTally[];

  constructor({ survey, options, looks }: FoundData) {
    this.#survey = survey;
    this.#options = options;
    const apart = new Set([options.group, options.timeColumn, options.splitBy]);
    this.#fields = [...survey.fields.values()].filter(
      ({ name, field }) =>
        field.kind !== "label" && !apart.has(name) && !(field.kind === "symbol" && Object.hasOwn(looks, name)),
    );
  }

  /** The most likely one first. */
  proposals(): readonly Proposal[] {
    const { target, label, horizon } = this.#options;
    if (label !== undefined) return found(this.#classes(label));
    if (target !== undefined && horizon === undefined && this.#field(target)?.field.over === "sequence")
      return found(this.#estimates(target));
    if (target !== undefined) return found(this.#forecast(target));
    const seen = this.#label();
    const number = this.#fields.find(({ name, field }) => name === "y" && field.kind === "number");
    return [
      ...(seen === undefined ? [] : found(this.#classes({ y: seen }))),
      ...(number === undefined || seen !== undefined ? [] : found(this.#estimates({ y: [number.name] }))),
      ...found(this.#forecast()),
      ...found(this.#language()),
    ];
  }

  #field(columns: Readonly<Record<string, readonly string[]>>): FieldTally | undefined {
    return this.#survey.fields.get(Object.values(columns)[0]?.[0] ?? "");
  }

  /** The column that looks like classes. */
  #label(): string | undefined {
    const { sequences, time } = this.#survey;
    const many = sequences >= 10;
    const classes = this.#fields.filter((tally) => {
      const { name, field, width, symbols, numbers } = tally;
      if (width !== 1) return false;
      const isNamed = LABEL.test(name);
      if (field.kind === "symbol") {
        const fits = !symbols.isFull && symbols.distinct >= 2 && symbols.distinct <= MOST_CLASSES;
        if (field.over === "sequence") return fits && symbols.distinct <= Math.max(2, sequences / 2);
        return fits && (isNamed || (many && tally.isConstantInSequences));
      }
      const [{ isWhole, values }] = numbers;
      if (!isWhole || values.isFull || values.distinct < 2 || values.distinct > MOST_CLASSES) return false;
      if (field.over === "sequence") return isNamed && values.distinct <= Math.max(2, sequences / 2);
      return (
        isNamed &&
        values.distinct <= MOST_NUMBERED &&
        (time === undefined || !TARGET.test(name) || values.distinct === 2)
      );
    });
    // What is said of a sequence comes before what is said of its steps, and a telling name before another.
    const rank = (tally: FieldTally): number =>
      (tally.field.over === "sequence" ? 0 : 2) + (LABEL.test(tally.name) ? 0 : 1);
    return classes.toSorted((a, b) => rank(a) - rank(b))[0]?.name;
  }

  #classes(label: Readonly<Record<string, string>>): Proposal | undefined {
    const { sequences, fields } = this.#survey;
    const [name] = Object.values(label);
    const tally = fields.get(name);
    if (tally === undefined) return undefined;
    const isOne =
      tally.field.over === "sequence" ||
      this.#options.per === "sequence" ||
      (this.#options.per === undefined && tally.isConstantInSequences && sequences > 1);
    const inputs = this.#inputs([name], true);
    if (inputs === undefined) return undefined;
    const starter = `${isOne ? "classify" : "tag"}${inputs.symbols ? "_symbols" : ""}` as const;
    return this.#made({
      kind: isOne ? "classification" : "tagging",
      why: isOne ? `each sequence has one ${name}` : `each step has one ${name}`,
      starter,
      own: {
        ...inputs.own,
        label,
        ...(!isOne && !inputs.symbols && windowsFor(this.#survey, this.#options, "tagging")),
      },
    });
  }

  #estimates(target: Readonly<Record<string, readonly string[]>>): Proposal | undefined {
    const [names] = Object.values(target);
    const tally = this.#field(target);
    const inputs = this.#inputs(names, true);
    if (tally === undefined || inputs === undefined || inputs.symbols) return undefined;
    const isOne = tally.field.over === "sequence";
    if (!isOne && this.#survey.time !== undefined) return undefined;
    return this.#made({
      kind: "estimation",
      why: `${names.join(", ")} ${names.length === 1 ? "is a number" : "are numbers"} of each ${isOne ? "sequence" : "step"}`,
      starter: isOne ? "estimate" : "estimate_steps",
      own: { ...inputs.own, target, ...(!isOne && windowsFor(this.#survey, this.#options, "tagging")) },
    });
  }

  #forecast(target?: Readonly<Record<string, readonly string[]>>): Proposal | undefined {
    const numbers = this.#fields.filter(({ field }) => field.kind === "number" && field.over === "steps");
    const moving = numbers.filter(
      (tally) => !tally.isConstant && tally.numbers.some(({ moments }) => moments.count > 0),
    );
    const usual = moving.find(({ name }) => TARGET.test(name)) ?? moving.at(-1);
    const names = target === undefined ? usual && [usual.name] : Object.values(target)[0];
    const inputs = this.#inputs([], false);
    const windows = windowsFor(this.#survey, this.#options, "forecast");
    if (names === undefined || inputs === undefined || inputs.symbols || windows === undefined) return undefined;
    const width = names.reduce((sum, name) => sum + (this.#survey.fields.get(name)?.width ?? 1), 0);
    return this.#made({
      kind: "forecast",
      why: `${names.join(", ")} can be forecast from what came before`,
      starter: width === 1 ? "forecast" : "forecast_many",
      own: { ...inputs.own, target: target ?? { y: names }, ...windows },
    });
  }

  #language(): Proposal | undefined {
    const words = this.#fields.filter(({ field }) => field.kind === "symbol" && field.over === "steps");
    const others = this.#fields.filter(({ field }) => field.kind === "number" && field.over === "steps");
    if (words.length !== 1 || (others.length > 0 && this.#options.inputs === undefined)) return undefined;
    const windows = windowsFor(this.#survey, this.#options, "language");
    if (windows === undefined) return undefined;
    return this.#made({
      kind: "language",
      why: "its symbols follow one another, and the next one can be predicted",
      starter: "language",
      own: { ...this.#vocabulary(words[0]), ...windows },
    });
  }

  /**
   * The inputs, without the `answers` and without columns that are copies of them or have no value at all. The options name them only
   * where the default would be others.
   */
  #inputs(
    answers: readonly string[],
    isApart: boolean,
  ): { readonly own: DataOptions; readonly symbols: boolean } | undefined {
    if (this.#options.inputs !== undefined) {
      const [names] = Object.values(this.#options.inputs);
      return { own: {}, symbols: this.#survey.fields.get(names[0])?.field.kind === "symbol" };
    }
    const told = answers.map((name) => this.#survey.fields.get(name)).filter((tally) => tally !== undefined);
    const free = this.#fields.filter(({ field, name }) => field.over === "steps" && !answers.includes(name));
    const numbers = free.filter(({ field }) => field.kind === "number");
    const words = free.filter(({ field }) => field.kind === "symbol");
    const good = numbers.filter(
      (tally) =>
        tally.numbers.some(({ moments }) => moments.count > 0) && !(isApart && told.some((one) => isCopy(one, tally))),
    );
    const telling = good.filter((tally) => !tally.isConstant);
    // Stories: their words say more than which of them are the question.
    const isStory = words.length === 1 && numbers.length === 1 && numbers[0].numbers[0].values.distinct <= 2;
    if (telling.length > 0 && !isStory) {
      const isUsual = good.length === numbers.length && !words.some(({ name }) => name === "w");
      const named = !isUsual ? { inputs: { x: good.map(({ name }) => name) } } : {};
      return { own: { ...named, ...this.#filled(good) }, symbols: false };
    }
    const sound = words.filter((tally) => tally.symbols.distinct > 1 && !told.some((one) => isCopy(one, tally)));
    const [word] = sound.toSorted((a, b) => b.symbols.distinct - a.symbols.distinct);
    if (word === undefined) return undefined;
    const isUsual = word.name === "w" || (words.length === 1 && numbers.length === 0);
    return { own: { ...(!isUsual && { inputs: { w: [word.name] } }), ...this.#vocabulary(word) }, symbols: true };
  }

  #filled(used: readonly FieldTally[]): DataOptions {
    if (this.#options.missing !== undefined || used.every(({ missing }) => missing === 0)) return {};
    return { missing: this.#survey.time === undefined && this.#survey.sequences > 1 ? "mean" : "previous" };
  }

  /** What a vocabulary needs so that rare symbols do no harm. */
  #vocabulary({ symbols }: FieldTally): DataOptions {
    const { vocabulary, unknown } = this.#options;
    if (vocabulary !== undefined || unknown !== undefined) return {};
    if (symbols.distinct > 2 * USUAL_VOCABULARY || symbols.isFull) return { vocabulary: USUAL_VOCABULARY };
    // A symbol that is as rare may be missing in the training part.
    return symbols.counts.some(([, count]) => count < RARE) ? { unknown: true } : {};
  }

  /** Undefined if there are too few examples, or if states cannot go on from one to the next where that is wanted. */
  #made({ own, ...proposal }: Proposal): Proposal | undefined {
    const all = { ...own, ...this.#options };
    const isEach = proposal.kind !== "forecast" && proposal.kind !== "classification" && all.window !== undefined;
    if (all.carry && !isEach) return undefined;
    const { train, validation } = partSizes(this.#survey, all, proposal.kind === "language");
    if (train < LEAST_EXAMPLES || validation < 1) return undefined;
    const batch = train >= 2 * USUAL_BATCH ? undefined : 2 ** Math.floor(Math.log2(train / 2));
    return { ...proposal, own: all, ...(batch !== undefined && { batch }) };
  }
}

const found = (proposal: Proposal | undefined): readonly Proposal[] => (proposal === undefined ? [] : [proposal]);

/** With fewer training examples, there is nothing to learn. */
const LEAST_EXAMPLES = 8;

/** Examples per batch, if nothing is said. */
const USUAL_BATCH = 64;

const USUAL_VOCABULARY = 10_000;

/** So often a symbol comes before it is likely that the training part has it. */
const RARE = 20;

/** Whether two columns have the same values, or names for the same classes. */
export function isCopy(a: FieldTally, b: FieldTally): boolean {
  if (
    a.field.kind === "label" ||
    b.field.kind === "label" ||
    a.width !== 1 ||
    b.width !== 1 ||
    a.field.over !== b.field.over ||
    a.isConstant
  )
    return false;
  if (a.field.kind === "number" && b.field.kind === "number" && a.fingerprint.text === b.fingerprint.text) return true;
  // Where hardly a value returns, all columns have the same order.
  const isNamed = ({ field, symbols, numbers }: FieldTally): boolean => {
    const values = field.kind === "symbol" ? symbols : numbers[0].values;
    return !values.isFull && 2 * values.distinct <= values.count;
  };
  return isNamed(a) && isNamed(b) && a.order.text === b.order.text;
}
