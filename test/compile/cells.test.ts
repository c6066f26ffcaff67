/** The library of cells: every file of `examples/cells` is here by being there. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/source-host.ts";
import { declarations, elaborate } from "../../compiler/semantics/elaborate.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { numbersFor } from "../passes/meaning.ts";
import { expectComputed } from "../schedule/expect-computed.ts";
import { opened, places } from "./backends.ts";
import { computations, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const folder = "examples/cells";

const cells = readdirSync(folder)
  .filter((file) => file.endsWith(".cell"))
  .flatMap((file) => {
    const path = `${folder}/${file}`;
    return declarations(path, fileHost)
      .filter(({ kind }) => kind === "cell")
      .map(({ name }) => ({ path, entry: name }));
  });

type Cell = (typeof cells)[number];

/** Dimensions as small as each cell has them: four heads need 4 · 2 units. */
function small({ path, entry }: Cell) {
  const { dims } = elaborate(path, fileHost, { entry });
  const few: Readonly<Record<string, number>> = { D: 3, H: 8, L: 2, U: 5, R: 2 };
  return elaborate(path, fileHost, { entry, dims: Object.fromEntries(Object.keys(dims).map((d) => [d, few[d] ?? 2])) });
}

const studies = new Map<string, Study>();

function studyOf(cell: Cell): Study {
  const known = studies.get(cell.entry);
  if (known !== undefined) return known;
  const { graph, dims } = small(cell);
  const made = new Study(graph, { dims, batch: 4, time: 3, seed: 3 });
  studies.set(cell.entry, made);
  return made;
}

it("the library has the cells that its index lists", () => {
  const index = readFileSync(`${folder}/README.md`, "utf8");
  for (const { path, entry } of cells) {
    const row = index.split("\n").find((line) => line.includes(`\`${entry}\``));
    expect(row, entry).toContain(`\`${path.slice(folder.length + 1)}\``);
  }
  expect(cells.length).toBeGreaterThanOrEqual(17);
  expect(new Set(cells.map(({ entry }) => entry)).size).toBe(cells.length);
});

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
    const errors = await studyOf(cell).targetErrors(places.wasm.target, backend(), computations);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("on WebGPU, too:", () => {
  const backend = opened(places.wgsl);
  it.each(cells)("$entry", async (cell) => {
    const errors = await studyOf(cell).targetErrors(places.wgsl.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
