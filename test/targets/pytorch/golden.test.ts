/** Whole printed modules, to be read. `--update` writes them anew. */
import { expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { declarations, elaborate } from "../../../compiler/semantics/elaborate.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";
import { importsFor, wordsIn, wrapped } from "../../../targets/pytorch/tidy.ts";

const files = [
  { golden: "lstm", path: "examples/cells/lstm.cell", entry: "lstm", distributed: false },
  { golden: "bnlstm", path: "examples/cells/bnlstm.cell", entry: "bnlstm", distributed: false },
  { golden: "classify", path: "examples/start/classify.cell", entry: "classify", distributed: false },
  { golden: "bnlstm_distributed", path: "examples/cells/bnlstm.cell", entry: "bnlstm", distributed: true },
];

function textOf({ path, entry, distributed }: (typeof files)[number]): string {
  const { graph, dims } = elaborate(path, fileHost, { entry });
  const isCell = declarations(path, fileHost).some(({ name, kind }) => name === entry && kind === "cell");
  const about = { about: [], source: fileHost.read(path)!, dims, steps: 784, momentum: 0.1, isCell, distributed };
  return pytorchModule(moduleForm(graph), about).text;
}

it.each(files)("$golden", async (file) => {
  await expect(textOf(file)).toMatchFileSnapshot(`../../golden/pytorch/${file.golden}.py`);
});

it.each(files)("$golden has no unused import or function, and two blank lines between definitions", (file) => {
  const text = textOf(file);
  const lines = text.split("\n");
  const imported = lines.flatMap((line) => {
    const names = /^(?:from \S+ )?import (.+)$/.exec(line)?.[1].split(", ") ?? [];
    return names.map((name) => name.split(" as ").at(-1)!.split(".")[0]);
  });
  const code = lines.filter((line) => !/^(from|import) /.test(line));
  for (const name of imported) expect(wordsIn(code), name).toContain(name);
  for (const [, name] of text.matchAll(/^def (\w+)/gm)) {
    if (name === "convert_sync") continue;
    expect(text.match(new RegExp(`\\b${name}\\b`, "g"))!.length, name).toBeGreaterThan(1);
  }
  lines.forEach((line, i) => {
    if (/^(class|def) /.test(line)) expect(lines.slice(i - 3, i).map((l) => l === "")).toEqual([false, true, true]);
  });
  const isCode = (line: string): boolean => !/^ *(\/\/|[A-Z`"])/.test(line) && /[=([{]/.test(line);
  expect(lines.filter((line) => line.length > 130 && isCode(line))).toEqual([]);
});

it("imports what is used, in code and not in text", () => {
  const imports = { modules: ["math", "torch"], from: [{ module: "typing", names: ["Dict", "List"] }] };
  expect(importsFor(['"""math"""', "x: List[int] = torch.f"], imports)).toEqual([
    "import torch",
    "from typing import List",
  ]);
});

it("breaks lines where brackets are open", () => {
  const name = "argument".repeat(5);
  const call = `    x = f(${name}, [${name}, ${name}], "a, b")`;
  expect(wrapped([call])).toEqual([
    "    x = f(",
    `        ${name},`,
    `        [${name}, ${name}],`,
    '        "a, b",',
    "    )",
  ]);
  expect(wrapped([`    """${call}"""`])).toEqual([`    """${call}"""`]);
});
