/**
 * `npm run fuzz`: tries damaged and hostile input of every kind. Progress goes to stderr, the table to stdout, the report as JSON
 * and each kind of failure, made small, into a folder. The exit code is 1 when anything crashed, hung or was wrong.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repository } from "../cli/build-tree.ts";
import { campaign, failuresOf } from "./campaign.ts";
import { fuzzProgram } from "./options.ts";
import { progressLine, report, reportData } from "./report.ts";
import { scratchIn } from "./scratch.ts";
import { fuzzers } from "./table.ts";

/** Milliseconds between two lines of progress. */
const BETWEEN_LINES = 5000;

const command = (fuzzer: string, seed: number): string =>
  `npm run fuzz -- --fuzzer ${fuzzer} --seed ${seed} --trials 1`;

const program = fuzzProgram(async ({ minutes, trials, fuzzer: names, seed: given, workers, out }) => {
  const unknown = names.find((name) => !fuzzers.some((fuzzer) => fuzzer.name === name));
  if (unknown !== undefined) {
    program.error(`error: there is no fuzzer ${unknown}; there are ${fuzzers.map(({ name }) => name).join(", ")}`);
  }
  const seed = given ?? Date.now() % 1_000_000_000;
  const say = (line: string): void => console.error(line);
  say(`seed ${seed}`);
  const stop = new AbortController();
  process.once("SIGINT", () => {
    say("stopping after the cases at hand");
    stop.abort();
  });
  await mkdir(join(repository, ".scratch"), { recursive: true });
  const scratch = await mkdtemp(join(repository, ".scratch/fuzz-"));
  let said = performance.now();
  try {
    await mkdir(out, { recursive: true });
    const found = await campaign({
      fuzzers: fuzzers.filter(({ name }) => names.length === 0 || names.includes(name)),
      table: fileURLToPath(new URL("table.ts", import.meta.url)),
      minutes: minutes ?? (trials === undefined ? 1 : undefined),
      environment: await scratchIn(scratch),
      keep: out,
      signal: stop.signal,
      progress: (state) => {
        if (performance.now() - said < BETWEEN_LINES) return;
        said = performance.now();
        say(progressLine(state));
      },
      ...{ seed, trials, workers, command },
    });
    console.log(report(found, command));
    await writeFile(join(out, "report.json"), reportData(found));
    say(`written to ${join(out, "report.json")}`);
    process.exitCode = failuresOf(found) > 0 ? 1 : 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
});

await program.parseAsync();
