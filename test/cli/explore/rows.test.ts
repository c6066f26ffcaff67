import { expect, test } from "vitest";
import { placementText } from "../../../cli/explore/placement.ts";
import { placementsOf, type RowOptions, rowsOf, siteNames } from "../../../cli/explore/rows.ts";

const texts = (options: RowOptions, declared: readonly string[] = ["hh", "xh", "cc"]) =>
  placementsOf(options, declared).map(placementText);

test("three sites and three norms make 27 rows, each placement once", () => {
  const all = texts({ norms: "none,batch,layer", seeds: 1 });
  expect(new Set(all).size).toBe(27);
  expect(all.slice(0, 3)).toEqual(["hh=none,xh=none,cc=none", "hh=none,xh=none,cc=batch", "hh=none,xh=none,cc=layer"]);
});

test("norms have arguments as in the language, and commas in brackets do not part them", () => {
  expect(texts({ sites: "hh", norms: "batch(gamma=0.1, beta=none), group(4)", seeds: 1 })).toEqual([
    "hh=batch(gamma=0.1, beta=none)",
    "hh=group(4)",
    // What they are compared with.
    "hh=none",
  ]);
});

test("chosen placements come instead of combinations, with every seed, numbered from 1", () => {
  const options = { norms: "none", placement: ["hh=batch, cc=layer(beta=none)", "xh=rms"], seeds: 2 };
  const rows = rowsOf(placementsOf(options, ["hh"]), 2, 7, (placement) => placement);
  expect(rows.map(({ number, placement, seed }) => [number, placementText(placement), seed])).toEqual([
    [1, "hh=batch,cc=layer(beta=none)", 7],
    [2, "hh=batch,cc=layer(beta=none)", 8],
    [3, "xh=rms", 7],
    [4, "xh=rms", 8],
    [5, "hh=none,cc=none,xh=none", 7],
    [6, "hh=none,cc=none,xh=none", 8],
  ]);
});

test.each([
  [{ norms: "none,,batch" }, '"none,,batch" is no list of norms'],
  [{ norms: "none,none" }, "the norm none is given twice"],
  [{ norms: "none", sites: "hh,hh" }, "the site hh is given twice"],
  [{ norms: "none", placement: ["hh"] }, '"hh" is no placement'],
  [{ norms: "none", placement: ["hh=batch,hh=layer"] }, "the site hh is given twice"],
  [{ norms: "none", placement: ["hh=batch", "hh=batch"] }, "the placement hh=batch is given twice"],
])("%j is refused", (options, message) => {
  expect(() => texts({ seeds: 1, ...options })).toThrow(message);
});

test("a cell without sites has nothing to explore", () => {
  expect(() => texts({ norms: "none", seeds: 1 }, [])).toThrow("there is no site");
});

test("sites have their short names where only one scan has them", () => {
  const site = (name: string) => ({ name }) as Parameters<typeof siteNames>[0]["sites"][number];
  expect(siteNames({ sites: [site("rnn/hh"), site("rnn/cc"), site("rnn_2/hh"), site("top")] })).toEqual([
    "rnn.hh",
    "cc",
    "rnn_2.hh",
    "top",
  ]);
});
