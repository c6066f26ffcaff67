/** Modules of cells that nothing was trained of. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runPython } from "../../targets/pytorch/python.ts";
import { cellc } from "../run-here.ts";

let root = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-untrained-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

test("a cell's module begins with the values of its text, and has the norms that are placed", async () => {
  const out = join(root, "cell");
  const args = ["examples/cells/bnlstm.cell", "--to", "pytorch", "--place", "hh=layer,cc=none", "--dims", "D=3,H=8"];
  const { code, stderr } = await cellc(["export", ...args, "--out", out]);
  expect(code, stderr).toBe(0);
  const script = `
import sys; sys.path.insert(0, ${JSON.stringify(out)})
import torch
from bnlstm import BNLSTM
net = BNLSTM()
y, state = net(torch.randn(4, 5, 3))
print(list(y.shape), state.t, float(net.b[:8].mean()), "|".join(sorted(dict(net.named_buffers()))))`;
  const file = join(root, "use.py");
  await writeFile(file, script);
  expect(runPython([file]).trim()).toBe("[4, 5, 8] 5 1.0 xh.batches|xh.m|xh.v");
});

test("nothing that is there is written over, and what needs a run says so", async () => {
  const out = join(root, "twice");
  const args = ["export", "examples/cells/lstm.cell", "--to", "pytorch", "--out", out];
  expect((await cellc(args)).code).toBe(0);
  const before = await readFile(join(out, "lstm.py"), "utf8");
  const again = await cellc(args);
  expect(again.code).not.toBe(0);
  expect(again.stderr).toContain("C0408");
  expect(await readFile(join(out, "lstm.py"), "utf8")).toBe(before);
  const distributed = await cellc([...args.slice(0, -1), join(root, "other"), "--distributed"]);
  expect(distributed.stderr).toContain("train the cell first");
  const folder = await cellc(["export", "examples/cells/lstm.cell", "--out", join(root, "third")]);
  expect(folder.stderr).toContain("--to cellc takes a run");
});
