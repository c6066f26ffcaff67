/** What the scheduler makes of the example cells: how often a step dispatches, kernels that obey, memory that nobody shares. */
import { describe, expect, it } from "vitest";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import type { Command, Entry, Tensor } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, type Placed, type Planned, planned } from "./cells.ts";

const targets = [wasm, wgsl];
const batchGru = { file: "cells/gru", entry: "gru_before", place: "hh=batch,xh=batch,rh=batch" } as const;
const everyCell: Readonly<Record<string, Placed>> = { ...cells, batchGru, smnist: { file: "smnist" } };

/** What costs least is another question: here a step has kernels of its own. */
const byStep = { forward: "column", backward: "column" } as const;

/** Plans by target and cell, made once: compiling is most of what these tests do. */
const plans = new Map(
  targets.flatMap((target) =>
    Object.entries(everyCell).map(([name, cell]): [string, Planned] => [
      `${name} on ${target.name}`,
      planned(cell, target, { loops: byStep }),
    ]),
  ),
);

/** Dispatches per time step of an entry's loops, in order: the forward's, then the backward's. */
function perStep(entry: Entry | undefined): readonly number[] {
  return (entry?.commands ?? []).flatMap((c) => (c.do === "steps" ? [c.commands.length] : []));
}

const dispatched = (commands: readonly Command[]): readonly string[] =>
  commands.flatMap((c) => (c.do === "dispatch" ? [c.kernel] : dispatched(c.commands)));

describe("a time step dispatches", () => {
  it.each([
    ["rnn", 1, 1],
    ["lstm", 1, 1],
    ["lnlstm", 1, 1],
    ["gru_before", 1, 1],
    ["gru_after", 1, 1],
    ["bnlstm", 1, 1],
    // r ∘ h must be whole before its product, and is normalized by columns. Backwards, so must the derivative behind it be.
    ["batchGru", 2, 2],
  ])("%s: %i kernels forward, %i backward", (name, forward, backward) => {
    for (const target of targets) {
      const { entries } = plans.get(`${name} on ${target.name}`)!.plan;
      expect(perStep(entries.train), target.name).toEqual([forward, backward]);
      expect(perStep(entries.estimate), target.name).toEqual([forward]);
      expect(perStep(entries.update), target.name).toEqual([]);
    }
  });
});

/** Every subset of `sites`, with batch norm at each of it. */
const placements = (sites: readonly string[]): readonly string[] =>
  Array.from({ length: 2 ** sites.length }, (_, set) =>
    sites.map((site, i) => `${site}=${(set >> i) & 1 ? "batch" : "none"}`).join(","),
  );

describe("wherever batch norm stands, a step is one kernel forward and one backward:", () => {
  const placed = [
    ...placements(["hh", "xh", "cc"]).map((place) => ({ ...cells.bnlstm, place })),
    ...placements(["hh", "xh"]).map((place) => ({ ...cells.gru_after, place })),
    ...placements(["hh", "xh"]).map((place) => ({ ...cells.rnn, place })),
  ];
  it.each(placed.map((cell) => [`${"entry" in cell ? cell.entry : cell.file} with ${cell.place}`, cell] as const))(
    "%s",
    (_, cell) => {
      const { entries } = planned(cell, wgsl, { loops: byStep }).plan;
      expect(perStep(entries.train)).toEqual([1, 1]);
      expect(perStep(entries.infer)).toEqual([1]);
    },
  );
});

describe.each([...plans])("%s", (key, { plan, kernels }) => {
  const machine = key.endsWith(wasm.name) ? wasm.machine : wgsl.machine;

  it("has kernels that obey the rules and the machine's limits", () => {
    for (const kernel of kernels) expect(() => verifyKernel(kernel, machine)).not.toThrow();
  });

  it("names every kernel once, and runs every one of them once", () => {
    const names = kernels.map((k) => k.name);
    expect(new Set(names).size).toBe(names.length);
    expect(plan.kernels.map((k) => k.name)).toEqual(names);
    expect(Object.values(plan.entries).flatMap((e) => dispatched(e.commands))).toEqual(names);
  });

  it("gives every tensor floats of its own, inside its region", () => {
    for (const [name, entry] of Object.entries(plan.entries)) {
      const taken = entry.tensors.map((tensor) => ({ tensor, ...floats(tensor, entry) }));
      for (const [i, a] of taken.entries()) {
        expect(a.end, `${name}: ${a.tensor.name} ends in its region`).toBeLessThanOrEqual(a.limit);
        for (const b of taken.slice(0, i)) {
          const apart = a.space !== b.space || a.begin >= b.end || b.begin >= a.end;
          expect(apart, `${name}: ${a.tensor.name} and ${b.tensor.name} stand apart`).toBe(true);
        }
      }
    }
  });

  it("rounds regions up to cache lines, and agrees on those that entries share", () => {
    const entries = Object.values(plan.entries);
    for (const { regions } of entries) {
      for (const { fixed, frame } of Object.values(regions)) expect([fixed % 16, frame % 16]).toEqual([0, 0]);
      for (const shared of ["param", "grad", "slot", "stat"] as const)
        expect(regions[shared]).toEqual(entries[0].regions[shared]);
    }
  });

  it("lists parameters, gradients and statistics alike for every entry", () => {
    const kept = ({ tensors }: Entry): readonly Tensor[] =>
      tensors.filter((t) => ["param", "grad", "stat"].includes(t.role.kind));
    const [first, ...others] = Object.values(plan.entries);
    for (const entry of others) expect(kept(entry)).toEqual(kept(first));
    for (const { name, offset } of kept(first).filter((t) => t.role.kind === "param"))
      expect(kept(first).find((t) => t.name === `grad/${name}`)?.offset).toBe(offset);
  });

  it("survives JSON", () => {
    expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan);
  });
});

/** The floats a tensor takes: within the fixed part of its region, or within a frame of it. */
function floats(tensor: Tensor, entry: Entry): { space: string; begin: number; end: number; limit: number } {
  const { region, time, shape, role } = tensor;
  const { fixed, frame } = entry.regions[region];
  const size = shape.reduce((a, b) => a * b, role.kind === "stat" ? role.steps : 1);
  // A state is one frame on: frame 0 holds its initial value.
  const begin = time && frame > 0 ? tensor.offset % frame : tensor.offset;
  return { space: `${region} ${time}`, begin, end: begin + size, limit: time ? frame : fixed };
}

it("a plan has the entries that were asked for, and their kernels alone", () => {
  const { plan, kernels } = planned(cells.bnlstm, wasm, { entries: ["infer"] });
  const whole = plans.get("bnlstm on wasm")!;
  expect(Object.keys(plan.entries)).toEqual(["infer"]);
  expect(plan.entries.infer!.commands).toEqual(whole.plan.entries.infer!.commands);
  expect(plan.fingerprint).toBe(whole.plan.fingerprint);
  expect(kernels.map(({ name }) => name)).toEqual(dispatched(plan.entries.infer!.commands));
});
