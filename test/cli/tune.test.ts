/** `cellc tune` measures what is legal, remembers the best, and compiling takes it and says so. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cellKey, choiceText, recall, remember, tunedPath } from "../../cli/tuned.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { withFolder } from "../data/mnist.ts";
import { cells, planned } from "../schedule/cells.ts";
import { cellc } from "./run-here.ts";

const small = ["--dims", "D=2,H=4", "--batch", "3", "--time", "3"];

describe("cellc tune", () => {
  it("measures every pair of owners that can be, and compiling takes the best by default", () =>
    withFolder(async (folder) => {
      const environment = { XDG_CACHE_HOME: folder };
      const ended = await cellc(["tune", "examples/cells/bnlstm.cell", ...small, "--repeats", "1", "--json"], {
        environment,
      });
      expect(ended.code).toBe(0);
      const { best, measured, path } = JSON.parse(ended.stdout);
      // Batch statistics in the loop: no rows.
      expect(measured.map(({ choice }: { choice: Record<string, string> }) => choiceText(choice))).toEqual([
        "forward column, backward column",
        "forward column, backward whole",
        "forward whole, backward column",
        "forward whole, backward whole",
      ]);
      expect(path).toBe(join(folder, "cellc", "tuned.json"));

      const inspect = ["inspect", "examples/cells/bnlstm.cell", ...small];
      expect((await cellc(inspect, { environment })).stderr).toContain(choiceText(best));
      const compile = ["compile", "examples/cells/bnlstm.cell", ...small, "--emit", "schedule"];
      expect((await cellc(compile, { environment })).stderr).toContain("as measured on");
      expect((await cellc([...compile, "--no-tuned"], { environment })).stderr).not.toContain("as measured on");
      expect((await cellc([...compile, "--schedule", "whole"], { environment })).stderr).not.toContain(
        "as measured on",
      );
    }));

  it("says of a loop that cannot be owned so why", async () => {
    const { code, stderr } = await cellc([
      "compile",
      "examples/cells/bnlstm.cell",
      "--schedule",
      "row",
      "--emit",
      "schedule",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[C0306\]: the forward loop cannot be owned by `row`: hh_in is summed over the batch/);
  });
});

describe("what was measured", () => {
  it("is kept by device and cell, beside what was there", () =>
    withFolder(async (folder) => {
      const environment = { XDG_CACHE_HOME: folder };
      await remember(environment, "a GPU", "a cell", { forward: "row" });
      await remember(environment, "a GPU", "another", { backward: "whole" });
      await remember(environment, "a CPU", "a cell", { forward: "column" });
      expect(await recall(environment, "a GPU", "a cell")).toEqual({ forward: "row" });
      expect(await recall(environment, "a GPU", "another")).toEqual({ backward: "whole" });
      expect(await recall(environment, "a CPU", "a cell")).toEqual({ forward: "column" });
      expect(await recall(environment, "a CPU", "another")).toBeUndefined();
    }));

  it("is forgotten where the file holds something else, which is kept beside the new one", () =>
    withFolder(async (folder) => {
      const environment = { XDG_CACHE_HOME: folder };
      for (const text of ["{", "[]", '{"a GPU": {"a cell": {"forward": "diagonal"}}}', '{"a GPU": 7}']) {
        await mkdir(join(folder, "cellc"), { recursive: true });
        await writeFile(tunedPath(environment), text);
        expect(await recall(environment, "a GPU", "a cell")).toBeUndefined();
      }
      const { path, aside } = await remember(environment, "a GPU", "a cell", { forward: "row" });
      expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ "a GPU": { "a cell": { forward: "row" } } });
      expect([aside, await readFile(`${path}.damaged`, "utf8")]).toEqual([`${path}.damaged`, '{"a GPU": 7}']);
      expect(await remember(environment, "a GPU", "another", { forward: "row" })).toEqual({ path, aside: undefined });
    }));

  it("tells batches, dimensions and norms apart", () => {
    const key = (batch: number, H: number, place: string): string =>
      cellKey(planned({ ...cells.lstm, place }, wasm, { batch, dims: { H } }).plan);
    const keys = [key(4, 8, "hh=none"), key(5, 8, "hh=none"), key(4, 9, "hh=none"), key(4, 8, "hh=batch")];
    expect(new Set(keys).size).toBe(4);
  });
});
