/** Which statistics must be overwritten last. */
import { describe, expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { overwriting } from "../../compiler/passes/overwriting.ts";

/** The statistics overwritten last where the population's mean, `%p`, is averaged and what `ops` say is made of it. */
const last = (ops: string): readonly string[] => {
  const graph = parseGraph(`graph g {
    %x = leaf input "x" : f32[batch, H]
    %m = sum %x {batch} : f32[H]
    %p = leaf population "m" shared : f32[H]
    %d = sub %m, %p : f32[H]
    %q = add %p, %d : f32[H]
    ${ops}
    result population "m" %q
  }`);
  return [...overwriting(graph)].map((v) => v.name);
};

describe("a statistic is overwritten when all else is done", () => {
  it("not where nothing but its own new value is made of it", () => {
    expect(last("")).toEqual([]);
  });

  it("where a result is", () => {
    expect(last('%y = mul %x, %p : f32[batch, H]\nresult output "y" %y')).toEqual(["q"]);
    expect(last('result output "change" %d')).toEqual(["q"]);
  });

  it("which is known in time where what is made of it meets again along 2^60 paths", () => {
    const doubled = Array.from({ length: 60 }, (_, k) => `%a${k + 1} = add %a${k}, %a${k} : f32[H]`).join("\n");
    expect(last(`%a0 = neg %p : f32[H]\n${doubled}`)).toEqual([]);
    expect(last(`%a0 = neg %p : f32[H]\n${doubled}\nresult output "y" %a60`)).toEqual(["q"]);
  });
});
