/** A few cases of each fuzzer, the same each time; `npm run fuzz` tries as many as there is time for. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, inject, test } from "vitest";
import { type Campaign, campaign } from "./campaign.ts";
import { scratchIn } from "./scratch.ts";
import { fuzzers } from "./table.ts";

/** The first case's seed, and how many there are of each. */
const SEED = 6;
const TRIALS: Readonly<Record<string, number>> = {
  cells: 8,
  plans: 30,
  checkpoints: 30,
  models: 30,
  folders: 3,
  data: 120,
  api: 40,
  kill: 1,
};

/** Milliseconds for all of them: some twenty seconds where nothing else runs, and a case that hangs is to be seen as one. */
const PATIENCE = 300_000;

let found: Campaign;

beforeAll(async () => {
  const environment = await scratchIn(await mkdtemp(join(inject("scratch"), "fuzz-")));
  const table = fileURLToPath(new URL("table.ts", import.meta.url));
  found = await campaign({ fuzzers, table, seed: SEED, trials: (name) => TRIALS[name], workers: 1, environment });
}, PATIENCE);

test.each(fuzzers.map(({ name, tries }) => [name, tries] as const))("%s: %s", (name) => {
  const { tried, seconds: _, refusals: __, ...tally } = found.tallies.find(({ fuzzer }) => fuzzer === name)!;
  const said = found.kinds.filter(({ fuzzer }) => fuzzer === name);
  expect(tried).toBe(TRIALS[name]);
  expect([tally.crashed, tally.hung, tally.wrong], JSON.stringify(said, null, 2)).toEqual([0, 0, 0]);
});
