/** Printed modules in PyTorch: outputs, losses, gradients, statistics after five steps of training, and evaluation. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { smallDims } from "../../../cli/small-dims.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../../compiler/semantics/placements.ts";
import { tolerance } from "../../compile/tolerances.ts";
import { Parity, type ParityErrors, type ParityOptions } from "./parity.ts";
import { runPython } from "./python.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

interface Case {
  readonly name: string;
  readonly file: string;
  readonly entry: string;
  readonly isCell: boolean;
  readonly place?: string;
  readonly options?: Partial<ParityOptions>;
}

const lengths = [5, 3, 4, 1];

/** A few of what `library.ts` runs all of. */
const cases: readonly Case[] = [
  { name: "a cell without norms", file: "cells/lstm", entry: "lstm", isCell: true, options: { script: true } },
  { name: "norms over the batch", file: "cells/bnlstm", entry: "bnlstm", isCell: true, options: { script: true } },
  {
    name: "statistics that all steps share, and sequences of several lengths",
    file: "cells/ligru",
    entry: "sligru",
    isCell: true,
    options: { lengths, script: true },
  },
  {
    name: "norms at the rounds of a function, for several processes",
    file: "cells/rhn",
    entry: "bnrhn",
    isCell: true,
    options: { lengths, distributed: true },
  },
  {
    name: "norms that look at the population in training, and of groups",
    file: "cells/gru",
    entry: "gru_after",
    isCell: true,
    place: "hh=batch_renorm,xh=ghost(2)",
  },
  {
    name: "a model that draws numbers, with a loss",
    file: "start/classify",
    entry: "classify",
    isCell: false,
    options: { lengths, script: true },
  },
  {
    name: "two time axes, and all steps at once",
    file: "models/seq2seq",
    entry: "seq2seq",
    isCell: false,
    options: { lengths },
  },
  {
    name: "layers, forward and backward",
    file: "models/tagger",
    entry: "tagger",
    isCell: false,
    options: { lengths, script: true },
  },
];

describe("in f64", () => {
  const made = cases.map(({ file, entry, isCell, place = "", options }) => {
    const path = `examples/${file}.cell`;
    const { dims: chosen } = smallDims(path, fileHost, { entry });
    const { graph, dims } = elaborate(path, fileHost, {
      entry,
      dims: chosen,
      place: place ? parsePlacements(place) : [],
    });
    return new Parity(graph, { dims, isCell, batch: 4, time: 5, ...options });
  });
  let folders: readonly string[] | undefined;
  const errorsOf = (i: number): ParityErrors => {
    if (folders === undefined) {
      // One process for all: starting one takes a second.
      const folder = mkdtempSync(join(inject("scratch"), "pytorch-"));
      folders = made.map((parity, k) => {
        const at = join(folder, String(k));
        parity.write(at);
        return at;
      });
      runPython([RUN, ...folders]);
    }
    return made[i].errors(folders[i]);
  };

  it.each(cases.map(({ name, entry }, i) => ({ name, entry, i })))("$entry: $name", ({ i }) => {
    const errors = errorsOf(i);
    for (const error of Object.values(errors) as number[]) expect(error).toBeLessThan(tolerance.pytorch);
  });
});
