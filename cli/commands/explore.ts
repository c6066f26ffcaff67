/** `cellc explore`: trains a cell or model with many placements of norms, and says which of them may be the best. */
import { availableParallelism } from "node:os";
import type { Context } from "../context.ts";
import { openTaskWith, withTaskFile } from "../data/settings.ts";
import { Campaign } from "../explore/campaign.ts";
import { type Conclusion, conclude, type TestResult, testWords } from "../explore/conclusion.ts";
import { ExploreFolder, type ExploreRecord } from "../explore/folder.ts";
import { type ExplorationLength, lengthOf } from "../explore/length.ts";
import { drawPage } from "../explore/page.ts";
import { meanAndDeviation, type Ranking, rank } from "../explore/ranking.ts";
import type { RowRecord } from "../explore/row.ts";
import { readStudy, type Study, type StudyOptions } from "../explore/study.ts";
import { rankingTable } from "../explore/table.ts";
import { startWorkerPool, type WorkerPool } from "../explore/worker-pool.ts";
import { type ExitCode, exit } from "../failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { formatCount, type Output } from "../output.ts";
import { defaultTarget } from "../targets.ts";
import { requireExamples } from "../training/batches.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { trivialBaseline } from "../training/trivial.ts";

export interface ExploreOptions extends StudyOptions {
  readonly workers?: number;
  readonly out: string;
  readonly resume?: boolean;
}

/** @param shared the options that `train` has, too, as they were given: for the command line that trains the first placement */
export async function explore(
  context: Context,
  file: string,
  options: ExploreOptions,
  shared: readonly string[],
): Promise<ExitCode> {
  const folder = new ExploreFolder(options.out);
  return folder.withLock(() => exploreInto(folder, context, file, options, shared));
}

async function exploreInto(
  folder: ExploreFolder,
  context: Context,
  file: string,
  given: ExploreOptions,
  shared: readonly string[],
): Promise<ExitCode> {
  const { output, seed } = context;
  const options = await withTaskFile(given);
  const task = await openTaskWith({ ...context, stdin: undefined }, { ...options, streams: options.batch });
  if (options.test) requireExamples(task, "test");
  const study = readStudy(context, file, options, task);
  const { rows, identity } = study;
  const previous = await folder.begin(options.resume ?? false);
  if (previous !== undefined) folder.checkIdentity(previous, identity);
  const campaign = new Campaign(study, folder, await folder.readRows(previous, rows), output);
  const workers = Math.min(options.workers ?? availableParallelism(), rows.length);
  const before = previous === undefined ? "" : `, ${campaign.doneAfter(previous.length)} of them done`;
  output.say(`${rows.length} rows on ${task.name}${before}; ${workers} at a time`);

  let length = previous?.length;
  let test: TestResult | undefined;
  const pool = startWorkerPool(workers, ({ number, step }) => campaign.tell(number, step));
  const started = previous?.started ?? new Date().toISOString();
  const machine = await machineFacts(defaultTarget);
  const trivial = await trivialBaseline(study.model, task, "validation");
  const record = (status: ExploreRecord["status"], known: ExplorationLength): ExploreRecord => ({
    format: 2,
    status,
    identity,
    length: known,
    rows: rows.length,
    done: campaign.doneAfter(known),
    machine,
    started,
    ended: status === "running" ? undefined : new Date().toISOString(),
  });
  const ranked = ({ rungs }: ExplorationLength): Ranking =>
    rank(campaign.rows, { by: study.by, seeds: options.seeds, rungs, trivial });

  const stopped = await withInterrupt(
    context.signals,
    () => {
      output.warn("stopping; rows that are not done begin anew with --resume");
      void pool.end();
    },
    async (interrupt) => {
      try {
        length ??= await lengthOf({ ...options, rungs: study.rungs }, rows.map(study.job), task, workers, pool);
        await folder.write(record("running", length));
        await campaign.train(length, pool);
        if (options.test) test = await tested(ranked(length), study, folder, campaign.rows, pool);
      } catch (error) {
        if (!interrupt.aborted) throw error;
      }
      return interrupt.aborted;
    },
  ).finally(() => {
    campaign.stop();
    return pool.end();
  });
  if (length === undefined) {
    output.result({ ok: false, status: "interrupted", rows: rows.length, done: 0 });
    return exit.interrupted;
  }

  const ranking = ranked(length);
  const conclusion = conclude(ranking, { file, shared, place: options.place, seed, out: options.out });
  const last = { ...record(stopped ? "interrupted" : "finished", length), ranking, conclusion, test };
  await folder.write(last);
  const facts = [...study.facts, lengthWords(length)];
  await folder.writePage(drawPage({ title: study.title, facts, ranking, conclusion, test, rows: campaign.rows }));
  return report(output, { page: folder.page, record: last, rows: campaign.rows });
}

/** The measures of the first placement on the test split; undefined if none is worth it. */
async function tested(
  { standings }: Ranking,
  study: Study,
  folder: ExploreFolder,
  rows: readonly RowRecord[],
  pool: WorkerPool,
): Promise<TestResult | undefined> {
  const first = standings.find(({ best }) => best);
  if (first === undefined) return undefined;
  const own = rows.filter(({ number }) => first.rows.includes(number));
  const results = await Promise.all(
    own.map((row) => pool.test({ ...study.job(row), checkpoint: folder.checkpoint(row.number, row.steps) })),
  );
  const all = results.map(({ loss, metrics }): Readonly<Record<string, number>> => ({ ...metrics, loss }));
  const names = Object.keys(all[0]);
  return {
    placement: first.placement,
    measures: Object.fromEntries(names.map((name) => [name, meanAndDeviation(all.map((one) => one[name]))])),
  };
}

function lengthWords({ steps, evaluateEvery, rungs }: ExplorationLength): string {
  const cut = rungs.length === 1 ? "" : `, the rungs end after ${rungs.map(formatCount).join(", ")}`;
  return `${formatCount(steps)} training steps a row, evaluated every ${formatCount(evaluateEvery)} on the validation split${cut}`;
}

interface Report {
  readonly page: string;
  readonly record: ExploreRecord & { readonly ranking: Ranking; readonly conclusion: Conclusion };
  readonly rows: readonly RowRecord[];
}

function report(output: Output, { page, record, rows }: Report): ExitCode {
  const { ranking, conclusion, test } = record;
  const { columns, rows: lines } = rankingTable(ranking);
  if (ranking.standings.length > 0) {
    output.say();
    output.table(
      columns.map(({ title }) => title),
      lines.map((_, at) => columns.map(({ texts }) => texts[at])),
    );
  }
  const interrupted = record.status === "interrupted";
  // A fault of cellc is no result of a placement.
  const faults = rows.some(({ outcome }) => outcome.status === "failed" && outcome.code === "internal");
  if (!interrupted) {
    output.say(`\n${output.colors.bold(conclusion.sentence)}`);
    for (const note of conclusion.notes) output.say(note);
    if (test !== undefined) output.say(testWords(test));
    if (conclusion.command !== undefined) output.say(`\nTo train it:\n  ${conclusion.command}`);
  }
  output.say(`\n${interrupted ? `${record.done} of ${record.rows} rows are done; go on with --resume. ` : ""}${page}`);
  output.result({ ok: !interrupted && !faults, ...record });
  if (interrupted) return exit.interrupted;
  return faults ? exit.internal : exit.ok;
}
