/** Two questions that the paper leaves open, answered by `cellc explore`: which placement earns the gain, and what the gain of `cc` should be. */
import { join } from "node:path";
import type { Analysis, AnalysisRequest, AnalysisResult } from "../analysis.ts";
import { textColumn } from "../analysis.ts";
import { documentOf } from "../command-line.ts";
import { layered, type Settings, wordsOf } from "../settings.ts";
import { pmnist } from "../studies/mnist.ts";
import type { ScaleName } from "../study.ts";
import { shownFile } from "../train-run.ts";

const SITES = ["hh", "xh", "cc"] as const;

/** Each norm at one site, at each pair, and at all three; and none. */
const placements: readonly string[] = [
  "hh=none,xh=none,cc=none",
  ...["batch", "layer"].flatMap((norm) =>
    [1, 2, 4, 3, 5, 6, 7].map((set) => SITES.map((site, at) => `${site}=${(set >> at) & 1 ? norm : "none"}`).join(",")),
  ),
];

/** γ of `cc`, beside 0.1 at the other sites. */
const cellGains: readonly string[] = [
  "hh=batch,xh=batch,cc=none",
  ...["0.03", "0.1", "0.3", "0.5", "1.0"].map((gamma) => `hh=batch,xh=batch,cc=batch(gamma=${gamma})`),
];

interface Exploration {
  readonly budget: number;
  readonly settings: Settings;
}

const smoke: Exploration = { budget: 6, settings: { dims: { H: 10 }, batch: 20, estimate: 40 } };

function analysis(
  title: string,
  section: string,
  tried: readonly string[],
  scales: Readonly<Record<ScaleName, Exploration & { readonly words: string }>>,
): Analysis {
  return {
    title,
    section,
    trains: true,
    scales: { smoke: scales.smoke.words, pilot: scales.pilot.words, paper: scales.paper.words },
    run: (request) => explored(request, tried, scales[request.scale]),
  };
}

async function explored(
  { context, out, where: { threads, data }, seeds, resume }: AnalysisRequest,
  tried: readonly string[],
  { budget, settings }: Exploration,
): Promise<AnalysisResult | undefined> {
  // `explore` trains on threads of its own, ranks by accuracy by itself, and reads no test examples unless it is asked to.
  const { steps: _, "best-by": __, test: ___, ...base } = pmnist.settings;
  const reading: Settings = { "rms-decay": 0.5 };
  const document = await documentOf(context, [
    ...[
      "explore",
      shownFile(pmnist.file),
      ...wordsOf(layered(base, reading, settings, seeds === undefined ? {} : { seeds })),
    ],
    ...tried.flatMap((placement) => ["--placement", placement]),
    ...["--budget", String(budget), "--out", out, ...(resume ? ["--resume"] : [])],
    ...(threads === undefined ? [] : ["--workers", String(threads)]),
    ...(data === undefined ? [] : ["--data", data]),
  ]);
  if (document === undefined) return undefined;
  const { ranking, conclusion } = document as unknown as Explored;
  const rows = ranking.standings.map((standing) => ({ ...standing, value: standing.measures.accuracy?.mean }));
  const percent = (value: number | undefined): string => (value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  return {
    measured: { tried, budget, ranking, conclusion },
    columns: [
      ...SITES.map((site) =>
        textColumn(
          site,
          rows.map(({ placement }) => placement[site] ?? "none"),
        ),
      ),
      textColumn(
        "validation accuracy",
        rows.map(({ value }) => percent(value)),
        rows.map(({ value }) => value ?? Number.NaN),
      ),
      textColumn(
        "remarks",
        rows.map(({ best }) => (best ? "may be the best" : "")),
      ),
    ],
    findings: [{ claim: "one placement is the best", holds: undefined, seen: conclusion.sentence }],
    files: [join(out, "explore.html")],
  };
}

/** What is read of the document of `explore`. */
interface Explored {
  readonly ranking: {
    readonly standings: readonly {
      readonly placement: Readonly<Record<string, string>>;
      readonly best: boolean;
      readonly measures: Readonly<Record<string, { readonly mean: number }>>;
    }[];
  };
  readonly conclusion: { readonly sentence: string };
}

/**
 * Images begin with black pixels. Until another comes, all rows at `hh` and `cc` would be zero, where a layer norm multiplies gradients by
 * γ / √ε at each step, and so they overflow. As on sequential MNIST, noise in the first hidden state keeps rows apart: under all placements.
 */
const apart: Settings = { dims: { start: "0.1" }, noise: "drawn" };

/** How far each scale goes, on so many seeds in the pilot. */
const scalesOf = (pilotSeeds: number, settings: Settings, more: string): Parameters<typeof analysis>[3] => ({
  smoke: { ...smoke, settings: layered(smoke.settings, settings), words: `10 units, 6 iterations of 20 images${more}` },
  pilot: {
    words: `400 iterations of 100 images, with ${pilotSeeds === 1 ? "one seed" : `${pilotSeeds} seeds`}${more}; statistics from 2,000 images`,
    ...{ budget: 400, settings: { ...settings, estimate: 2000, "evaluate-every": 100, seeds: pilotSeeds } },
  },
  paper: {
    words: `5,000 iterations of 100 images, with three seeds${more}`,
    ...{ budget: 5000, settings: { ...settings, estimate: 10_000, "evaluate-every": 500, seeds: 3 } },
  },
});

export const placementsOnPixels = analysis(
  "Which placement earns the gain, on permuted MNIST",
  "7, which leaves it open",
  placements,
  scalesOf(1, apart, ", noise of 0.1 in the first hidden state"),
);

export const cellGain = analysis(
  "The initial gain of cc, on permuted MNIST",
  "7, which leaves it open",
  cellGains,
  scalesOf(2, {}, ""),
);
