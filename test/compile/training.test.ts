import { expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { uniform } from "../ir/numbers.ts";
import { type Place, places } from "./backends.ts";
import { tolerance } from "./tolerances.ts";

const [T, B, D, H, K] = [6, 16, 4, 12, 3];
const steps = 20;

/** Sequences of three classes: a feature rises and falls at one of three speeds, in noise. */
const batches: readonly Batch[] = Array.from({ length: steps }, (_, k) => {
  const random = uniform(k);
  const y = Float32Array.from({ length: B }, () => Math.floor(K * random()));
  const x = Float32Array.from({ length: T * B * D }, (_, i) => {
    const [t, b, d] = [Math.floor(i / (B * D)), Math.floor(i / D) % B, i % D];
    return Math.sin((1 + y[b]) * t + d) + 0.5 * random();
  });
  return { examples: B, steps: T, inputs: { x, y } };
});

interface Run {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  /** At inference, with the statistics that training collected. */
  readonly evaluated: number;
}

async function train(place: Place): Promise<Run> {
  const options = { dims: { D, H, K }, batch: B, time: T, optimizer: "adam" } as const;
  const { executable } = compile("examples/smnist.cell", options, place.target, fileHost);
  const backend = await place.open();
  try {
    const session = await Session.open(executable, backend, { seed: 7 });
    const losses: number[] = [];
    const norms: number[] = [];
    for (const batch of batches) {
      const { loss, gradientNorm } = await session.train(batch, { lr: 0.03, clip: 1 });
      losses.push(loss);
      norms.push(gradientNorm!);
    }
    await session.estimate(batches.slice(0, 4));
    const { loss } = await session.evaluate(batches.slice(0, 4));
    session.close();
    return { losses, norms, evaluated: loss };
  } finally {
    backend.close();
  }
}

it("weight normalization by the lengths of columns changes nothing at first", async () => {
  const backend = await places.wasm.open();
  const firstLoss = async (place: string): Promise<number> => {
    const options = { dims: { D, H, K }, batch: B, time: T, place: parsePlacements(place) } as const;
    const { executable } = compile("examples/smnist.cell", options, places.wasm.target, fileHost);
    const session = await Session.open(executable, backend, { seed: 7 });
    const { loss } = await session.train(batches[0], { lr: 1e-30 });
    session.close();
    return loss;
  };
  const plain = await firstLoss("rnn.cc=none");
  expect(
    Math.abs((await firstLoss("rnn.cc=none,Wh=weight(gamma=lengths),V=weight(gamma=lengths)")) - plain),
  ).toBeLessThan(1e-5);
  expect(Math.abs((await firstLoss("rnn.cc=none,V=weight(gamma=2)")) - plain)).toBeGreaterThan(1e-3);
  backend.close();
});

let onWasm: Promise<Run> | undefined;

it("training learns in WebAssembly", async () => {
  onWasm ??= train(places.wasm);
  const { losses } = await onWasm;
  expect(losses[steps - 1]).toBeLessThan(0.5 * losses[0]);
});

it.each([
  ["WebGPU", places.wgsl],
  ["WebGL2", places.glsl],
])("training goes the same way on %s", async (_, place) => {
  onWasm ??= train(places.wasm);
  const [wasm, other] = [await onWasm, await train(place)];
  for (let k = 0; k < steps; k++) {
    expect(Math.abs(wasm.losses[k] - other.losses[k]), `loss of step ${k + 1}`).toBeLessThan(tolerance.training);
    expect(Math.abs(wasm.norms[k] / other.norms[k] - 1), `gradient of step ${k + 1}`).toBeLessThan(tolerance.training);
  }
  expect(Math.abs(wasm.evaluated - other.evaluated)).toBeLessThan(tolerance.training);
});
