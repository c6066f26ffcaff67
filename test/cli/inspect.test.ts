import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PlanSummary } from "../../cli/report/plan-summary.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc as cellcProcess } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

interface Document extends PlanSummary {
  readonly sites: readonly {
    readonly name: string;
    readonly norm?: { readonly name: string };
    readonly like?: string;
  }[];
  readonly first: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly schedule?: string;
  readonly uncapped?: PlanSummary["memory"];
}

async function inspect(...args: readonly string[]): Promise<Document> {
  const ended = await cellc(["inspect", ...args, "--json"]);
  expect([ended.code, ended.stderr.includes("error")]).toEqual([0, false]);
  return JSON.parse(ended.stdout) as Document;
}

describe("cellc inspect", () => {
  test("tells constants from parameters, and counts them apart", async () => {
    const dims = ["--dims", "D=3,H=4,K=2"];
    const { parameters, parameterCount, constants, constantCount } = await inspect("examples/cells/esn.cell", ...dims);
    expect(parameters.map(({ name }) => name)).toEqual(["Wo", "bo"]);
    expect(constants.map(({ name, init }) => `${name} = ${init}`)).toEqual([
      "Wx = uniform(0.5)",
      "Wh = orthogonal(0.9)",
      "b = uniform(0.1)",
      "a = 0.3",
    ]);
    expect([parameterCount, constantCount]).toEqual([7 * 2 + 2, 12 + 16 + 4 + 1]);
    const { stdout } = await cellc(["inspect", "examples/cells/esn.cell", ...dims]);
    expect(stdout).toMatch(/constants\nname +shape +numbers +is\n/);
  });

  test("of bnlstm gives each parameter with its shape and start, and statistics of every step", async () => {
    const { parameters, sites, statistics, parameterCount } = await inspect(
      "examples/cells/bnlstm.cell",
      "--time",
      "28",
    );
    expect(parameters.map(({ name, shape, init }) => `${name} [${shape}] = ${init}`)).toEqual([
      "Wx [28,400] = orthogonal",
      "Wh [100,400] = identity",
      "b [400] = blocks(1, 0, 0, 0)",
      "xh/g [400] = 0.1",
      "hh/g [400] = 0.1",
      "cc/g [100] = 0.1",
      "cc/k [100] = 0",
    ]);
    expect(parameterCount).toBe(128 * 400 + 3 * 400 + 2 * 100);
    expect(sites.map(({ name, norm }) => `${name}: ${norm?.name}`)).toEqual(["hh: batch", "xh: batch", "cc: batch"]);
    expect(statistics.map(({ name, steps, count }) => `${name} ${steps} ${count}`).sort()).toEqual([
      "cc/m 28 2800",
      "cc/v 28 2800",
      "hh/m 28 11200",
      "hh/v 28 11200",
      "xh/m 28 11200",
      "xh/v 28 11200",
    ]);
  });

  test("of lnlstm has no statistics, and with nothing placed no norms", async () => {
    const layer = await inspect("examples/cells/lnlstm.cell");
    expect(layer.sites.map(({ norm }) => norm?.name)).toEqual(["layer", "layer", "layer"]);
    expect([layer.statistics, layer.entries.infer?.memory.stat]).toEqual([[], 0]);
    const plain = await inspect("examples/cells/lnlstm.cell", "--place", "hh=none,xh=none,cc=none");
    expect(plain.sites.map(({ norm }) => norm)).toEqual([undefined, undefined, undefined]);
  });

  test("with --storage f16 shows what it saves, region by region", async () => {
    const args = ["examples/cells/lstm.cell", "--target", "wgsl", "--schedule", "column", "--time", "100"];
    const [f32, f16] = [await inspect(...args), await inspect(...args, "--storage", "f16")];
    expect([f32, f16].map(({ memory }) => memory.half)).toEqual([0, 101 * 2 * 6 * 64 * 100]);
    expect(f16.entries.infer!.memory).toEqual(f32.entries.infer!.memory);
    const table = async (...more: string[]) => (await cellc(["inspect", ...args, ...more])).stdout;
    expect([await table(), await table("--storage", "f16")].map((text) => / half /.test(text))).toEqual([false, true]);
  });

  test("of smnist names its sites as --place takes them, and counts what grows with the sequence", async () => {
    const short = await inspect("examples/smnist.cell", "--time", "28");
    const long = await inspect("examples/smnist.cell", "--time", "56");
    expect(short.sites.map(({ name }) => name)).toEqual(["rnn.hh", "rnn.xh", "rnn.cc"]);
    const places = short.sites.map(({ name }) => `${name}=none`).join(",");
    expect((await inspect("examples/smnist.cell", "--place", places)).statistics).toEqual([]);

    const [a, b] = [short.entries.train!, long.entries.train!];
    expect(a.dispatchesPerStep).toEqual(b.dispatchesPerStep);
    const perStep = a.dispatchesPerStep.forward + a.dispatchesPerStep.backward;
    expect(a.dispatches).toBe(a.dispatchesOutside + 28 * perStep);
    expect(b.dispatches - a.dispatches).toBe(28 * perStep);
    expect(a.dispatchesPerStep.forward).toBeGreaterThan(0);
    expect(a.dispatchesPerStep.backward).toBeGreaterThan(0);
    expect(short.entries.infer?.dispatchesPerStep.backward).toBe(0);
    expect(b.memory.work).toBeGreaterThan(1.5 * a.memory.work);
    // Inputs: 64 examples of 28 pixels a step, and the weight of its statistics, in a frame of whole cache lines.
    expect(b.memory.input - a.memory.input).toBe(28 * (64 * 28 + 16) * 4);
    expect([a.memory.param, a.memory.slot]).toEqual([b.memory.param, 2 * a.memory.param]);
  });

  test("says which scans share norms, and what the first states of a stream are made of", async () => {
    const { sites, parameters } = await inspect("examples/models/siamese.cell", "--dims", "D=3,H=4");
    expect(parameters.map(({ name }) => name)).toEqual(["reader/Wx", "reader/Wh", "reader/b"]);
    expect(sites.map(({ name, like }) => [name, like])).toEqual([
      ...["hh", "xh", "cc"].map((site) => [`reader.${site}`, undefined]),
      ...["hh", "xh", "cc"].map((site) => [`reader_2.${site}`, `reader.${site}`]),
    ]);
    await withFolder(async (folder) => {
      const file = join(folder, "begun.cell");
      const cell = "cell c(D = 3) { input x : [D]; state h : [D] = 0; h' = tanh(h + x); output h' }";
      const model = "model m(D = 3) { input x : [D] over time; input s : [D]; output scan c(D) over x from h = s }";
      await writeFile(file, `${cell}\n${model}\n`);
      expect((await inspect(file, "--batch", "2")).first).toEqual([{ name: "s", shape: [2, 3] }]);
    });
  });

  test("shows the memory with a cap and without", async () => {
    const args = [
      "examples/cells/lstm.cell",
      "--dims",
      "D=1,H=10",
      "--batch",
      "4",
      "--time",
      "200",
      "--schedule",
      "column",
    ];
    const all = (memory: PlanSummary["memory"]): number => Object.values(memory).reduce((a, b) => a + b, 0);
    const [free, capped] = [await inspect(...args), await inspect(...args, "--memory", "256K")];
    expect([free.uncapped, capped.uncapped]).toEqual([undefined, free.memory]);
    expect(all(free.memory)).toBeGreaterThan(256 * 1024);
    expect(all(capped.memory)).toBeLessThanOrEqual(256 * 1024);
    // The forward loop runs twice, once in the pass back.
    expect(capped.entries.train?.dispatchesPerStep).toEqual({ forward: 2, backward: 1 });
  });

  test("says the same with and without --json, and the schedule has every kernel that is counted", async () => {
    const args = ["examples/smnist.cell", "--time", "28", "--schedule", "--target", "wgsl"];
    const [words, document] = [await cellc(["inspect", ...args]), await inspect(...args)];
    for (const { name, init, shape } of document.parameters) {
      expect(words.stdout).toMatch(
        new RegExp(`^${name} +\\[${shape.join(", ")}\\] .*${init.replace(/[()]/g, "\\$&")}$`, "m"),
      );
    }
    expect(document.schedule).toBeDefined();
    expect(words.stdout).toContain(document.schedule?.trimEnd());
    for (const { kernels } of Object.values(document.entries)) {
      for (const kernel of kernels) expect(document.schedule).toContain(`${kernel}: owner `);
    }
  });
});

test("with CELLC_DUMP every stage of a compilation is written, in order, also of one that fails", () =>
  withFolder(async (folder) => {
    const environment = { CELLC_DUMP: join(folder, "dump") };
    expect(
      (await cellcProcess(["inspect", "examples/cells/bnlstm.cell", "--target", "wgsl"], { environment })).code,
    ).toBe(0);
    const inside = join(folder, "dump", "01-bnlstm-wgsl");
    const files = (await readdir(inside)).sort();
    expect(files[0]).toBe("00-ast.json");
    expect(files.slice(1, 5)).toEqual(["01-elaborate.ir", "02-recurrences.ir", "03-loop-order.ir", "04-hoist.ir"]);
    for (const stage of [
      /^\d\d-derive\.ir$/,
      /^\d\d-defer-weight-gradients\.ir$/,
      /^\d\d-gates\.ir$/,
      /^\d\d-schedule\.txt$/,
    ]) {
      expect(files.filter((name) => stage.test(name))).toHaveLength(1);
    }
    expect(JSON.parse(await readFile(join(inside, "00-ast.json"), "utf8"))).toMatchObject({ kind: "file" });
    expect(await readFile(join(inside, "05-place.ir"), "utf8")).toMatch(/bnlstm/);
    const kernels = await readdir(join(inside, "kernels"));
    expect(kernels).toContain("plan.json");
    expect(kernels.filter((name) => name.endsWith(".wgsl")).length).toBeGreaterThan(5);

    const large = ["inspect", "examples/cells/bnlstm.cell", "--dims", "H=100000"];
    expect((await cellcProcess(large, { environment: { CELLC_DUMP: join(folder, "large") } })).code).toBe(1);
    expect(await readdir(join(folder, "large", "01-bnlstm-wasm"))).toContain("01-elaborate.ir");
  }));
