/** What an import of a cell asks for. */
import { expect, test } from "vitest";
import { pluginOptions } from "../../../cli/plugin/options.ts";
import { cellId, readRequest } from "../../../cli/plugin/request.ts";

test("a query chooses the entry and changes it; any other name is a dimension", () => {
  expect(
    readRequest("/a/lstm.cell?entry=lstm&H=200&D=3&batch=1&place=hh%3Dlayer&entries=infer,step&kernels=wgsl"),
  ).toEqual({
    ...{ file: "/a/lstm.cell", hasQuery: true, entry: "lstm", dims: { H: 200, D: 3 }, batch: 1, place: "hh=layer" },
    ...{ entries: ["infer", "step"], kernels: ["wgsl"] },
  });
  expect(readRequest("/a/lstm.cell")).toEqual({ file: "/a/lstm.cell", hasQuery: false, dims: {} });
});

test("the text or the address of the file, and what is no file, are not asked of us", () => {
  expect(readRequest("/a/lstm.cell?raw")).toBeUndefined();
  expect(readRequest("/a/lstm.cell?url")).toBeUndefined();
  expect(readRequest("\0/a/lstm.cell?commonjs-proxy")).toBeUndefined();
  expect(["/a.cell", "/a.cell?H=1"].every((id) => cellId.test(id))).toBe(true);
  expect(["/a.cells", "/a.cell.ts", "/cell"].some((id) => cellId.test(id))).toBe(false);
});

test.each(["?H=0", "?H=x", "?H=1.5", "?batch=", "?entries=infr", "?kernels=metal"])("%s is refused", (query) => {
  expect(() => readRequest(`/a.cell${query}`)).toThrow("error[C0301]");
});

test("options that there are not, or that are of another kind, are refused", () => {
  expect(() => pluginOptions({ kernel: ["wasm"] } as object)).toThrow("cellc has no option `kernel`");
  expect(() => pluginOptions({ kernels: [] })).toThrow("error[C0309]");
  expect(pluginOptions()).toEqual({ kernels: ["wasm"], types: true, hot: true });
});
