import { describe, it } from "vitest";
import { lower } from "../../compiler/lower.ts";
import { expectComputed } from "../codegen/expect-computed.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated } from "../schedule/cells.ts";
import { texels } from "./texels.ts";
import { printKernel } from "../../compiler/kernel-ir/print.ts";

const dims = { H: 4, D: 3, batch: 5, time: 3, steps: 3, S: 3, row: 4 };
describe.each([dims, { ...dims, H: 6, D: 4, batch: 2 }])("%j", (dims) => {
  it.each(Object.keys(cells))("%s", (name) => {
    const { placed, entries } = lower(elaborated(cells[name as keyof typeof cells]).graph);
    for (const e of Object.values(entries)) {
      const ks = expectComputed(e, placed, { dims, leaves: numbersFor(e, dims) }, texels);
      if (process.env.SHOW === name) for (const k of ks) console.log(printKernel(k));
    }
  });
});
