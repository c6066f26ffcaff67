import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { type ElaborateOptions, elaborate } from "../../compiler/semantics/elaborate.ts";
import { cellFixtures, type FixtureTensors, readFixture } from "../fixtures/pytorch/fixture.ts";
import { inTurn, opened, places } from "./backends.ts";
import type { Numbers } from "./run-executable.ts";
import { type Computes, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** What PyTorch says, under the names that a study gives results. */
interface Claim {
  readonly name: string;
  readonly entry: Computes;
  readonly study: Study;
  readonly results: Readonly<Record<string, ArrayLike<number>>>;
}

const file = (cell: string): string => `examples/cells/${cell.startsWith("gru") ? "gru" : cell}.cell`;

function keyed(prefix: string, tensors: FixtureTensors): Record<string, ArrayLike<number>> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [prefix + name, data]));
}

function study(
  path: string,
  options: ElaborateOptions,
  dims: Readonly<Record<string, number>>,
  numbers: Numbers,
  lengths?: readonly number[],
): Study {
  const { T, B, ...sizes } = dims;
  const { graph, dims: bound } = elaborate(path, fileHost, { ...options, dims: sizes });
  return new Study(graph, { dims: bound, batch: B, time: T, numbers, ...(lengths && { lengths }) });
}

const cells = cellFixtures.map((name): Claim => {
  const { dims, params, x, w, h, loss, grads, dx, stats = {} } = readFixture(name);
  const numbers = { ...keyed("", params), x: x.data, d_h: w.data };
  const results = { "output:h": h.data, "loss:loss": [loss], "grad:x": dx.data, ...keyed("grad:", grads) };
  return {
    name,
    entry: "train",
    study: study(file(name), { entry: name }, dims, numbers),
    results: { ...results, ...keyed("batch_stat:", stats) },
  };
});

function inference(): Claim {
  const { name, dims, params, stats, x, h } = readFixture("bnlstm_inference");
  const numbers = { ...keyed("", params), ...keyed("", stats), x: x.data };
  return {
    name,
    entry: "infer",
    study: study(file("bnlstm"), { entry: "bnlstm" }, dims, numbers),
    results: { "output:h": h.data },
  };
}

function model(): Claim {
  const { name, dims, params, x, y, logits, loss, accuracy, grads, stats } = readFixture("model");
  const options = { entry: "smnist", cells: { rnn: "bnlstm" } };
  return {
    name,
    entry: "train",
    study: study("examples/smnist.cell", options, dims, { ...keyed("", params), x: x.data, y: y.data }),
    results: {
      "output:logits": logits.data,
      "loss:loss": [loss],
      "metric:accuracy": [accuracy],
      ...keyed("grad:", grads),
      ...keyed("batch_stat:", stats),
    },
  };
}

function program(name: "attention" | "attention_classifier", path: string): Claim {
  const { dims, params, inputs, lengths, results } = readFixture(name);
  const numbers = { ...keyed("", params), ...keyed("", inputs) };
  return {
    name,
    entry: "train",
    study: study(path, { entry: name }, dims, numbers, lengths),
    results: keyed("", results),
  };
}

const claims = [
  ...cells,
  inference(),
  model(),
  program("attention", "examples/cells/attention.cell"),
  program("attention_classifier", "examples/models/attention_classifier.cell"),
];

it("the fixtures' parameters are those of the cells, and each has a gradient", () => {
  for (const { name, study, entry, results } of claims) {
    const params = [...study.leaves].flatMap(
      ([
        leaf,
        {
          leaf: { kind },
        },
      ]) => (kind === "param" ? [leaf] : []),
    );
    const fixture = Object.keys(readFixture(name as (typeof cellFixtures)[number]).params);
    expect(fixture.toSorted(), name).toEqual(params.toSorted());
    if (entry === "train") expect(Object.keys(results)).toEqual(expect.arrayContaining(params.map((p) => `grad:${p}`)));
  }
});

describe("the reference says what PyTorch says:", () => {
  it.each(claims)("$name", ({ study, entry, results }) => {
    const found = study.reference(entry);
    for (const [key, truth] of Object.entries(results))
      expect(relativeError(found.get(key)!, truth), key).toBeLessThan(tolerance.pytorch);
  });
});

describe.each(Object.values(places))("$name says what PyTorch says:", (place) => {
  const backend = opened(place);

  it.each(inTurn(place, claims, 3))("$name", async ({ study, entry, results }) => {
    const found = (await study.run(place.target, backend(), [entry])).get(entry)!;
    for (const [key, truth] of Object.entries(results)) {
      const numbers = found.get(key) ?? found.get(`output:d_${key.slice("grad:".length)}`)!;
      const limit = key.startsWith("grad:") ? tolerance.gradient : tolerance.forward;
      expect(relativeError(numbers, truth), key).toBeLessThan(limit);
    }
  });
});
