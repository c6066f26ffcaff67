import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { type OptimizerName, optimizerGraph, optimizers } from "../../compiler/optimizers.ts";
import { rangeOf } from "../../runtime/layout.ts";
import type { Tensor } from "../../runtime/plan.ts";
import { type FixtureTensors, readFixture } from "../fixtures/pytorch/fixture.ts";
import { opened, places } from "./backends.ts";
import { tolerance } from "./tolerances.ts";

const { clip, start, grads, runs } = readFixture("optimisers");
const names = Object.keys(optimizers) as OptimizerName[];

const flat = (tensors: FixtureTensors): number[] => Object.values(tensors).flatMap(({ data }) => data);
const norm = (tensors: FixtureTensors): number => Math.hypot(...flat(tensors));

describe("the reference takes PyTorch's steps:", () => {
  it.each(names)("%s", (name) => {
    const graph = optimizerGraph(name);
    let p = flat(start);
    let slots: readonly ArrayLike<number>[] = optimizers[name].slots.map(() => p.map(() => 0));
    grads.forEach((gradient, k) => {
      const hyper: Record<string, number> = { lr: runs[name].settings.lr as number, step: k + 1, clip };
      const results = interpret(graph, {
        dims: { batch: 1, row: p.length },
        leaf: (of, leaf) => {
          if (leaf.kind !== "flat") return [hyper[of]];
          return { param: p, grad: flat(gradient), slot: slots[leaf.slot], stat: [], loss: [1], skipped: [0] }[
            leaf.region
          ];
        },
      });
      p = [...results.get("flat:p")!.data];
      slots = optimizers[name].slots.map((slot) => results.get(`flat:${slot}`)!.data);
      expect(relativeError(p, flat(runs[name].params[k])), `step ${k + 1}`).toBeLessThan(tolerance.pytorch);
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

  it.each(names)("%s", async (optimizer) => {
    const options = { dims: {}, batch: 1, time: 1, optimizer, path: "parameters" };
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
      const hyper: Record<string, number> = { lr: runs[optimizer].settings.lr as number, step: k + 1, clip };
      for (const tensor of update.tensors) if (tensor.role.kind === "hyper") await write(tensor, [hyper[tensor.name]]);
      for (const [name, { data }] of Object.entries(gradient)) await write(kept("grad", name), data);
      await machine.run("update", 1);
      const metric = update.tensors.find((t) => t.name === "gradient_norm")!;
      const wanted = runs[optimizer].params[k];
      const ranges = [metric, ...Object.keys(wanted).map((name) => kept("param", name))];
      const [length, ...found] = await machine.read(ranges.map((t) => rangeOf(t, update, 1)));
      const now = found.flatMap((part) => [...part]);
      expect(relativeError(now, flat(wanted)), `step ${k + 1}`).toBeLessThan(tolerance.forward);
      expect(relativeError(length, [norm(gradient)])).toBeLessThan(tolerance.forward);
    }
    machine.close();
  });
});
