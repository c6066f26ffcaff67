/**
 * Every cell and model of the library as a PyTorch module, beside the interpreter: as it is, with norms at its sites, with sequences of
 * several lengths, under TorchScript, for several processes, and in f32.
 *
 *     npx tsx test/targets/pytorch/library.ts FOLDER [NAME]
 *
 * FOLDER gets the modules and their numbers. NAME: only cells, models and placements whose names contain it. Prints a line for each, and
 * the worst of each kind. It takes some minutes.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileHost } from "../../../cli/api/file-host.ts";
import { smallDims } from "../../../cli/small-dims.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { examplesIn } from "../../compile/examples.ts";
import { placements, small } from "../../compile/library-placements.ts";
import { Parity, type ParityErrors, type ParityOptions } from "./parity.ts";
import { runPython } from "./python.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

/** How many modules a process of Python runs: starting one takes a second. */
const TOGETHER = 40;

interface Case {
  readonly name: string;
  readonly make: (options: Partial<ParityOptions>) => Parity;
}

const folders = [
  ["examples/cells", "cell"],
  ["examples/models", "cell"],
  ["examples/models", "model"],
  ["examples/paper", "cell"],
  ["examples/paper", "model"],
  ["examples/start", "cell"],
  ["examples/start", "model"],
] as const;

const plain: readonly Case[] = folders.flatMap(([folder, kind]) =>
  examplesIn(folder, kind).map(({ path, entry }) => ({
    name: entry,
    make: (options) => {
      const { dims: chosen } = smallDims(path, fileHost, { entry });
      const { graph, dims } = elaborate(path, fileHost, { entry, dims: chosen });
      return new Parity(graph, { dims, isCell: kind === "cell", batch: 4, time: 5, ...options });
    },
  })),
);

const withNorms: readonly Case[] = placements.map((cell) => ({
  name: `${cell.entry} ${cell.place}`,
  make: (options) => {
    const { graph, dims } = small(cell, cell.place);
    return new Parity(graph, { dims, isCell: true, batch: 4, time: 4, ...options });
  },
}));

const ragged5 = { lengths: [5, 3, 4, 1] };
const ragged4 = { lengths: [4, 2, 3, 1] };

const kinds: readonly {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly options: Partial<ParityOptions>;
}[] = [
  { name: "as they are, and under TorchScript", cases: plain, options: { script: true } },
  { name: "sequences of several lengths, and under TorchScript", cases: plain, options: { ...ragged5, script: true } },
  { name: "for several processes, in one", cases: plain, options: { ...ragged5, distributed: true } },
  { name: "in f32", cases: plain, options: { dtype: "float32" } },
  { name: "norms at every site", cases: withNorms, options: {} },
  { name: "norms at every site, sequences of several lengths", cases: withNorms, options: ragged4 },
  { name: "norms at every site, for several processes", cases: withNorms, options: { distributed: true } },
];

const shown = (errors: ParityErrors): string =>
  Object.entries(errors)
    .map(([kind, error]) => `${kind} ${(error as number).toExponential(1)}`)
    .join("  ");

function main(folder: string, part = ""): void {
  mkdirSync(folder, { recursive: true });
  for (const [k, { name, cases, options }] of kinds.entries()) {
    const made: { readonly name: string; readonly at: string; readonly parity: Parity }[] = [];
    let refused = 0;
    for (const [i, one] of cases.entries()) {
      if (!one.name.includes(part)) continue;
      const at = join(folder, `${k}-${i}`);
      rmSync(at, { recursive: true, force: true });
      try {
        const parity = one.make(options);
        parity.write(at);
        made.push({ name: one.name, at, parity });
      } catch (error) {
        // Groups of examples are not trained on sequences of several lengths, by any target.
        if (!String(error).includes("C0243")) throw error;
        refused++;
      }
    }
    for (let i = 0; i < made.length; i += TOGETHER)
      runPython([RUN, ...made.slice(i, i + TOGETHER).map(({ at }) => at)]);
    const worst = { forward: 0, gradient: 0, statistics: 0, evaluation: 0 };
    for (const { name: of, at, parity } of made) {
      const errors = parity.errors(at);
      console.log(`${of.padEnd(24)} ${shown(errors)}  rounding ${parity.amplification().toExponential(1)}`);
      for (const key of Object.keys(worst) as (keyof ParityErrors)[]) worst[key] = Math.max(worst[key], errors[key]);
    }
    console.log(
      `== ${name}: ${made.length} modules${refused > 0 ? `, ${refused} refused` : ""}; worst: ${shown(worst)}\n`,
    );
  }
}

main(process.argv[2] ?? "pytorch-modules", process.argv[3]);
