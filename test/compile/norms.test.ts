import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { computations, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const examples = [
  ["cells/rnn", "rnn"],
  ["cells/lstm", "lstm"],
  ["cells/gru", "gru_before"],
  ["cells/gru", "gru_after"],
  ["cells/bnlstm", "bnlstm"],
  ["cells/lnlstm", "lnlstm"],
  ["smnist", "smnist"],
] as const;

const norms = ["batch", "layer", "rms", "none"];

interface Case {
  readonly path: string;
  readonly entry: string;
  readonly place: string;
  readonly H: number;
  readonly batch: number;
  readonly seed: number;
}

/** Four placements per cell, which put every norm once at every site, beside different neighbours. */
const cases: readonly Case[] = examples.flatMap(([file, entry], c) => {
  const path = `examples/${file}.cell`;
  const sites = elaborate(path, fileHost, { entry }).sites.map((s) => placeName(s.name));
  return norms.map((_, i) => ({
    path,
    entry,
    place: sites.map((site, j) => `${site}=${norms[(i + j) % norms.length]}`).join(","),
    H: [5, 6, 9, 5][i],
    batch: [4, 5, 6, 7][i],
    seed: 10 * c + i,
  }));
});

/** The examples that differ in more than the norms at their sites. */
const plain = examples.filter(([file]) => ["cells/rnn", "cells/lstm", "cells/gru"].includes(file));

/** Norms on all parameters of a cell. `cells.test.ts` puts every other norm at every site. */
const onParameters: readonly Case[] = plain.map(([file, entry], c) => {
  const path = `examples/${file}.cell`;
  const place = elaborate(path, fileHost, { entry }).parameters.map(({ name, type }, i) => {
    const norm = type.shape.length < 2 ? "layer" : ["weight", "weight(gamma = none)", "rms"][i % 3];
    return `${placeName(name)}=${norm}`;
  });
  return { path, entry, place: place.join(), H: 6, batch: 4, seed: 100 + c };
});

const studies = keptForFile<Case, Study>();

/** A case's study, one for all places: what it compiles and interprets serves them all. */
function studyOf(c: Case): Study {
  const known = studies.get(c) ?? study(c);
  studies.set(c, known);
  return known;
}

function study({ path, entry, place, H, batch, seed }: Case): Study {
  const dims = { D: 3, H, ...(entry === "smnist" && { K: 3 }) };
  const { graph, dims: bound } = elaborate(path, fileHost, { entry, dims, place: parsePlacements(place) });
  return new Study(graph, { dims: bound, batch, time: 4, seed });
}

it("every norm is tried at every site of every example", () => {
  const tried = new Set(cases.flatMap(({ entry, place }) => place.split(",").map((p) => `${entry} ${p}`)));
  const sites = examples.map(([file, entry]) => elaborate(`examples/${file}.cell`, fileHost, { entry }).sites.length);
  expect(tried.size).toBe(norms.length * sites.reduce((a, b) => a + b));
});

describe("the derived gradients of all parameters and inputs are what differences show:", () => {
  it.each([...cases, ...onParameters])("$entry with $place", (c) => {
    expect(studyOf(c).directionError()).toBeLessThan(tolerance.differences);
  });
});

/**
 * A shader compiler takes its time. The kernels of `estimate` are the forward ones of `train`, without what is saved: they run on
 * WebGPU in batch-norm.test.ts and split-batch.test.ts.
 */
const onGpu = ["train", "infer"] as const;

describe.each(Object.values(places))(
  "on $name losses, outputs, gradients and statistics are the reference's:",
  (place) => {
    const backend = opened(place);

    const isGpu = place.target.name !== "wasm";
    // One placement a cell, another each time: the library's cells run there with norms, too (cells.test.ts). A processor that fuses
    // products and sums runs the same kernels.
    const turn = ({ seed }: Case): boolean => seed % 10 === Math.floor(seed / 10) % norms.length;
    const some = place === places.wasm ? cases : cases.filter(turn);
    const more =
      place === places.wasm ? onParameters : place === places.wgsl ? onParameters.filter((c) => c.entry === "rnn") : [];
    it.each([...some, ...more])("$entry with $place", async (c) => {
      const entries = isGpu ? onGpu : computations;
      const errors = await studyOf(c).targetErrors(place.target, backend(), entries);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  },
);

/** [file, entry, H, batch, steps] */
type Size = readonly [file: string, entry: string, H: number, batch: number, steps: number];

/** Several blocks of a product and what is left over; then the paper's own size. */
const wasmSizes: readonly Size[] = [
  ["cells/rnn", "rnn", 33, 19, 7],
  ["cells/gru", "gru_before", 33, 19, 7],
  ["cells/gru", "gru_after", 33, 19, 7],
  ["cells/bnlstm", "bnlstm", 33, 19, 7],
  ["cells/lnlstm", "lnlstm", 33, 19, 7],
  ["smnist", "smnist", 100, 64, 7],
];

const sizes: Readonly<Record<keyof typeof places, readonly Size[]>> = {
  wasm: wasmSizes,
  relaxed: wasmSizes,
  glsl: [
    ["cells/bnlstm", "bnlstm", 33, 19, 3],
    ["cells/lnlstm", "lnlstm", 6, 30, 3],
  ],
  // Several workgroups; more examples than a workgroup has lanes.
  wgsl: [
    ["cells/bnlstm", "bnlstm", 33, 19, 3],
    ["cells/bnlstm", "bnlstm", 6, 300, 3],
    ["cells/lnlstm", "lnlstm", 6, 300, 3],
  ],
};

describe.each(Object.entries(sizes) as [keyof typeof places, readonly Size[]][])("larger cells on %s", (name, some) => {
  const place = places[name];
  const backend = opened(place);

  it.each(some)("%s.cell, %s, H = %i, batch %i, %i steps: as the reference", async (file, entry, H, batch, time) => {
    const { graph, dims } = elaborate(`examples/${file}.cell`, fileHost, { entry, dims: { H } });
    const study = new Study(graph, { dims, batch, time, seed: H });
    const errors = await study.targetErrors(place.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
