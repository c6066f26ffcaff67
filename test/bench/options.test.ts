import { expect, test } from "vitest";
import { type BenchOptions, benchProgram } from "../../bench/options.ts";

async function parsed(...args: readonly string[]): Promise<BenchOptions> {
  const seen: BenchOptions[] = [];
  const program = benchProgram(async (options) => void seen.push(options)).exitOverride();
  program.configureOutput({ writeErr: () => {} });
  await program.parseAsync(args, { from: "user" });
  return seen[0];
}

test("without options everything is measured", async () => {
  expect(await parsed()).toEqual({
    ...{ only: [], repeats: 5, peers: [], threads: [1, 2], budget: 600, timed: true, counted: true },
  });
});

test("lists are separated by commas", async () => {
  const options = await parsed("--only", "lstm-784,28", "--peers", "torch, tfjs", "--threads", "1,4", "--repeats", "3");
  expect(options).toMatchObject({ only: ["lstm-784", "28"], peers: ["torch", "tfjs"], threads: [1, 4], repeats: 3 });
});

test("numbers that are none are refused", async () => {
  await expect(parsed("--repeats", "0")).rejects.toThrow();
  await expect(parsed("--budget", "soon")).rejects.toThrow();
  await expect(parsed("--threads", "1,two")).rejects.toThrow();
});
