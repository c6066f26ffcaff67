import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { contenders, libraryOverrides } from "../../bench/contenders.ts";
import { labelOf } from "../../bench/side-by-side.ts";
import { isProcessor } from "../../bench/targets.ts";

test("PyTorch gets no setting of a linear algebra library but the number of threads", () => {
  const environment = { OPENBLAS_CORETYPE: "Nehalem", NVPL_BLAS_DEBUG_CPU_TYPE: "1", PATH: "bin", HOME: "home" };
  expect(libraryOverrides(environment)).toEqual(["NVPL_BLAS_DEBUG_CPU_TYPE", "OPENBLAS_CORETYPE"]);
  const torch = contenders([1], environment).filter(({ peer }) => peer === "torch");
  expect(torch.map(({ environment }) => environment)).toEqual([
    {
      ...{ OPENBLAS_CORETYPE: undefined, NVPL_BLAS_DEBUG_CPU_TYPE: undefined },
      ...{ OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
    },
  ]);
});

test("of PyTorch's two pools of threads only one has several, whatever the number", () => {
  const torch = contenders([1, 2, 4], {}).filter(({ peer }) => peer === "torch");
  const pools = torch.map(({ environment: { OMP_NUM_THREADS, OPENBLAS_NUM_THREADS }, command }) => [
    ...[OMP_NUM_THREADS, OPENBLAS_NUM_THREADS],
    command.at(-1),
  ]);
  expect(pools).toEqual([
    ["1", "1", "1"],
    ["1", "2", "1"],
    ["2", "1", "2"],
    ["1", "4", "1"],
    ["4", "1", "4"],
  ]);
  expect(new Set(torch.map(labelOf)).size).toBe(torch.length);
});

test("every contender's program is in the tree", () => {
  const programs = contenders([1], {}).map(({ command }) => command.find((word) => /\.(ts|mjs|py)$/.test(word)));
  expect(programs.filter((file) => file === undefined || !existsSync(file))).toEqual([]);
});

test("a driver that computes on the processor is no GPU", () => {
  const info = { vendor: "", architecture: "", device: "", description: "" };
  expect(isProcessor({ ...info, architecture: "swiftshader" })).toBe(true);
  expect(isProcessor({ ...info, description: "llvmpipe (LLVM 15.0.6, 256 bits)" })).toBe(true);
  expect(isProcessor({ ...info, vendor: "nvidia", architecture: "hopper" })).toBe(false);
});
