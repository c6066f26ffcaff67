/** `cellc compare`: draws the curves of runs together, with a table of their results. */
import { join } from "node:path";
import { metricsOf, type RunResult, readRuns, resultsOf, targetsDiffer } from "../compare/compared-run.ts";
import { drawComparison, drawnMeasures, resultColumns } from "../compare/page.ts";
import type { Context } from "../context.ts";
import { rankedBy } from "../explore/measure.ts";
import { valueText } from "../explore/measure-text.ts";
import { type ExitCode, exit } from "../failure.ts";
import { COLOURS } from "../report/chart.ts";
import { drawCurves } from "../report/curves.ts";
import { checkNoFolder, writeAtomically } from "../report/files.ts";

export interface CompareOptions {
  /** The measure to rank by, as `rankedBy` reads it. */
  readonly by?: string;
  readonly out: string;
}

export async function compare(
  { output }: Context,
  paths: readonly string[],
  options: CompareOptions,
): Promise<ExitCode> {
  const runs = await readRuns(paths);
  const by = rankedBy(options.by, metricsOf(runs));
  const results = resultsOf(runs, by);
  const files = { page: join(options.out, "compare.html"), picture: join(options.out, "compare.svg") };
  for (const file of Object.values(files)) await checkNoFolder(file);

  const { measure } = by;
  const [first] = results;
  const sentence = `${first.name} has the best ${measure} at its last evaluation: ${valueText(measure, first.last[measure])}.`;
  const tasks = new Set(results.map(({ task }) => task));
  const notes = [
    ...unlike(results, tasks),
    "A difference between single runs may be chance: cellc explore compares over seeds.",
  ];
  await writeAtomically(files.page, drawComparison({ runs, results, by, sentence, notes }));
  const drawn = results.slice(0, COLOURS.length).map(({ name }) => runs.find((run) => run.name === name)!);
  await writeAtomically(
    files.picture,
    drawCurves({
      title: `${drawn.length} runs`,
      subtitle: [...tasks].join(", "),
      runs: drawn.map(({ name, points }) => ({ name, points })),
      measures: drawnMeasures(runs, measure),
    }),
  );

  const columns = resultColumns(results, by);
  output.table(
    columns.map(({ title }) => title),
    results.map((_, at) => columns.map(({ texts }) => texts[at])),
  );
  output.say();
  for (const line of [sentence, ...notes]) output.say(line);
  if (drawn.length < results.length) output.say(`${files.picture} has the best ${drawn.length}; the page has all.`);
  output.say(`\n${files.page}`);
  output.result({ ok: true, by, results, files });
  return exit.ok;
}

/** Why the measures are not of the same numbers, if they are not. */
function unlike(results: readonly RunResult[], tasks: ReadonlySet<string>): readonly string[] {
  if (tasks.size > 1) return ["The runs are of different tasks, so their numbers do not compare."];
  const options = targetsDiffer(results);
  if (options.length === 0) return [];
  return [
    `The targets differ (${options.join(", ")}), so these numbers do not compare: cellc eval RUN has the data's units.`,
  ];
}
