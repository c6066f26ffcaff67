/**
 * The cells and models that PyTorch does not have, against their equations in PyTorch: every file of `library` and `models` in
 * `test/fixtures/pytorch`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { FixtureTensor, FixtureTensors } from "../fixtures/pytorch/fixture.ts";
import { inTurn, opened, places } from "./backends.ts";
import { type Computes, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

interface Fixture {
  readonly file: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly params: FixtureTensors;
  readonly inputs: FixtureTensors;
  readonly loss: number;
  readonly grads: FixtureTensors;
}

/** What `library.py` writes. */
interface CellFixture extends Fixture {
  readonly cell: string;
  readonly w: FixtureTensor;
  readonly y: FixtureTensor;
}

/** What `models.py` writes. */
interface ModelFixture extends Fixture {
  readonly model: string;
  readonly entry: Computes;
  readonly outputs: FixtureTensors;
  /** Of each time axis, if there are several. */
  readonly lengths?: Readonly<Record<string, readonly number[]>>;
}

/** What PyTorch says, under the names that a study gives results. */
interface Claim {
  readonly name: string;
  readonly entry: Computes;
  readonly study: Study;
  readonly results: ReadonlyMap<string, readonly number[]>;
  readonly given: readonly string[];
}

const data = (tensors: FixtureTensors): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.data]));

const keyed = (kind: string, tensors: FixtureTensors): readonly (readonly [string, readonly number[]])[] =>
  Object.entries(data(tensors)).map(([name, numbers]) => [`${kind}:${name}`, numbers]);

function fixtures<F>(folder: string): readonly F[] {
  const at = new URL(`../fixtures/pytorch/${folder}/`, import.meta.url);
  return readdirSync(at).map((name) => JSON.parse(readFileSync(new URL(name, at), "utf8")) as F);
}

function cellClaim({ file, cell, dims: sizes, params, inputs, w, y, loss, grads }: CellFixture): Claim {
  const { T, B, ...chosen } = sizes;
  const { graph, dims } = elaborate(`examples/cells/${file}.cell`, fileHost, { entry: cell, dims: chosen });
  const output = graph.results.find((r) => r.kind === "output")!.name;
  const numbers = { ...data(params), ...data(inputs), [`d_${output}`]: w.data };
  const results = new Map([
    [`output:${output}`, y.data] as const,
    ["loss:loss", [loss]] as const,
    ...keyed("grad", grads),
  ]);
  const study = new Study(graph, { dims, batch: B, time: T, numbers, entries: ["train"] });
  return { name: cell, entry: "train", study, results, given: Object.keys(params) };
}

function modelClaim({
  file,
  model,
  entry,
  dims: sizes,
  params,
  inputs,
  outputs,
  loss,
  grads,
  lengths,
}: ModelFixture): Claim {
  const { T, B, ...chosen } = sizes;
  const { graph, dims } = elaborate(`examples/models/${file}.cell`, fileHost, { entry: model, dims: chosen });
  // A sequence over a shorter axis is padded to the longest one's steps.
  const padded = ({ shape, data }: FixtureTensor): readonly number[] =>
    lengths === undefined || shape[0] === T
      ? data
      : [...data, ...new Array<number>((data.length / shape[0]) * (T - shape[0])).fill(0)];
  const fed = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, padded(tensor)]));
  const { time, ...lengthsOver } = lengths ?? {};
  const study = new Study(graph, {
    ...{ dims, batch: B, time: T, numbers: { ...data(params), ...fed }, entries: [entry] },
    ...(lengths && { lengths: time, lengthsOver }),
  });
  const results = new Map([...keyed("output", outputs), ["loss:loss", [loss]] as const, ...keyed("grad", grads)]);
  return { name: model, entry, study, results, given: Object.keys(params) };
}

const claims = [
  ...fixtures<CellFixture>("library").map(cellClaim),
  ...fixtures<ModelFixture>("models").map(modelClaim),
];

it("each fixture gives the parameters and constants, and no other", () => {
  for (const { name, study, given } of claims) {
    const params = [...study.leaves].flatMap(([key, { leaf }]) => (leaf.kind === "param" ? [key] : []));
    expect(given.toSorted(), name).toEqual(params.toSorted());
  }
});

describe("the reference says what PyTorch says:", () => {
  it.each(claims)("$name", ({ study, results, entry }) => {
    const found = study.reference(entry);
    for (const [key, truth] of results)
      expect(relativeError(found.get(key)!, truth), key).toBeLessThan(tolerance.pytorch);
  });
});

describe.each([places.wasm, places.wgsl, places.glsl])("$name says what PyTorch says:", (place) => {
  const backend = opened(place);

  it.each(inTurn(place, claims, 4))("$name", async ({ study, results, entry }) => {
    const found = (await study.run(place.target, backend(), [entry])).get(entry)!;
    for (const [key, truth] of results) {
      const limit = key.startsWith("grad:") ? tolerance.gradient : tolerance.forward;
      // A target gives the gradient of an input as an output.
      const numbers = found.get(key) ?? found.get(key.replace("grad:", "output:d_"))!;
      expect(relativeError(numbers, truth), key).toBeLessThan(limit);
    }
  });
});
