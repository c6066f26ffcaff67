/**
 * Does `cellc explore` find a placement that is known to be the best, and does it say so where all are equal? Writes sequences to a file,
 * explores placements on them with real training, and draws the seeds anew a hundred times.
 *
 *     npx tsx bench/known-best.ts [SEEDS]
 *
 * In the first task, one of four channels is raised, and each sequence has a gain of its own, from 0.001 to 1000. A layer norm of `x @ Wx`
 * takes the gain away; a batch norm, and a norm anywhere else, does not. In the second, the classes are drawn, and nothing tells them.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededStreams } from "../cli/data/streams.ts";
import { bestSet } from "../cli/explore/best-set.ts";

const [STEPS, CHANNELS, SEQUENCES] = [8, 4, 4000];
const DRAWS = 100;

const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** A line of JSON for each sequence. */
function sequences(isTold: boolean): string {
  const uniform = seededStreams(1)("sequences");
  let at = 0;
  const draw = (): number => uniform(at++);
  const lines = Array.from({ length: SEQUENCES }, () => {
    const gain = 10 ** (6 * draw() - 3);
    const raised = Math.floor(CHANNELS * draw());
    const value = (c: number): number => gain * (2 * draw() - 1 + (c === raised ? 0.5 : 0));
    const x = Array.from({ length: STEPS }, () => Array.from({ length: CHANNELS }, (_, c) => value(c)));
    return JSON.stringify({ x, y: `${isTold ? raised : Math.floor(CHANNELS * draw())}` });
  });
  return `${lines.join("\n")}\n`;
}

/** What is read of `--json`. */
interface Explored {
  readonly ranking: {
    readonly standings: readonly {
      readonly placement: Readonly<Record<string, string>>;
      readonly bySeed: readonly { readonly value: number }[];
    }[];
  };
  readonly conclusion: { readonly sentence: string };
}

function explore(folder: string, name: string, text: string, seeds: number): Explored {
  const data = join(folder, `${name}.jsonl`);
  const out = join(folder, name);
  writeFileSync(data, text);
  const model = [fromRoot("examples/cells/lstm.cell"), "--dims", "H=12"];
  const training = ["--budget", "200", "--evaluate-every", "200", "--batch", "64", "--lr", "1e-2", "--clip", "1"];
  const placements = ["--sites", "hh,xh", "--norms", "none,batch,layer", "--seeds", `${seeds}`];
  const { status, stdout } = spawnSync(
    process.execPath,
    [fromRoot("dist/cli/main.js"), "explore", ...model, "--data", data, "--label", "y", "--scale", "none"].concat(
      training,
      placements,
      ["--json", "--out", out],
    ),
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 28 },
  );
  if (status !== 0) throw new Error(`cellc explore ended with ${status}`);
  const explored: Explored = JSON.parse(stdout);
  return explored;
}

/** In how many draws of the seeds, each with replacement, something holds of the placements that may be the best. */
function drawn({ ranking: { standings } }: Explored, holds: (best: readonly string[]) => boolean): number {
  const uniform = seededStreams(2)("draws");
  const seeds = standings[0].bySeed.length;
  const names = standings.map(({ placement }) => `hh=${placement.hh}, xh=${placement.xh}`);
  return Array.from({ length: DRAWS }, (_, draw) => {
    const picked = Array.from({ length: seeds }, (_, at) => Math.floor(seeds * uniform(draw * seeds + at)));
    const values = standings.map(({ bySeed }) => picked.map((seed) => bySeed[seed].value));
    return holds(bestSet(values).members.map((member) => names[member]));
  }).filter(Boolean).length;
}

const seeds = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), "cellc-known-best-"));
try {
  const told = explore(folder, "gains", sequences(true), seeds);
  const equal = explore(folder, "equal", sequences(false), seeds);
  const found = drawn(told, ([first, ...others]) => [first, ...others].every((name) => name.endsWith("xh=layer")));
  const one = drawn(equal, (best) => best.length === 1);
  const facts = {
    seeds,
    draws: DRAWS,
    accuracies: told.ranking.standings.map(({ placement, bySeed }) => [placement, bySeed.map(({ value }) => value)]),
    conclusion: told.conclusion.sentence,
    found,
    equalConclusion: equal.conclusion.sentence,
    oneOfEqual: one,
  };
  writeFileSync(fromRoot("bench/results/known-best.json"), `${JSON.stringify(facts, null, 2)}\n`);
  console.log(`known best: ${told.conclusion.sentence}`);
  console.log(`only layer norm of \`x @ Wx\` may be the best in ${found} of ${DRAWS} draws of ${seeds} seeds`);
  console.log(`all equal: ${equal.conclusion.sentence}`);
  console.log(`one alone is called the best of equal ones in ${one} of ${DRAWS} draws`);
} finally {
  rmSync(folder, { recursive: true });
}
