import { describe, expect, test } from "vitest";
import type { Command, Extent, Plan } from "../../runtime/plan.ts";
import { largestGrid, scheduleThreads, type ThreadProgram } from "../../runtime/wasm/thread-schedule.ts";
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

/** `wide*` is split between threads, `|` a barrier, `( )` a loop. */
const shown = (program: ThreadProgram): string =>
  program
    .map((instruction) => {
      if (instruction.do === "loop") return `(${shown(instruction.body)})`;
      return instruction.do === "barrier" ? "|" : `${instruction.kernel}${instruction.split ? "*" : ""}`;
    })
    .join(" ");

const nothing = { barrier: 0, start: 0 };
const scheduled = (
  commands: readonly Command[],
  { steps = 4, threads = 2, costs = nothing, work = extent(1000) } = {},
) => {
  const schedule = scheduleThreads(planOf(commands, work), commands, steps, threads, costs);
  return { ...schedule, text: shown(schedule.program) };
};

describe("threads", () => {
  test("meet between two dispatches unless thread 0 runs both", () => {
    const commands = [dispatch("one"), dispatch("another"), dispatch("wide"), dispatch("wide"), dispatch("one")];
    expect(scheduled(commands)).toMatchObject({ threads: 2, text: "one another | wide* | wide* | one" });
  });

  test("meet between one step and the next", () => {
    expect(scheduled([loop(dispatch("wide"))]).text).toBe("(| wide*)");
    expect(scheduled([loop(dispatch("wide"), dispatch("one"))]).text).toBe("(| wide* | one)");
    expect(scheduled([dispatch("wide"), loop(dispatch("one"), dispatch("another"))]).text).toBe(
      "wide* (| one another)",
    );
    expect(scheduled([dispatch("one"), loop(dispatch("another")), dispatch("wide")]).text).toBe(
      "one (another) | wide*",
    );
  });

  test("meet between segments, the last of which is a loop of its own: its grids are smaller", () => {
    const commands: Command[] = [{ do: "segments", length: 3, reverse: true, commands: [dispatch("long")] }];
    const { program, text } = scheduled(commands, { steps: 8 });
    expect(text).toBe("(| long*) (| long*)");
    expect(program).toMatchObject([
      { from: 6, count: 1, body: [{ do: "barrier" }, { grid: [2, 1, 1] }] },
      { from: 0, count: 2, stride: 3, reverse: true, body: [{ do: "barrier" }, { grid: [3, 1, 1] }] },
    ]);
    expect(scheduled(commands, { steps: 2 }).program).toMatchObject([{ from: 0, count: 1 }]);
  });

  test("are not woken if every dispatch has one workgroup", () => {
    expect(scheduled([dispatch("one"), loop(dispatch("another"))])).toMatchObject({
      threads: 1,
      text: "one (another)",
    });
  });

  test("split a dispatch if that saves more than the two barriers around it", () => {
    const commands = [dispatch("wide"), dispatch("long")];
    // Two threads save half of eight workgroups, and one of three.
    const costs = { barrier: 1500, start: 0 };
    expect(scheduled(commands, { steps: 3, costs }).text).toBe("wide* | long");
    expect(scheduled(commands, { steps: 3, costs: { barrier: 400, start: 0 } }).text).toBe("wide* | long*");
    expect(scheduled(commands, { steps: 3, costs: { barrier: 2000, start: 0 } })).toMatchObject({ threads: 1 });
  });

  test("are woken for an entry if its steps together save more than that costs", () => {
    const commands = [loop(dispatch("wide"))];
    const costs = { barrier: 0, start: 15_000 };
    expect(scheduled(commands, { steps: 3, costs }).threads).toBe(1);
    expect(scheduled(commands, { steps: 4, costs }).threads).toBe(2);
  });

  test("count what a workgroup does for each step of the sequence", () => {
    const costs = { barrier: 0, start: 15_000 };
    expect(scheduled([dispatch("wide")], { steps: 3, costs, work: extent(0, 1000) }).threads).toBe(1);
    expect(scheduled([dispatch("wide")], { steps: 4, costs, work: extent(0, 1000) }).threads).toBe(2);
  });
});

test("the largest grid of a plan counts all entries and grows with the sequence", () => {
  const plan = planOf([dispatch("one"), loop(dispatch("wide"), dispatch("long"))], extent(1));
  expect(largestGrid(plan, 3)).toBe(8);
  expect(largestGrid(plan, 30)).toBe(30);
});
