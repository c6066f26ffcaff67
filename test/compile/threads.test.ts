/** Every example cell on several threads: the same bits as on one, in training and in inference. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import { declarations } from "../../compiler/semantics/elaborate.ts";
import type { Batch } from "../../runtime/batch.ts";
import { shapeOf } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { largestGrid, scheduleThreads } from "../../runtime/wasm/thread-schedule.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { uniform } from "../ir/numbers.ts";

/** Wide enough that there are several workgroups, and of no width that divides evenly. */
const dims = { D: 5, H: 70, K: 3 };
const [B, T] = [6, 5];
/** Shares out whatever has more than one workgroup. */
const costs = { barrier: 0, start: 0 };

const files = [
  ...readdirSync("examples").filter((name) => name.endsWith(".cell")),
  ...["rnn", "lstm", "gru", "bnlstm", "lnlstm"].map((name) => `cells/${name}.cell`),
];
const cells = files.flatMap((name) => {
  const file = `examples/${name}`;
  return declarations(file, fileHost)
    .filter(({ kind }) => kind === "cell" || kind === "model")
    .map((declaration) => ({ file, entry: declaration.name, params: declaration.params }));
});

function batchFor({ plan }: Executable): Batch {
  const random = uniform(5);
  const inputs: Record<string, Float32Array> = {};
  for (const tensor of plan.entries.train!.tensors) {
    const { name, role } = tensor;
    const count = shapeOf(tensor, T).reduce((product, extent) => product * extent, 1);
    if (role.kind === "input") inputs[name] = Float32Array.from({ length: count }, () => 2 * random() - 1);
    if (role.kind === "index")
      inputs[name] = Float32Array.from({ length: count }, () => Math.floor(role.size * random()));
  }
  return { inputs, steps: T, examples: B };
}

/** The results of two training steps and an inference, bit by bit. */
async function results(executable: Executable, threads: number): Promise<ReadonlyMap<string, Uint32Array>> {
  const backend = wasmBackend({ threads, costs });
  try {
    const session = await Session.open(executable, backend, { seed: 2 });
    const batch = batchFor(executable);
    const numbers = new Map<string, Float32Array>();
    for (const round of ["first", "second"]) {
      await session.train(batch, { lr: 0.01, clip: 1 });
      for (const [name, { data }] of (await session.state()).tensors) numbers.set(`${round} ${name}`, data);
    }
    for (const [name, data] of Object.entries((await session.infer(batch)).outputs)) numbers.set(name, data);
    expect(backend.threads).toBe(threads);
    return new Map(
      [...numbers].map(([name, data]) => [name, new Uint32Array(data.buffer, data.byteOffset, data.length)]),
    );
  } finally {
    backend.close();
  }
}

test.each(cells)("$entry of $file", async ({ file, entry, params }) => {
  const own = Object.fromEntries(Object.entries(dims).filter(([name]) => params.includes(name)));
  const { executable } = compile(file, { entry, dims: own, batch: B, time: T }, wasm, fileHost);
  const { plan } = executable;
  // Not a comparison of one thread with itself: some of the work is shared out.
  expect(scheduleThreads(plan, plan.entries.train!.commands, T, 2, costs).threads).toBe(2);
  expect(largestGrid(plan, T)).toBeGreaterThanOrEqual(5);
  const expected = await results(executable, 1);
  for (const value of expected.values()) expect(value.length).toBeGreaterThan(0);
  for (const threads of [2, 5]) expect(await results(executable, threads), `${threads} threads`).toEqual(expected);
});
