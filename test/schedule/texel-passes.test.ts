/** How many passes a step takes where a unit owns a texel: what a workgroup does in one kernel, by barriers, takes several. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import type { Command, Entry } from "../../runtime/plan.ts";
import { glsl } from "../../targets/glsl/target.ts";

/** Passes for each step, and passes outside of the loops that are started for each step as well. */
const loops = (entry: Entry | undefined): readonly number[] =>
  (entry?.commands ?? []).flatMap((c: Command) => (c.do === "steps" ? [c.commands.length] : []));

const counted = [
  ["rnn", "rnn", "", 1, 1, 1],
  ["lstm", "lstm", "", 3, 4, 1],
  ["gru", "gru_before", "", 2, 3, 2],
  ["gru", "gru_after", "", 2, 4, 1],
  ["lnlstm", "lnlstm", "", 7, 6, 5],
  ["bnlstm", "bnlstm", "", 7, 7, 1],
  ["bnlstm", "bnlstm", "hh=none,cc=none", 4, 4, 1],
  ["bnlstm", "bnlstm", "cc=none", 5, 5, 1],
  ["bnlstm", "bnlstm", "hh=rms,xh=rms,cc=none", 4, 4, 3],
] as const;

it.each(counted)("%s.cell, %s%s: %i forward, %i backward, %i in inference", (file, entry, place, ...wanted) => {
  const options = { entry, batch: 64, time: 28, dims: { D: 28, H: 100 }, entries: ["train", "infer"] as const };
  const placed = place === "" ? {} : { place: parsePlacements(place) };
  const { entries } = compile(`examples/cells/${file}.cell`, { ...options, ...placed }, glsl, fileHost).executable.plan;
  expect([...loops(entries.train), ...loops(entries.infer)]).toEqual(wanted);
});

it("docs/bench.md has the same numbers", () => {
  const text = readFileSync("docs/bench.md", "utf8");
  for (const [, entry, place, ...numbers] of counted) {
    const name = place === "" ? `\`${entry}\`` : `\`${entry}\` with \`${place}\``;
    const row = text.split("\n").find((line) => line.startsWith(`| ${name} `)) ?? "";
    expect(
      row
        .split("|")
        .slice(2, 5)
        .map((cell) => Number(cell)),
      name,
    ).toEqual(numbers);
  }
});
