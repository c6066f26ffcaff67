import { describe, expect, test } from "vitest";
import type { Command, Extent, Plan } from "../../runtime/plan.ts";
import { largestGrid, partition } from "../../runtime/wasm/partition.ts";
import type { Move } from "../../runtime/wasm/thread.ts";
import { leaky } from "./leaky.ts";

const extent = (fixed: number, perStep = 0): Extent => ({ fixed, perStep });
/** `wide` has eight workgroups, `long` one a step, all others one. */
const grids: Readonly<Record<string, Extent>> = { wide: extent(8), long: extent(0, 1) };
const dispatch = (kernel: string): Command => ({
  do: "dispatch",
  kernel,
  grid: [grids[kernel] ?? extent(1), extent(1), extent(1)],
});
const loop = (...commands: Command[]): Command => ({ do: "steps", reverse: false, commands });

/** A plan of one entry whose kernels' workgroups do `work` each. */
function planOf(commands: readonly Command[], work: Extent): Plan {
  const { plan } = leaky("wasm");
  const kernels = ["one", "another", "wide", "long"].map((name) => ({ name, work, lanes: 1, regions: [] }));
  return { ...plan, kernels, entries: { infer: { ...plan.entries.infer!, commands } } };
}

/** `wide*` is shared out, `|` a barrier, `( )` a loop. */
const shown = (moves: readonly Move[]): string =>
  moves
    .map((move) => {
      if (move.do === "loop") return `(${shown(move.moves)})`;
      return move.do === "meet" ? "|" : `${move.kernel}${move.shared ? "*" : ""}`;
    })
    .join(" ");

const nothing = { barrier: 0, start: 0 };
const parts = (commands: readonly Command[], { steps = 4, threads = 2, costs = nothing, work = extent(1000) } = {}) => {
  const part = partition(planOf(commands, work), commands, steps, threads, costs);
  return { ...part, text: shown(part.moves) };
};

describe("threads", () => {
  test("meet between two dispatches unless thread 0 runs both, and at the end", () => {
    const commands = [dispatch("one"), dispatch("another"), dispatch("wide"), dispatch("wide"), dispatch("one")];
    expect(parts(commands)).toMatchObject({ threads: 2, text: "one another | wide* | wide* | one |" });
  });

  test("meet between one step and the next", () => {
    expect(parts([loop(dispatch("wide"))]).text).toBe("(| wide*) |");
    expect(parts([loop(dispatch("wide"), dispatch("one"))]).text).toBe("(| wide* | one) |");
    expect(parts([dispatch("wide"), loop(dispatch("one"), dispatch("another"))]).text).toBe("wide* (| one another) |");
    expect(parts([dispatch("one"), loop(dispatch("another")), dispatch("wide")]).text).toBe("one (another) | wide* |");
  });

  test("meet between segments, the last of which is a loop of its own: its grids are smaller", () => {
    const commands: Command[] = [{ do: "segments", length: 3, reverse: true, commands: [dispatch("long")] }];
    const { moves, text } = parts(commands, { steps: 8 });
    expect(text).toBe("(| long*) (| long*) |");
    expect(moves).toMatchObject([
      { from: 6, count: 1, moves: [{ do: "meet" }, { grid: [2, 1, 1] }] },
      { from: 0, count: 2, stride: 3, reverse: true, moves: [{ do: "meet" }, { grid: [3, 1, 1] }] },
      { do: "meet" },
    ]);
    expect(parts(commands, { steps: 2 }).moves).toMatchObject([{ from: 0, count: 1 }, { do: "meet" }]);
  });

  test("are none but the calling one where every dispatch has one workgroup", () => {
    expect(parts([dispatch("one"), loop(dispatch("another"))])).toMatchObject({ threads: 1, text: "one (another)" });
  });

  test("share out what saves more than the two barriers around it", () => {
    const commands = [dispatch("wide"), dispatch("long")];
    // Two threads save half of eight workgroups, and one of three.
    const costs = { barrier: 1500, start: 0 };
    expect(parts(commands, { steps: 3, costs }).text).toBe("wide* | long |");
    expect(parts(commands, { steps: 3, costs: { barrier: 400, start: 0 } }).text).toBe("wide* | long* |");
    expect(parts(commands, { steps: 3, costs: { barrier: 2000, start: 0 } })).toMatchObject({ threads: 1 });
  });

  test("are woken for an entry if its steps together save more than that costs", () => {
    const commands = [loop(dispatch("wide"))];
    const costs = { barrier: 0, start: 15_000 };
    expect(parts(commands, { steps: 3, costs }).threads).toBe(1);
    expect(parts(commands, { steps: 4, costs }).threads).toBe(2);
  });

  test("count what a workgroup does for each step of the sequence", () => {
    const costs = { barrier: 0, start: 15_000 };
    expect(parts([dispatch("wide")], { steps: 3, costs, work: extent(0, 1000) }).threads).toBe(1);
    expect(parts([dispatch("wide")], { steps: 4, costs, work: extent(0, 1000) }).threads).toBe(2);
  });
});

test("the largest grid of a plan counts all entries and grows with the sequence", () => {
  const plan = planOf([dispatch("one"), loop(dispatch("wide"), dispatch("long"))], extent(1));
  expect(largestGrid(plan, 3)).toBe(8);
  expect(largestGrid(plan, 30)).toBe(30);
});
