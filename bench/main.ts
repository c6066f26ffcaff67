/**
 * `npm run bench`: how fast are compiled cells compared with other libraries, and what do they cost? `workloads.ts` says what is
 * measured, and `contenders.ts` who. Progress goes to stderr, the report to stdout, everything to a JSON file.
 */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { coldCompilations } from "./cold.ts";
import { compare } from "./comparisons.ts";
import { contenders, libraryOverrides } from "./contenders.ts";
import { countAll } from "./counts.ts";
import { machine, writeResult } from "./measure.ts";
import { benchProgram } from "./options.ts";
import { openPeakMeter } from "./peak.ts";
import { type Result, report } from "./report.ts";
import { sideBySide } from "./side-by-side.ts";
import { sizes } from "./size.ts";
import { type Cell, isWanted, workloads } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/side-by-side.json", import.meta.url));
const cells: readonly Cell[] = ["bnlstm", "lstm", "lnlstm"];

const program = benchProgram(async ({ only, repeats, peers, threads, budget, json = RESULT, timed, counted }) => {
  const say = (line: string): void => console.error(line);
  const [load] = loadavg();
  const chosen = workloads.filter((workload) => cells.some((cell) => isWanted(only, cell, workload)));
  if (chosen.length === 0) program.error(`error: --only ${only.join()} is none of the cases`);
  const everyone = contenders(threads, process.env);
  const unknown = peers.find((name) => !everyone.some(({ peer }) => peer === name));
  if (unknown !== undefined) program.error(`error: --peers knows no ${unknown}`);
  const wanted = everyone.filter(({ peer }) => peers.length === 0 || peers.includes(peer));

  const meter = timed ? await openPeakMeter([...new Set([1, ...threads])]) : undefined;
  const settings = { repeats, budget, only, say, meter };
  const measured = timed ? await sideBySide(chosen, wanted, settings) : { rows: [], facts: {}, peaks: {} };
  meter?.close();
  if (timed) say("cold compilations");
  const result: Result = {
    date: new Date().toISOString(),
    machine: machine(),
    load,
    withheld: libraryOverrides(process.env),
    workloads: chosen,
    sideBySide: measured,
    comparisons: compare(measured, chosen),
    cold: timed ? coldCompilations(repeats) : [],
    counts: counted ? countAll(chosen, only, say) : [],
    sizes: counted ? await sizes() : [],
  };
  console.log(report(result));
  await writeResult(json, result);
  say(`written to ${json}`);
});

await program.parseAsync();
