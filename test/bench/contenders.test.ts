import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { contenders, libraryOverrides } from "../../bench/contenders.ts";
import { isProcessor } from "../../bench/targets.ts";

test("PyTorch gets no setting of a linear algebra library but the number of threads", () => {
  const environment = { OPENBLAS_CORETYPE: "Nehalem", NVPL_BLAS_DEBUG_CPU_TYPE: "1", PATH: "bin", HOME: "home" };
  expect(libraryOverrides(environment)).toEqual(["NVPL_BLAS_DEBUG_CPU_TYPE", "OPENBLAS_CORETYPE"]);
  const torch = contenders([1, 2], environment).filter(({ peer }) => peer === "torch");
  expect(torch.map(({ environment }) => environment)).toEqual(
    ["1", "2"].map((n) => ({
      OPENBLAS_CORETYPE: undefined,
      NVPL_BLAS_DEBUG_CPU_TYPE: undefined,
      OMP_NUM_THREADS: n,
      OPENBLAS_NUM_THREADS: n,
    })),
  );
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
