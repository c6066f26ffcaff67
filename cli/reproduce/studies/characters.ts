/** The next character: Penn Treebank and text8 (Cooijmans et al. 2016, sections 5.2 and 5.3, tables 2 and 3). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { namedFolders, notFound } from "../../data/task-folders.ts";
import { forget, offset } from "../readings.ts";
import type { Settings } from "../settings.ts";
import type { DataPlace, Study } from "../study.ts";
import { withPublished } from "../variants.ts";

const settings: Settings = { optimizer: "adam", clip: 1, test: true };

const common = {
  file: "paper/characters.cell",
  measure: { measure: "bits", direction: "min" },
  baseline: "lstm",
  readings: { forget, offset },
} as const satisfies Partial<Study>;

const smoke = {
  settings: { dims: { H: 16 }, batch: 16, steps: 6, "evaluate-every": 3, estimate: 64 },
  seeds: 1,
  variants: ["lstm", "bn-lstm"],
};

const EPOCHS = 50;

export const ptb: Study = {
  ...common,
  title: "Characters of the Penn Treebank",
  section: "5.2, table 2, figure 3",
  settings: { ...settings, unit: "spaced-characters", window: 99, stride: 100, batch: 64, lr: "2e-3" },
  data: (place) => ({ data: found(place, "ptb", ["ptb.char.train", "ptb.char.valid", "ptb.char.test"]) }),
  variants: withPublished({ lstm: 1.38, "bn-lstm": 1.32 }),
  scales: {
    smoke: { ...smoke, cut: "16 units, 6 iterations of 16 examples: it shows that everything runs, and nothing else" },
    pilot: {
      cut: "256 units instead of 1,000, and 3 epochs instead of 50",
      settings: { dims: { H: 256 }, epochs: 3, "evaluate-every": 196, estimate: 10_000 },
      seeds: 1,
      variants: ["lstm", "bn-lstm"],
    },
    paper: {
      cut: "the paper's: 1,000 units, 50 epochs",
      settings: { epochs: EPOCHS, estimate: 50_000 },
      seeds: 1,
    },
  },
  claims: [{ kind: "better", candidate: "bn-lstm", than: "lstm", by: 0 }],
  notes: [
    "Examples are 100 characters, of which all but the first are predicted. So they are in evaluations, each from the first states; the paper tests on the text as one sequence.",
  ],
};

/** The full file, or the part of it that there is. */
export const text8: Study = {
  ...common,
  title: "text8",
  section: "5.3, table 3",
  settings: {
    ...settings,
    format: "text",
    unit: "characters",
    window: 179,
    stride: 180,
    split: "0.9,0.05,0.05",
    dims: { H: 2000 },
    batch: 128,
    lr: "1e-3",
  },
  data: (place) => ({ data: found(place, "text8", ["text8"]) }),
  variants: withPublished({ lstm: 1.43, "bn-lstm": 1.36 }),
  scales: {
    smoke: { ...smoke, cut: "16 units, 6 iterations of 16 examples: it shows that everything runs, and nothing else" },
    pilot: {
      cut: "200 units instead of 2,000, and 800 iterations",
      settings: { dims: { H: 200 }, steps: 800, "evaluate-every": 100, estimate: 5000 },
      seeds: 1,
      variants: ["lstm", "bn-lstm"],
    },
    paper: {
      cut: "the paper's: 2,000 units, 50 epochs; within the memory that WebAssembly can have",
      settings: { epochs: EPOCHS, estimate: 50_000, memory: "3.5G" },
      seeds: 1,
    },
  },
  claims: [{ kind: "better", candidate: "bn-lstm", than: "lstm", by: 0 }],
  notes: [
    "Parts are nine tenths of the file, and a twentieth each to validate and to test: of the full file of 100,000,000 bytes, the paper's.",
    "Of a part of the file, they are no results on text8.",
  ],
};

/**
 * The files whose names begin so, in the first of the folders that has them: a path, or a pattern for several. Throws C0405 with where they
 * were looked for.
 */
function found(place: DataPlace, name: string, starts: readonly string[]): string {
  const looked: string[] = [];
  for (const folder of namedFolders(name, place)) {
    const files = namesIn(folder);
    const own = starts.map((start) => files.filter((file) => file.startsWith(start)));
    if (own.every(({ length }) => length === 1))
      return join(folder, starts.length === 1 ? own[0][0] : `${commonStart(starts)}*`);
    const twice = own.find(({ length }) => length > 1);
    looked.push(
      `${folder}: ${twice === undefined ? "lacks some of them" : `has ${twice.join(" and ")}, and one is wanted`}`,
    );
  }
  throw notFound(starts.join(", "), looked, "put the files into a folder and name it with --data DIR or CELLC_DATA");
}

/** Its files; none if there is no such folder. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]));
  } catch {
    return [];
  }
}

function commonStart([first, ...others]: readonly string[]): string {
  let length = first.length;
  while (!others.every((other) => other.startsWith(first.slice(0, length)))) length--;
  return first.slice(0, length);
}
