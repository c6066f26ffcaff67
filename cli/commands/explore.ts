/** `cellc explore`: trains a cell or model with many placements of norms, and ranks them. */
import { availableParallelism } from "node:os";
import type { Context } from "../context.ts";
import { openTaskWith, withTaskFile } from "../data/settings.ts";
import { ExploreFolder, type ExploreRecord } from "../explore/folder.ts";
import { lengthOf } from "../explore/length.ts";
import { drawPage } from "../explore/page.ts";
import { outcomeText, type Ranking, rank } from "../explore/ranking.ts";
import type { RowLength, RowRecord } from "../explore/row.ts";
import { placementText, type Row } from "../explore/rows.ts";
import { readStudy, type StudyOptions } from "../explore/study.ts";
import { measureText, rankingTable } from "../explore/table.ts";
import { startWorkerPool } from "../explore/worker-pool.ts";
import { type ExitCode, exit } from "../failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { formatCount, formatSeconds, type Output, type Progress } from "../output.ts";
import { defaultTarget } from "../targets.ts";
import { withInterrupt } from "../training/interrupt.ts";

export interface ExploreOptions extends StudyOptions {
  readonly workers?: number;
  readonly out: string;
  readonly resume?: boolean;
}

export async function explore(context: Context, file: string, options: ExploreOptions): Promise<ExitCode> {
  const folder = new ExploreFolder(options.out);
  return folder.withLock(() => exploreInto(folder, context, file, options));
}

async function exploreInto(
  folder: ExploreFolder,
  context: Context,
  file: string,
  given: ExploreOptions,
): Promise<ExitCode> {
  const { output } = context;
  const options = await withTaskFile(given);
  const task = await openTaskWith({ ...context, stdin: undefined }, options);
  const study = readStudy(context, file, options, task);
  const { rows, identity } = study;
  const previous = await folder.begin(options.resume ?? false);
  if (previous !== undefined) folder.checkIdentity(previous, identity);
  const done = [...(await folder.readRows(previous, rows))];
  const pending = rows.filter(({ number }) => !done.some((row) => row.number === number));
  const workers = Math.min(options.workers ?? availableParallelism(), rows.length);
  output.say(
    `${rows.length} rows on ${task.name}${previous ? `, ${done.length} of them done` : ""}; ${workers} at a time`,
  );

  /** How many steps each row in training has done, by the row's number. */
  const inProgress = new Map<number, number>();
  let progress: Progress | undefined;
  let length = previous?.length;
  const show = (): void => {
    const steps = [...inProgress.values()].reduce((sum, step) => sum + step, 0);
    const before = rows.length - pending.length;
    progress?.update((done.length - before) * (length?.steps ?? 0) + steps, `${done.length}/${rows.length} rows`);
  };
  const pool = startWorkerPool(workers, ({ number, step }) => {
    inProgress.set(number, step);
    show();
  });
  const started = previous?.started ?? new Date().toISOString();
  const machine = await machineFacts(defaultTarget);
  const record = (status: ExploreRecord["status"], known: RowLength, ranking?: Ranking): ExploreRecord => ({
    format: 1,
    status,
    identity,
    length: known,
    rows: rows.length,
    done: done.length,
    machine,
    started,
    ended: status === "running" ? undefined : new Date().toISOString(),
    rankedBy: ranking?.by,
    ranking: ranking?.standings,
  });

  const trainAll = async (): Promise<void> => {
    const known = length ?? (await lengthOf(options, rows.map(study.job), task, workers, pool));
    length = known;
    await folder.write(record("running", known));
    progress = output.progress(pending.length * known.steps, "steps");
    const trainRow = async (row: Row): Promise<void> => {
      const made = await pool.train({ ...study.job(row), ...known });
      await folder.writeRow(made);
      inProgress.delete(row.number);
      done.push(made);
      progress?.interject(rowWords(made, rows.length));
      show();
    };
    await Promise.all(pending.map(trainRow));
  };
  const stopped = await withInterrupt(
    context.signals,
    () => {
      output.warn("stopping; rows that are not done begin anew with --resume");
      void pool.end();
    },
    async (interrupt) => {
      try {
        await trainAll();
      } catch (error) {
        if (!interrupt.aborted) throw error;
      }
      return interrupt.aborted;
    },
  ).finally(() => {
    progress?.stop();
    return pool.end();
  });
  if (length === undefined) {
    output.result({ ok: false, status: "interrupted", rows: rows.length, done: 0 });
    return exit.interrupted;
  }

  const ranking = rank(done.sort((a, b) => a.number - b.number));
  const last = record(stopped ? "interrupted" : "finished", length, ranking);
  await folder.write(last);
  const facts = [...study.facts, lengthWords(length)];
  await folder.writePage(drawPage({ title: study.title, facts, ranking, rows: done }));
  return report(output, { page: folder.page, ranking, record: last, rows: done });
}

const lengthWords = ({ steps, evaluateEvery }: RowLength): string =>
  `${formatCount(steps)} training steps a row, evaluated every ${formatCount(evaluateEvery)}`;

/** `row 3/27 hh=none,xh=batch,seed 1: accuracy 93.1 %, loss 0.2134 (12s)` */
function rowWords({ number, placement, seed, outcome, result, seconds }: RowRecord, rows: number): string {
  const measures = Object.entries({ ...result?.metrics, ...(result && { loss: result.loss }) });
  const said = [
    ...outcomeText(outcome),
    ...measures.map(([name, mean]) => `${name} ${measureText(name, { mean, deviation: undefined })}`),
  ];
  return `row ${number}/${rows} ${placementText(placement)}, seed ${seed}: ${said.join(", ")} (${formatSeconds(seconds)})`;
}

interface Report {
  readonly page: string;
  readonly ranking: Ranking;
  readonly record: ExploreRecord;
  readonly rows: readonly RowRecord[];
}

function report(output: Output, { page, ranking, record, rows }: Report): ExitCode {
  const { columns, rows: texts } = rankingTable(ranking);
  if (texts.length > 0) {
    output.say();
    output.table(
      columns.map(({ title }) => title),
      texts,
    );
  }
  const interrupted = record.status === "interrupted";
  // A fault of cellc is no result of a placement.
  const faults = rows.some(({ outcome }) => outcome.status === "failed" && outcome.code === "internal");
  output.say(`\n${interrupted ? `${record.done} of ${record.rows} rows are done; go on with --resume. ` : ""}${page}`);
  output.result({ ok: !interrupted && !faults, ...record });
  if (interrupted) return exit.interrupted;
  return faults ? exit.internal : exit.ok;
}
