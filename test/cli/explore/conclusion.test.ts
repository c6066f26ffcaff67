import { describe, expect, test } from "vitest";
import { type Conclusion, conclude } from "../../../cli/explore/conclusion.ts";
import { rank } from "../../../cli/explore/ranking.ts";
import type { RowRecord } from "../../../cli/explore/row.ts";
import type { Trivial } from "../../../cli/training/trivial.ts";

const row = (hh: string, seed: number, accuracy: number): RowRecord => ({
  ...{ format: 2, number: seed, placement: { hh }, placed: { hh: hh === "none" ? hh : `${hh}(beta = none)` }, seed },
  ...{ steps: 4, outcome: { status: "finished" }, warnings: [], seconds: 1 },
  result: { loss: 1, metrics: { accuracy } },
  points: [{ kind: "evaluation", step: 4, epoch: 1, seconds: 1, loss: 1, metrics: { accuracy } }],
});

const trivial: Trivial = { measures: { accuracy: 0.2 }, predicted: { accuracy: "the most frequent class" } };
const line = {
  file: "my cell.cell",
  shared: ["--task", "digits", "--lr", "1e-2"],
  place: "cc=layer",
  seed: 3,
  out: "runs/x",
};

/** The conclusion of rows with these accuracies, one for each seed. */
function concluded(
  values: Readonly<Record<string, readonly number[]>>,
  known: Trivial | "unknown" = trivial,
): Conclusion {
  const rows = Object.entries(values).flatMap(([hh, own]) => own.map((value, at) => row(hh, at + 1, value)));
  const seeds = Object.values(values)[0].length;
  const by = { measure: "accuracy", direction: "max" } as const;
  return conclude(rank(rows, { by, seeds, rungs: [4], trivial: known === "unknown" ? undefined : known }), line);
}

describe("the conclusion", () => {
  test("names the best one, the distance to no norm, and the command line that trains it", () => {
    const { verdict, sentence, notes, command } = concluded({
      none: [0.5, 0.52, 0.51, 0.49, 0.5],
      batch: [0.9, 0.91, 0.92, 0.9, 0.91],
      layer: [0.7, 0.69, 0.71, 0.72, 0.7],
    });
    expect([verdict, sentence]).toEqual([
      "single",
      "hh=batch is the best of 3: accuracy 90.8 ± 0.8 % after 4 steps, over 5 seeds, and better than each of the others with 95 % confidence.",
    ]);
    expect(notes[0]).toMatch(/^Without norms it is accuracy 50\.4 ± 1\.1 %, a difference of \+40\.4 \[\+3.*\] %\.$/);
    expect(notes[1]).toBe("To compare: learning nothing and predicting the most frequent class gives accuracy 20.0 %.");
    expect(notes[2]).toMatch(/^On average over the grid, batch at hh helps \(.*\) and layer at hh helps/);
    expect(command).toBe(
      "cellc train 'my cell.cell' --task digits --lr 1e-2 --place 'cc=layer,hh=batch(beta = none)' --steps 4 --seed 3 --out runs/x-best",
    );
  });

  test("says that all are within chance", () => {
    const { verdict, sentence } = concluded({ none: [0.5, 0.7, 0.6], batch: [0.6, 0.5, 0.7], layer: [0.7, 0.6, 0.5] });
    expect(verdict).toBe("all");
    expect(sentence).toContain("No placement is known to be better than another");
  });

  test("names those that may be the best", () => {
    const { verdict, sentence } = concluded({
      none: [0.3, 0.31, 0.3, 0.32, 0.3],
      batch: [0.9, 0.91, 0.92, 0.9, 0.91],
      layer: [0.91, 0.9, 0.92, 0.91, 0.9],
    });
    expect(verdict).toBe("several");
    expect(sentence).toContain("2 of 3 placements may be the best: hh=batch; hh=layer.");
  });

  test("of one seed leaves open whether it is chance", () => {
    const { verdict, sentence } = concluded({ none: [0.5], batch: [0.9] });
    expect(verdict).toBe("one seed");
    expect(sentence).toContain("With one seed it is not known whether that is chance: --seeds 5 tells.");
  });

  test("calls none the best that is no better than what learns nothing, and gives no command", () => {
    const { verdict, sentence, command } = concluded({ none: [0.1, 0.12], batch: [0.19, 0.2] });
    expect([verdict, command]).toEqual(["trivial", undefined]);
    expect(sentence).toContain(
      "No placement is better than predicting the most frequent class, with accuracy 20.0 %: the first, hh=batch, has accuracy 19.5",
    );
  });

  test("says what is not known, and that nothing beats no norm at all", () => {
    const { notes } = concluded({ none: [0.9, 0.92], batch: [0.2, 0.22] }, "unknown");
    expect(notes).toContain("Nothing is better than no norm at all, which has accuracy 91.0 ± 1.4 %.");
    expect(notes).toContain("What a prediction gets that learns nothing is not known for accuracy.");
  });

  test("of rows none of which finished is that there is none", () => {
    const failed: RowRecord = { ...row("batch", 1, 1), outcome: { status: "failed", code: "C0207", message: "no" } };
    const by = { measure: "accuracy", direction: "max" } as const;
    const ranking = rank([{ ...failed, result: undefined, points: [] }], { by, seeds: 1, rungs: [4], trivial });
    const { verdict, command } = conclude(ranking, line);
    expect([verdict, command]).toEqual(["nothing", undefined]);
  });
});
