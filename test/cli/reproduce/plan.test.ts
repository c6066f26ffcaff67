/** The runs of a study, as command lines. */
import { describe, expect, it } from "vitest";
import { type Choices, plannedRuns } from "../../../cli/reproduce/plan.ts";
import { layered, trainLine, wordsOf } from "../../../cli/reproduce/settings.ts";
import { studies } from "../../../cli/reproduce/studies.ts";

const choices = (more: Partial<Choices> = {}): Choices => ({
  ...{ scale: "pilot", seeds: [1], readings: {}, settings: {} },
  ...more,
});

const place = (directory?: string) => ({ directory, environment: {} });

it("adds settings up, what is by name name by name", () => {
  const all = layered(
    { lr: 1, dims: { H: 3, start: "0.0" }, test: true },
    { lr: 2, dims: { H: 4 } },
    { test: false, place: { hh: "none" } },
  );
  expect(wordsOf(all)).toEqual(["--lr", "2", "--dims", "H=4,start=0.0", "--place", "hh=none"]);
  expect(trainLine("a.cell", { place: { cc: "batch(gamma=1, beta=none)" } })).toBe(
    "cellc train a.cell --place 'cc=batch(gamma=1, beta=none)'",
  );
});

describe("plannedRuns", () => {
  it("has the paper's settings where the code has them", () => {
    const [lstm, bn] = plannedRuns(studies.pmnist, choices(), place("data"));
    expect([lstm.name, bn.name]).toEqual(["lstm-1", "bn-lstm-1"]);
    expect(bn.settings).toMatchObject({
      ...{ optimizer: "rmsprop", lr: "1e-3", "rms-decay": 0.5, clip: 1, batch: 100, task: "mnist-permuted" },
      ...{ data: "data", steps: 5000, dims: { start: "0.0" } },
    });
    expect(bn.settings.place).toBeUndefined();
    expect(lstm.settings.place).toEqual({ hh: "none", xh: "none", cc: "shift" });
  });

  it("has noise in the first state of sequential MNIST's BN-LSTM, and of no other", () => {
    const [lstm, bn] = plannedRuns(studies.smnist, choices(), place());
    expect([lstm.settings.dims, bn.settings.dims]).toEqual([{ start: "0.0" }, undefined]);
  });

  it("reads a point as it is told to, and complains of points and readings that there are none of", () => {
    const [run] = plannedRuns(studies.pmnist, choices({ readings: { rmsprop: "text", forget: "text" } }), place());
    expect(run.settings).toMatchObject({ "rms-decay": 0.9, "momentum-factor": 0.9, dims: { forget: "0.0" } });
    const wrong = (readings: Choices["readings"]) => () => plannedRuns(studies.pmnist, choices({ readings }), place());
    expect(wrong({ colour: "red" })).toThrow("no point colour");
    expect(wrong({ rmsprop: "red" })).toThrow("rmsprop cannot be read as red");
  });

  it("complains of a variant that there is none of, and of data that is nowhere", () => {
    expect(() => plannedRuns(studies.pmnist, choices({ variants: ["gru"] }), place())).toThrow("no variant gru");
    expect(() => plannedRuns(studies.ptb, choices(), place("/nowhere"))).toThrow("lacks some of them");
    expect(() => plannedRuns(studies.text8, choices(), place())).toThrow("neither --data nor CELLC_DATA");
  });

  it("lets the command line say how long", () => {
    const settings = { steps: 7, epochs: false };
    const [run] = plannedRuns(studies.smnist, choices({ seeds: [3], settings, variants: ["ln-lstm"] }), place());
    expect(run).toMatchObject({ name: "ln-lstm-3", settings: { steps: 7 } });
  });
});
