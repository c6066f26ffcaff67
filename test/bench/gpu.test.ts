import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Contender } from "../../bench/contenders.ts";
import { gpuContenders, gpuWorkloads } from "../../bench/gpu-contenders.ts";
import { type GpuResult, measureGpu } from "../../bench/gpu-run.ts";
import { numbersFile } from "../../bench/numbers.ts";
import { Peer } from "../../bench/peer.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cellc-gpu-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LIMIT = 60_000;
const workload = { name: "tiny", about: "", kind: "train", B: 2, H: 2, T: 2, D: 1 } as const;

/** A peer that says hello and then runs `answer` for every line. */
const contender = (name: string, answer: string): Contender => ({
  ...{ peer: name, name, threads: 1, environment: {} },
  command: [
    process.execPath,
    "-e",
    `console.log('{"facts":{}}');
     require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => { ${answer} });`,
  ],
  forms: [{ cell: "lstm", name: "fake", kinds: ["train"] }],
});
const answers = "console.log(JSON.stringify({ ms: 2, check: { loss: 1, values: [1] } }))";
const measure = (
  contenders: readonly Contender[],
  given: { readonly seconds?: number; readonly limit?: number; readonly say?: (line: string) => void } = {},
) => {
  const { seconds = 60, limit = 60, say = () => {} } = given;
  const file = join(folder, "gpu.json");
  return measureGpu({ workloads: [workload], contenders, repeats: 2, seconds, limit, file, say });
};
const written = (): GpuResult => JSON.parse(readFileSync(join(folder, "gpu.json"), "utf8"));

test("what hangs until the time is up is stopped, and nothing begins after that", async () => {
  const rows = await measure([contender("hangs", ""), contender("quick", answers)], { seconds: 2 });
  expect(rows[0].error).toMatch(/^no answer within \d s$/);
  expect(rows[1].error).toBe("the time was up");
});

test("a run that hangs has the figures of those before it, and takes no time from others", async () => {
  const runs = `globalThis.seen = (globalThis.seen ?? 0) + 1; if (seen < 5) ${answers};`;
  const [tires, quick] = await measure([contender("tires", runs), contender("quick", answers)], { limit: 3 });
  expect(tires).toMatchObject({ times: { runs: 1, median: 2 }, difference: 0 });
  expect(tires.note).toMatch(/^after 1 runs: no answer within 3 s/);
  expect(quick).toMatchObject({ times: { runs: 2 } });
  const { complete, workloads, sideBySide } = written();
  expect([complete, workloads]).toEqual([true, [workload]]);
  expect(sideBySide.rows).toEqual(JSON.parse(JSON.stringify([tires, quick])));
});

test("results are written as they come, whole each time", async () => {
  const seen: boolean[] = [];
  const say = (line: string): void => {
    expect(line).toMatch(/^\[\d+ of 60 s\] tiny: /);
    if (line.endsWith("round 2 of 2")) seen.push(written().complete);
  };
  await measure([contender("quick", answers)], { say });
  expect(seen).toEqual([false]);
  expect(written().complete).toBe(true);
});

test("where nothing could be measured nothing is written", async () => {
  const refuses = contender("refuses", `console.log('{"error":"there is no GPU"}')`);
  const [row] = await measure([refuses]);
  expect(row).toMatchObject({ error: "there is no GPU" });
  expect(readdirSync(folder)).toEqual([]);
});

test("every form of PyTorch has a process of its own, and the cell is there eager, in a CUDA graph and compiled", () => {
  const torch = gpuContenders("python3").filter(({ peer }) => peer === "torch");
  expect(torch.map(({ forms }) => forms.map(({ cell, name }) => `${cell} ${name}`))).toEqual([
    ["lstm nn.LSTM"],
    ["bnlstm eager"],
    ["bnlstm loop in a CUDA graph"],
    ["bnlstm torch.compile"],
  ]);
  expect(gpuWorkloads.map(({ kind, B, H, T }) => [kind, B, H, T])).toEqual([
    ["train", 64, 100, 784],
    ["train", 128, 1000, 100],
    ["sequence", 64, 100, 784],
    ["sequence", 128, 1000, 100],
  ]);
});

test("PyTorch without CUDA is refused, and without it a CUDA graph is", async () => {
  const [{ command, environment }] = gpuContenders("/usr/bin/python3").filter(({ peer }) => peer === "torch");
  await expect(Peer.start({ command, environment }, LIMIT)).rejects.toThrow("PyTorch sees no CUDA device");
  const [cpu] = await Peer.start({ command: [...command.slice(0, -1), "1"], environment }, LIMIT);
  const numbers = join(folder, "numbers.safetensors");
  writeFileSync(numbers, numbersFile(workload));
  const job = { ...workload, cell: "bnlstm", numbers } as const;
  await expect(cpu.prepare("graph", { ...job, form: "loop in a CUDA graph" }, LIMIT)).rejects.toThrow("needs a GPU");
  expect((await cpu.prepare("eager", { ...job, form: "eager" }, LIMIT)).check.values).toHaveLength(4 * workload.H);
  cpu.stop();
});
