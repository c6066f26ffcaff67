/** The harness itself: what a case comes to is seen from outside, counted, and can be repeated. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { RuntimeError } from "../../runtime/error.ts";
import { withFolder } from "../data/mnist.ts";
import { campaign, failuresOf, leastServed } from "./campaign.ts";
import { fuzzers } from "./faulty.ts";
import { report } from "./report.ts";
import { kindOf, verdictOf, verdictOfCommand } from "./verdict.ts";

const table = fileURLToPath(new URL("faulty.ts", import.meta.url));
const command = (fuzzer: string, seed: number) => `again ${fuzzer} ${seed}`;

test("outcomes are distinguished, failures are grouped by kind, and the first of each is kept with the command that repeats it", () =>
  withFolder(async (keep) => {
    const found = await campaign({ fuzzers, table, seed: 5, trials: 2, workers: 2, keep, command });
    const counts = found.tallies.map((tally) => {
      const { fuzzer, tried, accepted, refused, crashed, hung, wrong } = tally;
      return [fuzzer, tried, accepted, refused, crashed, hung, wrong];
    });
    expect(counts).toEqual([
      ["accepts", 2, 2, 0, 0, 0, 0],
      ["refuses", 2, 0, 2, 0, 0, 0],
      ["throws", 2, 0, 0, 2, 0, 0],
      ["dies", 2, 0, 0, 2, 0, 0],
      ["rejects-later", 2, 0, 0, 2, 0, 0],
      ["hangs", 2, 0, 0, 0, 2, 0],
      ["lists", 2, 0, 0, 0, 0, 2],
    ]);
    expect(failuresOf(found)).toBe(10);
    expect(found.tallies[1].refusals).toEqual({ C0406: 2 });
    expect(found.kinds.map(({ fuzzer, count }) => [fuzzer, count]).sort()).toEqual([
      ["dies", 2],
      ["hangs", 2],
      ["lists", 2],
      ["rejects-later", 2],
      ["throws", 2],
    ]);
    const of = (fuzzer: string) => found.kinds.find((kind) => kind.fuzzer === fuzzer)!;
    expect(of("throws").why).toMatch(/^RangeError: too deep by \d+\n.*faulty\.ts/);
    expect(of("dies").why).toContain("exit code 9");
    expect(of("rejects-later").why).toContain("nobody waits for it");
    // Made smaller, and where it cannot be tried again, whole.
    expect(await readFile(join(of("lists").folder!, "numbers.txt"), "utf8")).toBe("7");
    expect(await readFile(join(of("hangs").folder!, "drawn.txt"), "utf8")).toMatch(/^\d+$/);
    const { seed } = of("throws");
    expect(await readFile(join(of("throws").folder!, "why.txt"), "utf8")).toContain(command("throws", seed));
    expect(report(found, command)).toContain(`again throws ${seed}`);
  }));

test("time is shared out evenly, and not turns: who takes long for a case has fewer of them", () => {
  const costs = { slow: 60, quick: 1, usual: 5 } as const;
  const served = { slow: { time: 0, turns: 0 }, quick: { time: 0, turns: 0 }, usual: { time: 0, turns: 0 } };
  const names = Object.keys(costs) as readonly (keyof typeof costs)[];
  for (let turn = 0; turn < 800; turn++) {
    const next = leastServed(names, (name) => served[name])!;
    served[next].time += costs[next];
    served[next].turns += 1;
  }
  for (const { time } of Object.values(served)) expect(Math.abs(time - served.slow.time)).toBeLessThanOrEqual(60);
  expect(served.slow.turns).toBeGreaterThan(5);
});

test("a refusal is an error with a code of the catalogue, and nothing else is", () => {
  const span = { file: "a.cell", start: 0, end: 0 };
  const error = { code: "C0201", severity: "error", message: "no such name", span } as const;
  expect(verdictOf(new CompileError([error]))).toEqual({ outcome: "refused", by: "C0201" });
  expect(verdictOf(new RuntimeError("C0406", "a batch of another size"))).toEqual({ outcome: "refused", by: "C0406" });
  for (const thrown of [new CompileError([]), new TypeError("x is undefined"), "words", undefined]) {
    expect(verdictOf(thrown).outcome).toBe("crashed");
  }
});

test("a command refuses with a code of the catalogue and its exit code, and 70 or silence is a crash", () => {
  const said = "error[C0408]: the folder holds a run already";
  expect(verdictOfCommand({ code: 0, stderr: "" }).outcome).toBe("accepted");
  expect(verdictOfCommand({ code: 2, stderr: said })).toEqual({ outcome: "refused", by: "C0408" });
  expect(verdictOfCommand({ code: 1, stderr: "error[C9999]: no such code" }).outcome).toBe("crashed");
  expect(verdictOfCommand({ code: 70, stderr: said }).outcome).toBe("crashed");
  expect(verdictOfCommand({ code: 1, stderr: "" }).outcome).toBe("crashed");
  expect(verdictOfCommand({ code: null, stderr: said }).outcome).toBe("crashed");
});

test("failures of a kind differ in numbers and names only", () => {
  const at = (message: string, where: string) =>
    `TypeError: ${message}\n    at shapeOf (${where})\n    at open (b.ts:1:1)`;
  const kind = kindOf(at("`a/b` has 3", "/x/layout.ts:43:22"));
  expect(kindOf(at("`c` has 17.5", "/y/layout.ts:44:2"))).toBe(kind);
  expect(kindOf(at("`c` lacks 17.5", "/y/layout.ts:44:2"))).not.toBe(kind);
  expect(kindOf(at("`a/b` has 3", "/x/runner.ts:43:22"))).not.toBe(kind);
});
