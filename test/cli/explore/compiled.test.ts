import { expect, test } from "vitest";
import { compileOnce } from "../../../cli/explore/compiled.ts";
import { createOutput } from "../../../cli/output.ts";
import { type CompileRequest, trainingEntries } from "../../../cli/toolchain.ts";

const { stderr } = process;
const context = {
  environment: {},
  output: createOutput({ json: false, color: false, stdout: stderr, stderr, environment: {} }),
};
const request: Omit<CompileRequest, "batch"> = {
  ...{ file: "examples/cells/bnlstm.cell", target: "wasm", dims: { D: 2, H: 3 }, cell: {}, time: 4 },
  ...{ entries: trainingEntries, quiet: true },
};

test("rows with one placement and one batch share what was compiled, and others have their own", async () => {
  const of = (place: string, batch = 8) => compileOnce({ ...request, place, batch }, context);
  const first = await of("hh=none");
  expect(await of("hh=none")).toBe(first);
  const others = [await of("hh=layer"), await of("hh=none", 6)];
  expect(new Set([first, ...others]).size).toBe(3);
  expect(others[0].executable.plan.fingerprint).not.toBe(first.executable.plan.fingerprint);
  expect(others[1].executable.plan.dims.batch).toBe(6);
  expect(await of("hh=none")).toBe(first);
});

test("only the last few are kept, and what cannot be compiled is asked anew", async () => {
  const of = (batch: number) => compileOnce({ ...request, batch }, context);
  const first = await of(20);
  for (const batch of [21, 22, 23, 24]) await of(batch);
  expect(await of(20)).not.toBe(first);
  const wrong = { ...request, place: "xyz=batch", batch: 8 };
  await expect(compileOnce(wrong, context)).rejects.toThrow("xyz");
  await expect(compileOnce(wrong, context)).rejects.toThrow("xyz");
});
