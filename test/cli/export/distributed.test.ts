/** Batches spread over several processes: gradients and statistics are those of one process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportTraining } from "./exported-training.ts";
import { PYTHON, requireTorch, run } from "./python.ts";
import { type SmallRun, smallModel, trained } from "./small-run.ts";

let root = "";

beforeAll(async () => {
  await requireTorch();
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
  readonly errors: Readonly<Record<"loss" | "grad" | "table", number>>;
  /** Between ranks. */
  readonly between: number;
}

async function compared(name: string, ...args: readonly string[]): Promise<Found> {
  const folder = join(root, name, "torch");
  const file = fileURLToPath(new URL("ddp.py", import.meta.url));
  const { code, text } = await run(PYTHON, [file, folder, ...args], { folder });
  if (code !== 0) throw new Error(text);
  return JSON.parse(text.trim().split("\n").at(-1)!);
}

const worst = ({ errors, between }: Found): number => Math.max(...Object.values(errors), between);

describe("synchronised, several processes train as one with the whole batch:", () => {
  test.each([
    ["2, with as many examples", "even", "2", "16"],
    ["4, with as many examples", "even", "4", "16"],
    ["4, with more in some", "even", "4", "15"],
    ["2, with sequences of different lengths", "ragged", "2", "15"],
  ])("%s", async (_, name, ranks, batch) => {
    expect(worst(await compared(name, ranks, batch, "step"))).toBeLessThan(1e-9);
  });
});

describe("not synchronised, each process normalizes its own examples", () => {
  test("as one process does that takes the batch apart", async () => {
    expect(worst(await compared("even", "2", "15", "none"))).toBeLessThan(1e-9);
  });

  test("which is ghost batch norm", async () => {
    expect(worst(await compared("even", "4", "16", "none", join(root, "ghost", "torch")))).toBeLessThan(1e-9);
  });
});
