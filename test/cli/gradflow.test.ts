import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { Flow } from "../../cli/gradflow/flow.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

const gradflow = (out: string, file: string, ...more: readonly string[]): readonly string[] => [
  ...["gradflow", `examples/${file}.cell`, "--out", out, "--json"],
  ...more,
];

describe("cellc gradflow", () => {
  test("shows gradients that are flat over 300 steps where gains start at 0.3 or less, and gone at 0.7 and more", () =>
    withFolder(async (folder) => {
      const sizes = ["--task", "adding", "--time", "300", "--batch", "50", "--dims", "H=50"];
      const ended = await cellc(gradflow(folder, "gradflow", ...sizes, "--gamma", "0.1,0.3,0.7,1"));
      expect(ended.code).toBe(0);
      const document = JSON.parse(ended.stdout) as { readonly ok: boolean; readonly flows: readonly Flow[] };
      const kept = JSON.parse(await readFile(join(folder, "gradflow.json"), "utf8")) as object;
      expect({ ok: true, ...kept }).toEqual(document);
      expect(document.flows.map(({ gamma, state, trained, norms }) => [gamma, state, trained, norms.length])).toEqual([
        [0.1, "h", 0, 300],
        [0.3, "h", 0, 300],
        [0.7, "h", 0, 300],
        [1, "h", 0, 300],
      ]);
      const [tenth, three, seven, one] = document.flows.map(({ norms }) => norms);
      // What reaches each step, as a share of what the last has.
      for (const norms of [tenth, three]) for (const norm of norms) expect(norm / norms[299]).toBeGreaterThan(0.05);
      expect(seven[0] / seven[299]).toBeLessThan(1e-3);
      expect(one[0] / one[299]).toBeLessThan(1e-12);
      expect(one[0]).toBeLessThan(seven[0]);

      const { document: svg } = parseHTML(await readFile(join(folder, "gradflow.svg"), "utf8"));
      const titles = Array.from(svg.querySelectorAll("path > title"), (title) => title.textContent);
      expect(titles).toEqual(["γ 0.1", "γ 0.3", "γ 0.7", "γ 1"]);
      expect(await readFile(join(folder, "tanh-derivative.svg"), "utf8")).toContain("mean of tanh′(x)");
    }));

  test("measures every state, at initialisation and in training, and keeps a norm's other arguments", () =>
    withFolder(async (folder) => {
      const sizes = ["--task", "digits-rows", "--batch", "16", "--dims", "H=6", "--steps", "0,4", "--gamma", "0.1,0.2"];
      const ended = await cellc(gradflow(folder, "cells/bnlstm", ...sizes, "--lr", "0.05", "--place", "cc=none"));
      expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining("150%")]);
      const { flows } = JSON.parse(ended.stdout) as { readonly flows: readonly Flow[] };
      expect(flows.map(({ gamma, trained, state }) => `${gamma} ${trained} ${state}`)).toEqual([
        ...["0.1 0 h", "0.1 0 c", "0.1 4 h", "0.1 4 c"],
        ...["0.2 0 h", "0.2 0 c", "0.2 4 h", "0.2 4 c"],
      ]);
      expect(flows.every(({ norms }) => norms.length === 9 && norms.every((norm) => norm > 0))).toBe(true);
      expect(new Set(flows.map(({ norms }) => norms[0])).size).toBe(8);
    }));

  test("of sequences of different lengths measures each step over the examples that have it", () =>
    withFolder(async (folder) => {
      const file = join(folder, "walks.jsonl");
      const lines = Array.from({ length: 40 }, (_, i) => ({
        x: Array.from({ length: 3 + (i % 5) }, (_, t) => [Math.sin(i + t), Math.cos(i * t)]),
        y: i % 2,
      }));
      await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      const options = ["--data", file, "--label", "y", "--batch", "20", "--dims", "H=6", "--steps", "0,3"];
      const ended = await cellc(gradflow(folder, "cells/bnlstm", ...options, "--gamma", "0.1,0.5"));
      expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining("error")]);
      const { flows } = JSON.parse(ended.stdout) as { readonly flows: readonly Flow[] };
      expect(flows).toHaveLength(8);
      expect(flows.every(({ norms }) => norms.every((norm) => norm > 0))).toBe(true);
      const { length } = flows[0].norms;
      expect(length).toBeLessThanOrEqual(7);
      expect(flows.every(({ norms }) => norms.length === length)).toBe(true);
      expect(await readFile(join(folder, "gradflow.svg"), "utf8")).toContain(`up to ${length} steps`);
    }));

  test("of a cell without a gain that could vary ends with 2 and says what to do", () =>
    withFolder(async (folder) => {
      const ended = await cellc(gradflow(join(folder, "out"), "cells/lstm", "--task", "digits-rows"));
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining('--place "hh=batch"')]);
    }));
});
