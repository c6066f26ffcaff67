/** Whatever a table looks like, what is proposed for it can be opened, and every part that is trained or measured on has examples. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openOwnData } from "../../../cli/data/own-data.ts";
import { starterFor } from "../../../cli/start/starters.ts";
import { findingsOf } from "../../../cli/survey/findings.ts";
import { openSurvey } from "../../../cli/survey/open-survey.ts";
import { proposalOf } from "../../../cli/survey/proposal.ts";
import { withFolder } from "../../data/mnist.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}
const host = { stdin: nothing(), say: () => {} };

const table = fc.record({
  sequences: fc.constantFrom(1, 2, 5, 12, 40, 150),
  shortest: fc.integer({ min: 1, max: 120 }),
  more: fc.constantFrom(0, 0, 1, 30),
  minutes: fc.constantFrom(0, 15, 60, 1440, 10_080),
  label: fc.constantFrom("none", "sequence", "step"),
  gaps: fc.boolean(),
});

test("a proposal for a table has examples", () =>
  withFolder((folder) =>
    fc.assert(
      fc.asyncProperty(table, async ({ sequences, shortest, more, minutes, label, gaps }) => {
        const rows = Array.from({ length: sequences }, (_, s) =>
          Array.from({ length: shortest + (more === 0 ? 0 : s % more) }, (_, t) => {
            const time = new Date(Date.UTC(2020, 0, 1) + 60_000 * minutes * t).toISOString().slice(0, 16);
            const number = gaps && (s + t) % 9 === 4 ? "" : Math.sin(t + s).toFixed(3);
            const kind = label === "step" ? `k${t % 3}` : `k${s % 2}`;
            return [`s${s}`, ...(minutes > 0 ? [time] : []), number, ...(label === "none" ? [] : [kind]), t * 0.1].join(
              ",",
            );
          }),
        ).flat();
        const path = join(folder, "table.csv");
        const names = [
          "series",
          ...(minutes > 0 ? ["date"] : []),
          "load",
          ...(label === "none" ? [] : ["kind"]),
          "level",
        ];
        await writeFile(path, `${names.join(",")}\n${rows.join("\n")}\n`);
        const found = await openSurvey(host, path, {});
        const proposal = proposalOf(found);
        findingsOf(found, proposal);
        if (proposal === undefined) {
          // Only what is hopelessly short has none.
          expect(rows.length < 12 || shortest < 30).toBe(true);
          return;
        }
        const task = await openOwnData(host, path, proposal.own);
        expect(starterFor(task, proposal.kind === "language")).toBe(proposal.starter);
        expect(task.splits.train).toBeGreaterThanOrEqual(proposal.batch ?? 64);
        if (found.survey.sequences !== 2 || proposal.kind === "forecast")
          expect(task.splits.validation).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    ),
  ));

test("a target that never changes, and one that is missing, are noted", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.csv");
    const rows = Array.from({ length: 200 }, (_, t) => `${Math.sin(t)},7,${t === 5 ? "" : t % 13}`);
    await writeFile(path, `a,b,c\n${rows.join("\n")}\n`);
    const found = await openSurvey(host, path, { target: { y: ["b"] } });
    expect(findingsOf(found, proposalOf(found))).toEqual([
      "b, which is to be predicted, is always the same",
      "1 value of c is missing, first at step 6",
    ]);
  }));

test("several series side by side are noted", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.csv");
    const rows = Array.from(
      { length: 200 },
      (_, t) => `2020-01-${String(1 + (t >> 3)).padStart(2, "0")},shop${t % 8},${Math.sin(t)}`,
    );
    await writeFile(path, `date,name,sold\n${rows.join("\n")}\n`);
    const found = await openSurvey(host, path, {});
    expect(findingsOf(found, proposalOf(found)).join()).toContain(
      "175 rows have the time of the row before, and other values",
    );
  }));
