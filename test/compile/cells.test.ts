/** The library of cells: every file of `examples/cells` is here by being there. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { hasAllSteps } from "../../compiler/ir/steps.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { expectComputed } from "../codegen/expect-computed.ts";
import { numbersFor } from "../passes/meaning.ts";
import { inTurn, opened, places, webgpuInPage } from "./backends.ts";
import type { Example } from "./examples.ts";
import { asReference } from "./expect-as-reference.ts";
import { keptForFile } from "./kept-for-file.ts";
import { cells, norms, placements, small } from "./library-placements.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const studies = keptForFile<string, Study>();

/** A cell's study, one for all tests; with norms on its sites, of training alone. */
function studyOf(cell: Example, place = ""): Study {
  const name = `${cell.entry} ${place}`;
  const known = studies.get(name);
  if (known !== undefined) return known;
  const { graph, dims } = small(cell, place);
  const made = new Study(graph, { dims, batch: 4, time: 3, seed: 3, ...(place && { entries: ["train"] }) });
  studies.set(name, made);
  return made;
}

describe.each(cells)("$entry", (cell) => {
  it("warns of nothing", () => {
    expect(elaborate(cell.path, fileHost, { entry: cell.entry }).warnings).toEqual([]);
  });

  it("has the gradients that differences show", () => {
    expect(studyOf(cell).directionError()).toBeLessThan(tolerance.differences);
  });

  it("computes on a machine with lanes what the reference does", () => {
    const { lowered } = studyOf(cell);
    const { dims } = small(cell);
    const all = { ...dims, batch: 4, time: 3, steps: 3 };
    const leaves = numbersFor(lowered.placed, all);
    for (const entry of ["train", "infer"] as const)
      expectComputed(lowered.entries[entry], lowered.placed, { dims: all, leaves }, wgsl.machine);
  });
});

describe("on WebAssembly losses, outputs, gradients and statistics are the reference's:", () => {
  const backend = opened(places.wasm);
  it.each(cells)("$entry", async (cell) => {
    const errors = await studyOf(cell).targetErrors(places.wasm.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([
  { name: "WebGPU", place: places.wgsl },
  { name: "WebGL2", place: places.glsl },
])("on $name, too:", ({ place }) => {
  const backend = opened(place);
  it.each(inTurn(place, cells, 6))("$entry", async (cell) => {
    const errors = await studyOf(cell).targetErrors(place.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("with every norm of the prelude at every site that may have it, beside others,", () => {
  const backend = opened(places.wasm);
  const expectAsReference = asReference(process.env.CELLC_ALL_NORMS ? undefined : 0);
  // A tenth of them, so that each norm has its turn at every tenth cell. All of them take some four minutes.
  const turns = process.env.CELLC_ALL_NORMS ? placements : placements.filter((_, n) => n % 10 === 0);
  it.each(turns)("$entry with $place has the gradients that differences show, also on WebAssembly", async (at) => {
    const study = studyOf(at, at.place);
    expect(study.directionError()).toBeLessThan(tolerance.stacked.differences);
    await expectAsReference(study, places.wasm, backend(), ["train"]);
  });
});

describe("on WebGPU in a page:", () => {
  const backend = opened(webgpuInPage);
  it.each(["bnlstm", "gru_after", "mlstm"])("%s", async (name) => {
    const cell = cells.find(({ entry }) => entry === name)!;
    const errors = await studyOf(cell).targetErrors(webgpuInPage.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([
  ["WebGPU", places.wgsl],
  ["WebGL2", places.glsl],
])("with norms, on %s, too:", (_, place) => {
  const backend = opened(place);
  const expectAsReference = asReference(process.env.CELLC_ALL_SHADERS ? undefined : 0);
  // A shader compiler takes its time: another placement for every eighth cell, so that all norms have their turns. All of them take some
  // four minutes: CELLC_ALL_SHADERS=1 npx vitest run test/compile/cells.test.ts
  const isTurn = (n: number): boolean => n % (8 * norms.length) === Math.floor(n / norms.length) % norms.length;
  const turns = process.env.CELLC_ALL_SHADERS ? placements : placements.filter((_, n) => isTurn(n));
  it.each(turns)("$entry with $place", async (at) => {
    await expectAsReference(studyOf(at, at.place), place, backend(), ["train"]);
  });
});

it("no site that depends on a state has statistics over time, and no parameter has some over examples", () => {
  for (const { path, entry } of cells) {
    const { sites, parameters } = elaborate(path, fileHost, { entry });
    const refused = (name: string, norm: string): readonly string[] => {
      try {
        elaborate(path, fileHost, { entry, place: parsePlacements(`${placeName(name)}=${norm}`) });
        return [];
      } catch (e) {
        if (e instanceof CompileError)
          return [...new Set(e.diagnostics.filter((d) => d.severity === "error").map((d) => d.code))];
        throw e;
      }
    };
    for (const { name, recurrent, type } of sites) {
      const code = recurrent ? "C0207" : hasAllSteps(type) ? "C0238" : undefined;
      expect(refused(name, "sequence"), `${entry} ${name}`).toEqual(code === undefined ? [] : [code]);
    }
    for (const { name } of parameters) expect(refused(name, "batch"), `${entry} ${name}`).toEqual(["C0215"]);
  }
});
