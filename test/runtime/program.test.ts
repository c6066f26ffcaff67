import { describe, expect, test } from "vitest";
import type { Command, Extent } from "../../runtime/plan.ts";
import { execute, pieces, resolve } from "../../runtime/program.ts";

const one: Extent = { fixed: 1, perStep: 0 };
const dispatch = (kernel: string, x: Extent = one): Command => ({ do: "dispatch", kernel, grid: [x, one, one] });

function trace(commands: readonly Command[], steps: number): string[] {
  const played: string[] = [];
  const program = resolve(commands, (kernel) => kernel.toUpperCase());
  execute(program, steps, (kernel, t, gx, gy, gz) => played.push(`${kernel} t=${t} ${gx}×${gy}×${gz}`));
  return played;
}

describe("a program", () => {
  test("runs loops over time forward and in reverse, and commands outside of them at t = 0", () => {
    const commands: Command[] = [
      dispatch("a"),
      { do: "steps", reverse: false, commands: [dispatch("b"), dispatch("c")] },
      { do: "steps", reverse: true, commands: [dispatch("d")] },
      dispatch("e"),
    ];
    expect(trace(commands, 3).map((line) => line.slice(0, 5))).toEqual([
      "A t=0",
      "B t=0",
      "C t=0",
      "B t=1",
      "C t=1",
      "B t=2",
      "C t=2",
      "D t=2",
      "D t=1",
      "D t=0",
      "E t=0",
    ]);
  });

  test("gives grids that grow with the sequence their size", () => {
    expect(trace([dispatch("a", { fixed: 2, perStep: 3 })], 5)).toEqual(["A t=0 17×1×1"]);
  });

  test("looks every kernel up before anything runs", () => {
    const unknown = () => {
      throw new Error("unknown kernel");
    };
    expect(() => resolve([{ do: "steps", reverse: false, commands: [dispatch("a")] }], unknown)).toThrow(
      "unknown kernel",
    );
  });

  test("cuts what is more than a machine's grid in pieces that fit", () => {
    expect(pieces(100_000, 65_535)).toEqual([
      { first: 0, count: 65_535 },
      { first: 65_535, count: 34_465 },
    ]);
    expect(pieces(65_535, 65_535)).toEqual([{ first: 0, count: 65_535 }]);
    expect(pieces(0, 65_535)).toEqual([]);
  });
});
