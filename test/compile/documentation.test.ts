/** What is said of the names of an entry. */
import { expect, test } from "vitest";
import { documentation } from "../../compiler/documentation.ts";
import type { ElaborateOptions } from "../../compiler/semantics/elaborate.ts";

const texts: Readonly<Record<string, string>> = {
  "base.cell": `// A plain cell.
cell plain(D = 2, H = 4) {
  param W : [D, H] = orthogonal  // from inputs
  param U : [H, H] = identity
  input x : [D]
  state h : [H] = 0
  site s = x @ W + h @ U
  h' = tanh(s)
  output h'
}
`,
  "model.cell": `// A model of two cells.
import { plain } from "base.cell"

cell other = plain with {
  param U : [H, H] = orthogonal  // begins elsewhere
  place s : layer
}

model both(D = 2, H = 4, cell top = other) {
  param V : [H] = 0
  input x : [D] over time
  // What is to be found.
  target y : [H]
  a = scan plain(D, H) over x
  b = scan top(H, H) over a
  output last(b) + V
  loss mean((last(b) + V - y)^2, over feature)
}
`,
};
const host = {
  read: (path: string): string | undefined => texts[path],
  resolve: (_: string, specifier: string): string => specifier,
};

const said = (path: string, options: ElaborateOptions = {}) => documentation(path, host, options);

test("each name has its place, what is declared of it, and the comments about it", () => {
  const { entry, parameters, inputs, states, outputs, dims, kind } = said("base.cell");
  const text = texts["base.cell"];
  expect([kind, entry.comment]).toEqual(["cell", ["A plain cell."]]);
  expect(parameters.get("W")).toMatchObject({ declared: "[D, H] = orthogonal", comment: ["from inputs"] });
  for (const [found, name] of [
    [parameters.get("W"), "W"],
    [inputs.get("x"), "x"],
    [states.get("h"), "h"],
    [outputs.get("h"), "h'"],
    [dims.get("H"), "H"],
    [entry, "plain"],
  ] as const)
    expect(text.slice(found?.span.start, found?.span.end)).toBe(name);
});

test("a model's parameters are found in the cells that it scans, in other files too", () => {
  const { parameters, targets, files } = said("model.cell");
  expect(files.map(({ path }) => path)).toEqual(["model.cell", "base.cell"]);
  expect(parameters.get("plain/W")?.span.file).toBe("base.cell");
  expect(targets.get("y")?.comment).toEqual(["What is to be found."]);
  expect(parameters.get("top/s/g")?.norm).toMatchObject({ name: "layer", option: "gamma" });
});

test("nothing is said of the value of a parameter that two cells of a model begin differently", () => {
  expect(said("model.cell").parameters.get("plain/U")?.declared).toBe("");
  expect(said("model.cell").parameters.get("plain/W")?.declared).toBe("[D, H] = orthogonal");
});

test("a derivation's own value of a parameter counts, and its comment", () => {
  const { parameters, entry } = said("model.cell", { entry: "other" });
  expect(parameters.get("U")).toMatchObject({ declared: "[H, H] = orthogonal", comment: ["begins elsewhere"] });
  expect(entry.comment).toEqual(["A plain cell."]);
});

test("a state that two cells of a model have is not guessed", () => {
  expect([...said("model.cell").states.keys()]).toEqual([]);
});

test("a model without a comment has that of its file", () => {
  expect(said("model.cell").entry.comment).toEqual(["A model of two cells."]);
});
