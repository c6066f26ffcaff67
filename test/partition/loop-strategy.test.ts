/** Who is chosen to own the loops over the steps, from estimates: what the machine's defaults make of cells of every size. */
import { describe, expect, it } from "vitest";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import type { Kernel, KStmt } from "../../compiler/kernel-ir/types.ts";
import { invocationsOf } from "../../compiler/machine.ts";
import { costOf } from "../../compiler/partition/cost.ts";
import type { Target } from "../../compiler/target.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, type Placed, planned } from "../schedule/cells.ts";

/** Who owns the training loops, forward and backward. */
function owners(cell: Placed, target: Target, batch: number, H: number): readonly string[] {
  const { commands } = planned(cell, target, { batch, dims: { H }, entries: ["train"] }).plan.entries.train!;
  return commands.flatMap((c) => {
    if (c.do !== "dispatch") return ["column"];
    const inLoop = /^train_(forward|backward)_/.test(c.kernel);
    return inLoop ? [c.grid.every(({ fixed }) => fixed === 1) ? "whole" : "row"] : [];
  });
}

const title = ({ file, entry, place }: Placed): string => `${entry ?? file}${place ? ` with ${place}` : ""}`;

describe("on WebGPU", () => {
  const small: readonly Placed[] = [
    cells.bnlstm,
    { ...cells.bnlstm, place: "cc=none" },
    { ...cells.gru_after, place: "hh=batch" },
    { ...cells.rnn, place: "hh=batch" },
  ];
  it.each(small.map((cell) => [title(cell), cell] as const))("one workgroup owns all of a small %s", (_, cell) => {
    expect(owners(cell, wgsl, 64, 100)).toEqual(["whole", "whole"]);
  });

  const independent = [cells.lstm, cells.lnlstm, cells.gru_before, cells.gru_after, cells.rnn];
  it.each(independent.map((cell) => [title(cell), cell] as const))("workgroups own rows of %s", (_, cell) => {
    expect(owners(cell, wgsl, 64, 100)).toEqual(["row", "row"]);
  });

  it("workgroups own columns of a large batch-normalized cell, step by step", () => {
    expect(owners(cells.bnlstm, wgsl, 64, 512)).toEqual(["column", "column"]);
  });
});

describe("on WebGPU a linear loop", () => {
  const owner = (entry: string, batch: number, time: number, target: Target = wgsl): string => {
    let printed = "";
    const observe = (stage: string, text: () => string): void => {
      if (stage === "schedule") printed = text();
    };
    planned({ file: "cells/minrnn", entry }, target, { batch, time, entries: ["infer"], observe });
    return /loop is owned by (\w+)/.exec(printed)![1];
  };

  it("of few units is taken in chunks where sequences are long, and of many or over few steps it is not", () => {
    expect(owner("mingru", 1, 1000)).toBe("chunk");
    expect(owner("mingru", 1, 100)).toBe("element");
    expect(owner("mingru", 64, 1000)).toBe("element");
  });

  it("is not if its coefficient is not known to be at most 1, and threads have no use for it", () => {
    expect(owner("minlstm", 1, 1000)).toBe("element");
    expect(owner("mingru", 1, 1000, wasm)).toBe("element");
  });
});

describe("a batch that would fill the lanes of many workgroups", () => {
  /** Kernels of a step, forward, on a GPU of so many compute units where a dispatch takes so many µs. */
  const kernels = (units: number, dispatch: number, parts?: number): number => {
    const { machine } = wgsl;
    const gpu: Target = { ...wgsl, machine: { ...machine, rates: { ...machine.rates, units, dispatch } } };
    const options = { batch: 65536, dims: { D: 4, H: 4 }, entries: ["train" as const], ...(parts && { parts }) };
    const { commands } = planned(cells.bnlstm, gpu, options).plan.entries.train!;
    return commands.flatMap((c) => (c.do === "steps" ? [c.commands.length] : []))[0];
  };

  it("stays whole where dispatches cost more than more workgroups save", () => {
    expect(kernels(32, 40)).toBe(1);
  });

  it("is taken in parts on a large GPU whose dispatches cost little, and where it is asked for", () => {
    expect(kernels(1024, 1)).toBeGreaterThan(1);
    expect(kernels(32, 40, 256)).toBe(kernels(1024, 1));
  });
});

it("on WebAssembly workgroups own columns of a batch-normalized cell, for threads to share", () => {
  expect(owners(cells.bnlstm, wasm, 64, 100)).toEqual(["column", "column"]);
});

/** What each owner of each loop is estimated to take in µs, by the printed schedule, and who was chosen. */
function estimates(cell: Placed, target: Target, H: number): readonly { owner: string; costs: Map<string, number> }[] {
  let printed = "";
  const observe = (stage: string, text: () => string): void => {
    if (stage === "schedule") printed = text();
  };
  planned(cell, target, { batch: 64, dims: { H }, entries: ["train"], observe });
  return printed.split(/ loop is owned by /).flatMap((part, i) => {
    const costs = [...part.matchAll(/^ {4}(\w+): about ([\d,.]+) µs/gm)];
    const owner = /^\w+/.exec(part)![0];
    return i === 0 ? [] : [{ owner, costs: new Map(costs.map(([, o, cost]) => [o, Number(cost.replace(/,/g, ""))])) }];
  });
}

describe.each([wasm, wgsl])("on $name the owner of a loop", (target) => {
  const all = Object.values(cells).flatMap((cell) => [8, 128].map((H) => [title(cell), H, cell] as const));
  it.each(all)("of %s with H = %d is the cheapest of all, though not all are estimated to choose it", (_, H, cell) => {
    const loops = estimates(cell, target, H);
    expect(loops).toHaveLength(2);
    for (const { owner, costs } of loops) {
      const [column = 0, ...others] = ["column", "row", "element", "chunk", "whole"].flatMap((o) => costs.get(o) ?? []);
      const least = Math.min(0.98 * column, ...others);
      expect(owner === "column" ? 0.98 * column : costs.get(owner)).toBe(least);
    }
  });
});

describe("an owner that was asked for", () => {
  it("is taken, each direction by itself", () => {
    let loops: readonly string[] = [];
    const observe = (stage: string, text: () => string): void => {
      if (stage === "schedule") loops = text().match(/the \w+ loop is owned by \w+: asked for/g) ?? [];
    };
    const asked = { forward: "whole", backward: "column" } as const;
    planned(cells.bnlstm, wgsl, { batch: 64, dims: { H: 100 }, entries: ["train"], loops: asked, observe });
    expect(loops).toEqual([
      "the forward loop is owned by whole: asked for",
      "the backward loop is owned by column: asked for",
    ]);
  });

  it("is an error where it cannot be, which says why", () => {
    const ask = (): unknown => planned(cells.bnlstm, wgsl, { loops: { backward: "row" } });
    expect(ask).toThrow(CompileError);
    expect(ask).toThrow(/the backward loop cannot be owned by `row`: .* is summed over the batch in the loop/);
  });
});

describe("a cost", () => {
  const { machine } = wgsl;
  const lanes = invocationsOf(machine);
  const extent = (fixed: number) => ({ fixed, perStep: 0 });
  const kernel = (groups: number, body: readonly KStmt[]): Kernel => {
    const grid = [extent(groups), extent(1), extent(1)] as const;
    return { name: "k", doc: "", lanes, grid, regions: [], tiles: [], body };
  };
  const barrier: KStmt = { s: "barrier" };

  it("counts dispatches for every step", () => {
    const { dispatches, dispatch } = costOf([kernel(1, []), kernel(1, [])], 10, 100, machine);
    expect([dispatches, dispatch]).toEqual([20, 20 * machine.rates.dispatch]);
  });

  it("counts rounds of as many workgroups as run at a time", () => {
    const { units, barrier: wait } = machine.rates;
    const of = (groups: number): number => costOf([kernel(groups, [barrier])], 1, 100, machine).barriers;
    expect([of(1), of(units), of(units + 1)]).toEqual([wait, wait, 2 * wait]);
  });

  it("is no less for lanes that have nothing to do", () => {
    const iterations = (to: number): KStmt => ({
      s: "for",
      kind: "lanes",
      name: "i",
      from: { k: "int", value: 0 },
      to: { k: "int", value: to },
      step: 1,
      body: [
        {
          s: "store",
          memory: { kind: "region", region: "work" },
          index: { k: "int", value: 0 },
          type: "f32",
          value: { k: "float", value: 0 },
        },
      ],
    });
    const of = (to: number): number => costOf([kernel(1, [iterations(to)])], 1, 100, machine).work;
    expect(of(1)).toBe(of(lanes));
    expect(of(lanes + 1)).toBe(2 * of(lanes));
  });
});
