/** A small plan written by hand: a model with one batch norm, three steps' worth of commands. */
import type { Entry, Extent, Plan, Tensor } from "../../runtime/plan.ts";

const fixed = (count: number): Extent => ({ fixed: count, perStep: 0 });
const dispatch = (kernel: string) => ({ do: "dispatch", kernel, grid: [fixed(1), fixed(1), fixed(1)] }) as const;
const nothing = { fixed: 0, frame: 0 } as const;
const base = { offset: 0, time: false, batch: false } as const;

const tensors: readonly Tensor[] = [
  {
    ...base,
    name: "rnn/Wx",
    role: { kind: "param", init: { kind: "orthogonal", gain: 1 } },
    region: "param",
    shape: [28, 16],
  },
  {
    ...base,
    name: "rnn/b",
    role: { kind: "param", init: { kind: "constant", value: 0 } },
    region: "param",
    shape: [16],
  },
  { ...base, name: "rnn/hh/m", role: { kind: "stat", steps: 28, policy: "per_step" }, region: "stat", shape: [16] },
  { ...base, name: "x", role: { kind: "input" }, region: "input", shape: [8, 28], time: true, batch: true },
  { ...base, name: "y", role: { kind: "index", size: 10 }, region: "input", shape: [8], batch: true },
  { ...base, name: "accuracy", role: { kind: "metric" }, region: "work", shape: [] },
];

const train: Entry = {
  tensors,
  commands: [
    dispatch("project"),
    { do: "steps", reverse: false, commands: [dispatch("step")] },
    { do: "steps", reverse: true, commands: [dispatch("back_a"), dispatch("back_b")] },
    dispatch("project"),
  ],
  regions: {
    param: { fixed: 464, frame: 0 },
    grad: { fixed: 464, frame: 0 },
    slot: nothing,
    stat: { fixed: 448, frame: 0 },
    input: { fixed: 16, frame: 224 },
    work: { fixed: 0, frame: 128 },
    half: { fixed: 16, frame: 64 },
  },
};

export const smallPlan: Plan = {
  format: 4,
  name: "small",
  target: "wasm",
  dims: { D: 28, H: 4, K: 10, batch: 8 },
  fingerprint: "f",
  measures: {},
  equations: {},
  slots: [],
  optimizer: "sgd",
  entries: { train },
  kernels: [],
};
