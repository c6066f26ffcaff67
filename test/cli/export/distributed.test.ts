/** Batches spread over several processes: gradients and statistics are those of one process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runPython } from "../../targets/pytorch/python.ts";
import { exportTraining } from "./exported-training.ts";
import { type SmallRun, smallModel, trained } from "./small-run.ts";

let root = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-ddp-"));
  const runs: Readonly<Record<string, SmallRun>> = {
    even: {},
    ragged: { ragged: true },
    ghost: { norm: "ghost(n = 4, " },
  };
  for (const [name, how] of Object.entries(runs)) {
    const folder = join(root, name);
    const args = await smallModel(folder, how);
    await trained([...args, "--batch", "16", "--steps", "4", "--lr", "0.02", "--out", join(folder, "run")]);
    await exportTraining(join(folder, "run"), join(folder, "torch"));
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

interface Found {
  readonly errors: Readonly<Record<"loss" | "grad" | "table" | "between", number>>;
  readonly messages: number;
}

interface Case {
  readonly name: string;
  readonly run: string;
  readonly batch: number;
  readonly sync: "step" | "none";
  readonly ghost?: string;
}

const CASES: Readonly<Record<2 | 4, readonly Case[]>> = {
  2: [
    { name: "with as many examples each", run: "even", batch: 16, sync: "step" },
    { name: "with sequences of different lengths", run: "ragged", batch: 15, sync: "step" },
    {
      name: "each normalizing its own examples, as one process that takes the batch apart",
      run: "even",
      batch: 15,
      sync: "none",
    },
  ],
  4: [
    { name: "with as many examples each", run: "even", batch: 16, sync: "step" },
    { name: "with more examples in some", run: "even", batch: 15, sync: "step" },
    {
      name: "each normalizing its own examples, which is ghost batch norm",
      run: "even",
      batch: 16,
      sync: "none",
      ghost: "ghost",
    },
  ],
};

test.each([2, 4] as const)("%d processes train as one with the whole batch", (ranks) => {
  const torch = (run: string): string => join(root, run, "torch");
  const cases = CASES[ranks].map(({ run, batch, sync, ghost }) => ({
    ...{ folder: torch(run), batch, sync },
    ...(ghost && { ghost: torch(ghost) }),
  }));
  const text = runPython([fileURLToPath(new URL("ddp.py", import.meta.url)), String(ranks), JSON.stringify(cases)]);
  const found = text.trim().split("\n");
  expect(found).toHaveLength(cases.length);
  for (const [i, line] of found.entries()) {
    const { errors, messages } = JSON.parse(line) as Found;
    const { name, run, sync } = CASES[ranks][i];
    for (const [what, error] of Object.entries(errors)) expect(error, `${what}, ${name}`).toBeLessThan(1e-9);
    // Five steps with two norms each, one norm of all steps; and the loss, its metric and the number of examples.
    if (run === "even" && sync === "step") expect(messages).toBe(5 * 2 + 1 + 3);
  }
});
