/** Trains the rows of an exploration, rung by rung, and keeps each in its folder. */
import { formatSeconds, type Output, type Progress } from "../output.ts";
import type { ExploreFolder } from "./folder.ts";
import type { ExplorationLength } from "./length.ts";
import { measureText } from "./measure-text.ts";
import { placementText } from "./placement.ts";
import { outcomeText } from "./ranking.ts";
import type { RowRecord } from "./row.ts";
import type { Row } from "./rows.ts";
import { survivors } from "./rungs.ts";
import type { Study } from "./study.ts";
import type { WorkerPool } from "./worker-pool.ts";

export class Campaign {
  readonly #study: Study;
  readonly #folder: ExploreFolder;
  readonly #output: Output;
  /** The newest record of each row, by its number. */
  readonly #done: Map<number, RowRecord>;
  /** The last step of each row in training, by its number. */
  readonly #inProgress = new Map<number, number>();
  #progress: { readonly bar: Progress; readonly show: () => void } | undefined;

  constructor(study: Study, folder: ExploreFolder, done: readonly RowRecord[], output: Output) {
    this.#study = study;
    this.#folder = folder;
    this.#output = output;
    this.#done = new Map(done.map((row) => [row.number, row]));
  }

  /** The records so far, in the order of the rows. */
  get rows(): readonly RowRecord[] {
    return [...this.#done.values()].sort((a, b) => a.number - b.number);
  }

  /** How many rows need no more training, as far as the rungs have come. */
  doneAfter({ rungs }: ExplorationLength): number {
    return rungs.reduce((most, _, rung) => {
      const wanted = this.#rowsOf(rung, rungs);
      return wanted === undefined ? most : this.#study.rows.length - this.#pending(wanted, rungs[rung]).length;
    }, 0);
  }

  /** A row has done so many steps. */
  tell(number: number, step: number): void {
    this.#inProgress.set(number, step);
    this.#progress?.show();
  }

  /** Trains what is not done. */
  async train(length: ExplorationLength, pool: WorkerPool): Promise<void> {
    const { rungs } = length;
    await this.#folder.makeRows();
    for (let rung = 0; rung < rungs.length; rung++) {
      const wanted = this.#rowsOf(rung, rungs);
      if (wanted === undefined) throw new Error("a rung before is not done");
      await this.#trainTo(rungs[rung], wanted, length, pool, rungs.length === 1 ? "" : `rung ${rung + 1}: `);
    }
  }

  stop(): void {
    this.#progress?.bar.stop();
  }

  /** The rows of a rung; undefined as long as one before it is not done. */
  #rowsOf(rung: number, rungs: readonly number[]): readonly Row[] | undefined {
    const { rows, by } = this.#study;
    if (rung === 0) return rows;
    const before = this.#rowsOf(rung - 1, rungs);
    const steps = rungs[rung - 1];
    if (before === undefined || this.#pending(before, steps).length > 0) return undefined;
    const seeds = rows.length / new Set(rows.map(({ placement }) => placementText(placement))).size;
    const placements = rows.length / seeds;
    const among = new Set(before.map(({ number }) => number));
    const kept = survivors(
      this.rows.filter(({ number }) => among.has(number)),
      { steps, seeds, by, count: Math.round(placements * this.#study.rungs[rung].placements) },
    ).map(placementText);
    return before.filter(({ placement }) => kept.includes(placementText(placement)));
  }

  /** Those of the rows that have not come to that step, and can. */
  #pending(rows: readonly Row[], steps: number): readonly Row[] {
    return rows.filter(({ number }) => {
      const row = this.#done.get(number);
      return row === undefined || (row.steps < steps && row.outcome.status === "finished");
    });
  }

  async #trainTo(
    until: number,
    wanted: readonly Row[],
    length: ExplorationLength,
    pool: WorkerPool,
    prefix: string,
  ): Promise<void> {
    const pending = this.#pending(wanted, until);
    const starts = new Map(pending.map(({ number }) => [number, this.#done.get(number)?.steps ?? 0]));
    const total = [...starts.values()].reduce((sum, start) => sum + until - start, 0);
    let finished = 0;
    let steps = 0;
    const bar = this.#output.progress(total, "steps");
    const show = (): void => {
      const training = [...this.#inProgress].reduce((sum, [row, step]) => sum + step - (starts.get(row) ?? step), 0);
      bar.update(steps + training, `${finished}/${pending.length} rows`);
    };
    this.#progress = { bar, show };
    await Promise.all(
      pending.map(async (row) => {
        const record = this.#done.get(row.number);
        const made = await pool.train({
          ...this.#study.job(row),
          ...{ steps: length.steps, evaluateEvery: length.evaluateEvery, until },
          ...(record && { before: { record, checkpoint: this.#folder.checkpoint(row.number, record.steps) } }),
          checkpoint: this.#folder.checkpoint(row.number, until),
        });
        await this.#folder.writeRow(made, record);
        this.#inProgress.delete(row.number);
        this.#done.set(row.number, made);
        finished++;
        steps += until - (record?.steps ?? 0);
        bar.interject(`${prefix}${rowWords(made, this.#study.rows.length)}`);
        show();
      }),
    );
    bar.stop();
    this.#progress = undefined;
  }
}

/** `row 3/27 hh=none,xh=batch, seed 1: accuracy 93.1 %, loss 0.2134 (12s)` */
function rowWords({ number, placement, seed, outcome, result, seconds }: RowRecord, rows: number): string {
  const measures = Object.entries({ ...result?.metrics, ...(result && { loss: result.loss }) });
  const said = [
    ...outcomeText(outcome),
    ...measures.map(([name, mean]) => `${name} ${measureText(name, { mean, deviation: undefined })}`),
  ];
  return `row ${number}/${rows} ${placementText(placement)}, seed ${seed}: ${said.join(", ")} (${formatSeconds(seconds)})`;
}
