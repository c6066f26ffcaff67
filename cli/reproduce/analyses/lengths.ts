/** Test sequences up to ten times longer than those of training, by population and by batch statistics (Cooijmans et al. 2016, figure 3b). */
import { join } from "node:path";
import { COLOURS, drawFigure } from "../../report/chart.ts";
import { writeAtomically } from "../../report/files.ts";
import * as Plot from "../../report/plot.ts";
import { type Analysis, textColumn, whereWords } from "../analysis.ts";
import { documentOf } from "../command-line.ts";
import { ptb } from "../studies/characters.ts";

const LENGTHS = [100, 200, 300, 400, 500, 700, 1000] as const;

/** The paper's figure, read off: test bits per character. */
const PUBLISHED: Readonly<Record<string, readonly number[]>> = {
  lstm: [1.449, 1.415, 1.404, 1.397, 1.395, 1.387, 1.391],
  "bn-lstm, batch": [1.42, 1.387, 1.372, 1.383, 1.361, 1.36, 1.362],
  "bn-lstm, population": [1.398, 1.36, 1.348, 1.34, 1.338, 1.33, 1.333],
};

/** Sequences side by side: as many as the longest lengths have for several batches. */
const BATCH = 64;

interface Point {
  readonly series: string;
  readonly seed: number;
  readonly length: number;
  readonly bits: number;
}

export const lengths: Analysis = {
  title: "Longer test sequences than in training",
  section: "5.2, figure 3b",
  of: "ptb",
  scales: {
    smoke: "of the smoke test's models, at three lengths",
    pilot: "of the pilot's models on the Penn Treebank, trained on 100 characters at a time",
    paper: "of the paper's models",
  },
  async run({ context, scale, out, of, runs, where }) {
    const tried = scale === "smoke" ? [100, 200, 1000] : LENGTHS;
    const lines = runs.flatMap(({ variant, seed }) => {
      const kinds = ptb.variants[variant].batchNorm ? ["stored", "batch"] : ["stored"];
      return kinds.flatMap((stats) =>
        tried.map((length) => ({ variant, seed, stats, length, alone: kinds.length === 1 })),
      );
    });
    const points: Point[] = [];
    const progress = context.output.progress(lines.length, "evaluations");
    try {
      for (const { variant, seed, stats, length, alone } of lines) {
        const series = alone ? variant : `${variant}, ${stats === "stored" ? "population" : "batch"}`;
        const quiet = { ...context.output, say: () => {}, warn: () => {}, table: () => {} };
        const document = await documentOf({ ...context, output: quiet }, [
          ...["eval", join(of!, `${variant}-${seed}`), "--split", "test", "--stats", stats, "--batch", String(BATCH)],
          ...["--window", String(length - 1), "--stride", String(length), ...whereWords(where)],
        ]);
        if (document === undefined) return undefined;
        points.push({ series, seed, length, bits: (document.metrics as { readonly bits: number }).bits });
        progress.update(points.length, `${series}, ${length} steps`);
      }
    } finally {
      progress.stop();
    }
    const names = [...new Set(points.map(({ series }) => series))];
    const mean = (series: string, length: number): number => {
      const own = points.filter((point) => point.series === series && point.length === length);
      return own.reduce((sum, { bits }) => sum + bits, 0) / own.length;
    };
    const picture = join(out, "lengths.svg");
    await writeAtomically(
      picture,
      drawFigure({
        title: "Test bits per character over the length of test sequences",
        subtitle: `${lengths.scales[scale]}; each sequence from the first states`,
        series: names.map((name, at) => ({ name, colour: COLOURS[at % COLOURS.length] })),
        panels: [
          {
            label: "bits per character",
            x: { label: "steps of a test sequence" },
            y: { grid: true },
            marks: [
              Plot.lineY(points, { x: "length", y: "bits", z: "series", stroke: "series", strokeWidth: 2.2 }),
              Plot.dot(points, { x: "length", y: "bits", fill: "series", r: 3 }),
            ],
          },
        ],
      }),
    );
    const [population, batch] = ["population", "batch"].map((kind) => `bn-lstm, ${kind}`);
    const long = tried.filter((length) => length >= 2 * tried[0]);
    const isKnown = names.includes(population) && names.includes(batch);
    return {
      measured: { batch: BATCH, points, published: { lengths: LENGTHS, bits: PUBLISHED } },
      columns: [
        textColumn("model and statistics", names),
        ...tried.map((length) =>
          textColumn(
            String(length),
            names.map((name) => mean(name, length).toFixed(3)),
            names.map((name) => mean(name, length)),
          ),
        ),
      ],
      findings: [
        {
          claim:
            "population statistics are better than batch statistics on test sequences longer than those of training",
          holds: isKnown ? long.every((length) => mean(population, length) < mean(batch, length)) : undefined,
          seen: isKnown
            ? long.map((n) => `${n}: ${mean(population, n).toFixed(3)} and ${mean(batch, n).toFixed(3)}`).join(", ")
            : "there is no finished run of bn-lstm",
        },
        {
          claim: "repeating the last step's statistics holds ten times beyond the training length",
          holds: isKnown ? mean(population, tried[tried.length - 1]) <= mean(population, tried[0]) : undefined,
          seen: isKnown
            ? `${mean(population, tried[0]).toFixed(3)} at ${tried[0]}, ${mean(population, tried[tried.length - 1]).toFixed(3)} at ${tried[tried.length - 1]}`
            : "there is no finished run of bn-lstm",
        },
      ],
      files: [picture],
    };
  },
};
