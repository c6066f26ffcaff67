import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { decayedParameters } from "../../compiler/decayed-parameters.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { type Decaying, optimizerGraph } from "../../compiler/optimizer-graph.ts";
import { type OptimizerChoice, optimizerNames, optimizers, readOptimizer, slotsOf } from "../../compiler/optimizers.ts";
import { rangeOf } from "../../runtime/layout.ts";
import type { Tensor } from "../../runtime/plan.ts";
import { type FixtureTensors, readFixture } from "../fixtures/pytorch/fixture.ts";
import { opened, places } from "./backends.ts";
import { tolerance } from "./tolerances.ts";

const { clip, start, grads, runs } = readFixture("optimisers");
const cases = runs.map(({ choice, lr, params }) => ({
  title: JSON.stringify(choice),
  choice: choice as OptimizerChoice,
  lr,
  params,
}));

const flat = (tensors: FixtureTensors): number[] => Object.values(tensors).flatMap(({ data }) => data);
const norm = (tensors: FixtureTensors): number => Math.hypot(...flat(tensors));

it("the fixture has every optimiser, and every option with a value that is not the default", () => {
  expect(new Set(runs.map(({ choice }) => choice.name))).toEqual(new Set(optimizerNames));
  for (const name of optimizerNames) {
    const given = runs.flatMap(({ choice: { name: of, ...options } }) => (of === name ? Object.keys(options) : []));
    expect(new Set(given)).toEqual(new Set(Object.keys(optimizers[name].options)));
  }
});

it("a step by which some parameters decay is read back from its text", () => {
  const text = printGraph(optimizerGraph(readOptimizer("adamw"), { decaying: "some", statistics: true }));
  expect(text).toContain('leaf flat "m_kept" slot slot=0 from=decayed : f32[batch, kept_row]');
  expect(printGraph(parseGraph(text))).toBe(text);
});

describe("the reference takes PyTorch's steps:", () => {
  it.each(cases)("$title", ({ choice, lr, params }) => {
    const optimizer = readOptimizer(choice);
    const decays = decayedParameters(parameters(), optimizer);
    // Those that decay come first.
    const inOrder = (tensors: FixtureTensors): number[] => [
      ...flat(Object.fromEntries(Object.entries(tensors).filter(([name]) => decays.has(name)))),
      ...flat(Object.fromEntries(Object.entries(tensors).filter(([name]) => !decays.has(name)))),
    ];
    const row = inOrder(start).length;
    const decayed = Object.entries(start).reduce((n, [name, { data }]) => n + (decays.has(name) ? data.length : 0), 0);
    const decaying: Decaying = decayed === 0 ? "none" : decayed === row ? "all" : "some";
    const graph = optimizerGraph(optimizer, { decaying });
    const own = slotsOf(optimizer);
    let p = inOrder(start);
    let slots: readonly (readonly number[])[] = own.map(() => p.map(() => 0));
    grads.forEach((gradient, k) => {
      const hyper: Record<string, number> = { lr, step: k + 1, clip };
      const results = interpret(graph, {
        dims: { batch: 1, row, decayed, decayed_row: decayed, kept_row: row - decayed },
        leaf: (of, leaf) => {
          if (leaf.kind !== "flat") return [hyper[of]];
          const all = { param: p, grad: inOrder(gradient), slot: slots[leaf.slot], stat: [], loss: [1], skipped: [0] }[
            leaf.region
          ];
          if (leaf.name.endsWith("_decayed")) return all.slice(0, decayed);
          return leaf.from === undefined ? all : all.slice(decayed);
        },
      });
      const taken = (name: string): number[] =>
        (decaying === "some" ? [`${name}_decayed`, `${name}_kept`] : [name]).flatMap((part) => [
          ...results.get(`flat:${part}`)!.data,
        ]);
      p = taken("p");
      slots = own.map(taken);
      expect(relativeError(p, inOrder(params[k])), `step ${k + 1}`).toBeLessThan(tolerance.pytorch);
      expect(results.get("metric:gradient_norm")!.data[0]).toBeCloseTo(norm(gradient), 12);
    });
  });
});

/** Something with the fixture's parameters: what is trained does not matter. */
function parameters(): Graph {
  const b = new Builder();
  const terms = Object.entries(start).map(([name, { shape }]) => {
    const type = { dtype: "f32", time: false, batch: false, shape: shape.map(dim.constant) } as const;
    const init = { kind: "constant", value: 0 } as const;
    const p = b.one("leaf", [], { leaf: { kind: "param", name, init }, type }, name);
    return b.sum(b.square(p), { features: [...shape.keys()] });
  });
  const loss = { kind: "loss", name: "loss", value: terms.reduce(b.add) } as const;
  return { name: "parameters", ops: b.ops, results: [loss], norms: new Map() };
}

describe.each(Object.values(places))("$name takes PyTorch's steps:", (place) => {
  const backend = opened(place);

  it.each(cases)("$title", async ({ choice, lr, params }) => {
    const options = { dims: {}, batch: 1, time: 1, optimizer: choice, path: "parameters" };
    const executable = compileGraph(parameters(), options, place.target);
    const update = executable.plan.entries.update!;
    const machine = await backend().open(executable);
    await machine.prepare(1);
    const kept = (kind: "param" | "grad", of: string): Tensor => {
      const found = executable.plan.entries.train!.tensors.find(
        ({ name, role }) => role.kind === kind && (role.kind === "grad" ? role.of : name) === of,
      );
      return found!;
    };
    const write = async (tensor: Tensor, data: ArrayLike<number>): Promise<void> =>
      machine.write(rangeOf(tensor, update, 1), Float32Array.from(data));
    for (const [name, { data }] of Object.entries(start)) await write(kept("param", name), data);
    for (const [k, gradient] of grads.entries()) {
      const hyper: Record<string, number> = { lr, step: k + 1, clip };
      for (const tensor of update.tensors) if (tensor.role.kind === "hyper") await write(tensor, [hyper[tensor.name]]);
      for (const [name, { data }] of Object.entries(gradient)) await write(kept("grad", name), data);
      await machine.run("update", 1);
      const metric = update.tensors.find((t) => t.name === "gradient_norm")!;
      const wanted = params[k];
      const ranges = [metric, ...Object.keys(wanted).map((name) => kept("param", name))];
      const [length, ...found] = await machine.read(ranges.map((t) => rangeOf(t, update, 1)));
      const now = found.flatMap((part) => [...part]);
      expect(relativeError(now, flat(wanted)), `step ${k + 1}`).toBeLessThan(tolerance.forward);
      expect(relativeError(length, [norm(gradient)])).toBeLessThan(tolerance.forward);
    }
    machine.close();
  });
});
