import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { seededStreams } from "../../../cli/data/streams.ts";
import { conclude } from "../../../cli/explore/conclusion.ts";
import { drawPage } from "../../../cli/explore/page.ts";
import { rank } from "../../../cli/explore/ranking.ts";
import type { RowRecord } from "../../../cli/explore/row.ts";
import type { CurvePoint } from "../../../cli/report/curve-log.ts";
import { closeBrowser, type Visit, visit } from "../browser.ts";
import { pageFaults } from "../page-faults.ts";

const NORMS = ["none", "batch", "layer"];
const STEPS = 60;

/** A row whose accuracy rises to what its norms give, with some noise. */
function row(number: number, hh: string, xh: string, seed: number): RowRecord {
  const uniform = seededStreams(number)("row");
  const top = 0.5 + (hh === "batch" ? 0.3 : 0) + (xh === "layer" ? 0.1 : 0) + 0.02 * uniform(0);
  const points: CurvePoint[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const loss = 2.3 - (top * step) / STEPS + 0.1 * uniform(step);
    const gradientNorm = hh === "layer" && step === 40 ? 1e5 : 1 + uniform(1000 + step);
    points.push({ kind: "train", step, epoch: 1, loss, gradientNorm, seconds: step });
    if (step % 12 === 0)
      points.push({
        kind: "evaluation",
        step,
        epoch: 1,
        loss,
        metrics: { accuracy: (top * step) / STEPS },
        seconds: step,
      });
  }
  const last = points[points.length - 1] as CurvePoint & { readonly kind: "evaluation" };
  return {
    ...{ format: 2, number, placement: { hh, xh }, placed: { hh, xh }, seed, steps: STEPS, points, seconds: 1 },
    outcome: { status: "finished" },
    warnings: xh === "layer" ? ["W0606: the state `<h>` carries its normalized value on"] : [],
    result: { loss: last.loss, metrics: last.metrics },
    cost: { milliseconds: 1 + number / 10, dispatches: 20, bytes: 2 ** 20, parameters: 1000 },
  };
}

const rows = NORMS.flatMap((hh, a) =>
  NORMS.flatMap((xh, b) => [1, 2, 3].map((seed) => row(9 * a + 3 * b + seed, hh, xh, seed))),
);
const trivial = { measures: { accuracy: 0.1 }, predicted: { accuracy: "the most frequent class" } };
const by = { measure: "accuracy", direction: "max" } as const;
const ranking = rank(rows, { by, seeds: 3, rungs: [STEPS], trivial });
const line = { file: "a.cell", shared: ["--task", "digits"], place: undefined, seed: 1, out: "runs/x" };

let visited: Visit;
beforeAll(async () => {
  const path = join(inject("scratch"), "explore-page.html");
  const conclusion = conclude(ranking, line);
  const test = { placement: { hh: "batch" }, measures: { accuracy: { mean: 0.8, deviation: 0.01 } } };
  await writeFile(path, drawPage({ title: "</script> & <b>", facts: ["a fact"], ranking, conclusion, test, rows }));
  visited = await visit(path);
});
afterAll(closeBrowser);

/** The first two cells with a norm, of the rows that are shown. */
const shown = async (): Promise<readonly string[]> =>
  (await visited.page.evaluate(
    `[...document.querySelectorAll("#rows tbody tr:not([hidden])")].map((row) => row.cells[2].textContent + "/" + row.cells[3].textContent)`,
  )) as readonly string[];

describe("the page of an exploration", () => {
  test("begins with the answer and the command, and shows every placement and what learns nothing", async () => {
    const { page } = visited;
    expect(await page.locator("h1").innerText()).toBe("</script> & <b>");
    expect(await page.locator(".answer").innerText()).toContain(conclude(ranking, line).sentence);
    expect(await page.locator(".answer").innerText()).toContain("On the test split, by which nothing was chosen");
    expect(await page.locator("#command").innerText()).toMatch(/^cellc train a\.cell --task digits --place hh=batch,/);
    expect(await shown()).toHaveLength(10);
    expect(await page.locator("#rows tr.bare").allInnerTexts()).toEqual([
      expect.stringContaining("no norms"),
      expect.stringContaining("learns nothing"),
    ]);
    expect(await page.locator("#effects g").count()).toBe(4);
  });

  test("is sorted by a column, and the other way by a second click, with nothing last", async () => {
    const { page } = visited;
    const loss = page.getByRole("columnheader", { name: "accuracy", exact: true });
    await loss.getByRole("button").click();
    expect(await loss.getAttribute("aria-sort")).toBe("ascending");
    const [first] = await shown();
    await loss.getByRole("button").click();
    expect(await loss.getAttribute("aria-sort")).toBe("descending");
    expect((await shown()).at(-1)).toBe(first);
    await page.getByRole("columnheader", { name: "#" }).getByRole("button").click();
    expect((await shown()).at(-1)).toBe("/");
  });

  test("is filtered by site, status and text, and its curves with it", async () => {
    const { page } = visited;
    const curves = page.locator("#chart-0 path.curve");
    expect(await curves.count()).toBe(27);
    await page.getByLabel("hh", { exact: true }).selectOption("batch");
    expect(await shown()).toHaveLength(3);
    expect(await curves.count()).toBe(9);
    await page.getByLabel("text", { exact: true }).fill("W0606");
    expect(await shown()).toEqual(["batch/layer"]);
    expect(await page.locator("#count").innerText()).toBe("1 of 10 rows");
    await page.getByLabel("text", { exact: true }).fill("");
    await page.getByLabel("hh", { exact: true }).selectOption("");
    await page.getByLabel("status").selectOption("gradients exploded or vanished");
    expect(await shown()).toHaveLength(3);
    await page.getByLabel("status").selectOption("");
    expect(await shown()).toHaveLength(10);
  });

  test("puts two rows side by side, and a third in the place of the first", async () => {
    const { page } = visited;
    const choose = (name: string) => page.getByLabel(`compare ${name}`).check();
    expect(await page.locator("#pair").isVisible()).toBe(false);
    await choose("hh=batch,xh=layer");
    await choose("hh=none,xh=none");
    const heads = () => page.locator("#pair thead th").allInnerTexts();
    expect(await heads()).toEqual(["hh=batch,xh=layer", "hh=none,xh=none"]);
    expect(await page.locator("#pair").innerText()).toContain("carries its normalized value on");
    expect(await page.locator("#pair").innerText()).toMatch(/accuracy, seed 3\s+9\d\.\d %\s+5\d\.\d %/);
    expect(await page.locator("#chart-0 g.strong").count()).toBe(6);
    await choose("hh=layer,xh=none");
    expect(await heads()).toEqual(["hh=none,xh=none", "hh=layer,xh=none"]);
    for (const name of await heads()) await page.getByLabel(`compare ${name}`).uncheck();
    expect(await page.locator("#pair").isVisible()).toBe(false);
  });

  test("says the value under the pointer", async () => {
    const { page } = visited;
    await page.locator("#chart-3 g circle").first().hover();
    expect(await page.locator("#tip").innerText()).toMatch(/hh=.*\nmilliseconds a training step: .*\naccuracy: .* %/);
    await page.locator("h1").hover();
    expect(await page.locator("#tip").isVisible()).toBe(false);
  });

  test("has axes that are fitted to the data", async () => {
    const ticks = await visited.page.locator("#chart-1 svg text[text-anchor=end]").allTextContents();
    // The loss goes from 2.4 down to 1.4.
    expect(Math.min(...ticks.map(Number))).toBeGreaterThan(1);
    expect(Math.max(...ticks.map(Number))).toBeLessThan(2.6);
  });

  test("is dark or light, as its reader likes", async () => {
    const { page } = visited;
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await paper();
    await page.getByRole("button", { name: "Dark colours" }).click();
    expect(await paper()).not.toBe(light);
    await page.getByRole("button", { name: "Light colours" }).click();
    expect(await paper()).toBe(light);
    await page.evaluate("delete document.documentElement.dataset.theme");
  });

  test("is fit for everybody, on a desk and on a phone, light and dark", async () => {
    await visited.page.getByLabel("compare hh=batch,xh=layer").check();
    await visited.page.getByLabel("compare hh=none,xh=none").check();
    expect(await pageFaults(visited, process.env.CELLC_SHOTS)).toEqual([]);
  });
});
