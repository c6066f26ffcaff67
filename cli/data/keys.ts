/** What says which step of which sequence a prediction belongs to: names and dates of the data, or else their places in it. */
import { continued } from "./continued.ts";
import type { DateOrder } from "./formats/date.ts";
import type { Store } from "./store.ts";
import type { Key } from "./task.ts";

/** Rows from which is seen whether a time column is regular. */
const SAMPLE = 32;

export class SequenceKeys {
  readonly keys: readonly Key[];
  readonly #store: Store;
  readonly #order: DateOrder | undefined;
  /** Where each label is, in the order of the keys. */
  readonly #labels: readonly { readonly over: "steps" | "sequence"; readonly column: number }[];

  /** `eachStep`: whether a sequence has several predictions. `order`: of dates with slashes or dashes and the year last. */
  constructor(store: Store, eachStep: boolean, order: DateOrder | undefined) {
    this.#store = store;
    this.#order = order;
    const labels = [...store.fields].filter(([, { field }]) => field.kind === "label");
    // What is of the whole sequence stands first.
    const sorted = [
      ...labels.filter(([, { field }]) => field.over === "sequence"),
      ...labels.filter(([, { field }]) => field.over === "steps"),
    ];
    this.#labels = sorted.map(([, { field, column }]) => ({ over: field.over, column }));
    const has = (over: "steps" | "sequence"): boolean => this.#labels.some((label) => label.over === over);
    this.keys = [
      ...(!has("sequence") && (store.lengths.length > 1 || !eachStep) ? [{ name: "sequence", counts: true }] : []),
      ...sorted.map(([name]) => ({ name, counts: false })),
      ...(!has("steps") && eachStep ? [{ name: "step", counts: true }] : []),
    ];
  }

  /** The keys of steps of a sequence, which may lie behind its last one. */
  async of(sequence: number, steps: readonly number[]): Promise<readonly (readonly string[])[]> {
    const store = this.#store;
    const columns: (readonly string[])[] = [];
    for (const { name, counts } of this.keys) {
      if (counts) columns.push(steps.map((step) => String(name === "sequence" ? sequence + 1 : step + 1)));
    }
    const labels: (readonly string[])[] = [];
    for (const { over, column } of this.#labels) {
      if (over === "sequence") {
        const text = await store.label((await store.row(sequence))[column]);
        labels.push(steps.map(() => text));
      } else labels.push(await this.#overSteps(sequence, column, steps));
    }
    const isFirst = this.keys[0]?.name === "sequence" && this.keys[0].counts;
    const ordered = isFirst ? [columns[0], ...labels, ...columns.slice(1)] : [...labels, ...columns];
    return steps.map((_, at) => ordered.map((texts) => texts[at]));
  }

  async #overSteps(sequence: number, column: number, steps: readonly number[]): Promise<readonly string[]> {
    const store = this.#store;
    const length = store.lengths[sequence];
    const read = async (from: number, to: number): Promise<readonly string[]> => {
      const rows = await store.rows(sequence, from, to);
      return Promise.all(Array.from({ length: to - from }, (_, t) => store.label(rows[t * store.width + column])));
    };
    const inside = steps.filter((step) => step < length);
    const [from, to] = [Math.min(...inside), Math.max(...inside) + 1];
    const texts = inside.length > 0 ? await read(from, to) : [];
    const beyond = steps.filter((step) => step >= length).map((step) => step - length + 1);
    const later =
      beyond.length > 0 ? continued(await read(Math.max(0, length - SAMPLE), length), beyond, this.#order) : undefined;
    let next = 0;
    // A column that is not regular does not say what comes next.
    return steps.map((step) => (step < length ? texts[step - from] : (later?.[next++] ?? "")));
  }
}
