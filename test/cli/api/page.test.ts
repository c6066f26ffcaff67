/** The compiler in a browser: bundled, it compiles a cell in the page, and what it made is trained there. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, inject, test } from "vitest";
import { closeBrowser, visit } from "../browser.ts";

afterAll(closeBrowser);

/** A model around the example: the class of a sequence is whether its numbers add up to more than 0. */
const model = `
import { bnlstm } from "bnlstm.cell"

model sign(D = 2, H = 8) {
  param V : [H, 2] = orthogonal
  input x : [D] over time
  target y : index(2)
  hs = scan bnlstm(D, H) over x
  loss cross_entropy(last(hs) @ V, y)
}
`;

/** What the page runs. Its texts come from a map, as in an editor. */
const application = `
  import { check, compile, CompileError, render } from "./cli/api/compiler.ts";
  import { Session, wasmBackend } from "./runtime/index.ts";
  import cell from "./examples/cells/bnlstm.cell";

  const texts = { "sign.cell": ${JSON.stringify(model)}, "bnlstm.cell": cell };
  const host = { read: (path) => texts[path], resolve: (from, path) => path };
  const [T, B, D] = [5, 16, 2];

  async function train() {
    const { executable } = compile("sign.cell", { host, batch: B, time: T, place: "cc=none" });
    const session = await Session.open(executable, wasmBackend(), { seed: 1 });
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const losses = [];
    for (let step = 0; step < 60; step++) {
      const x = Float32Array.from({ length: T * B * D }, () => 2 * random() - 1);
      const sum = (b) => x.filter((_, i) => Math.floor(i / D) % B === b).reduce((a, v) => a + v, 0);
      const y = Float32Array.from({ length: B }, (_, b) => Number(sum(b) > 0));
      losses.push((await session.train({ inputs: { x, y }, steps: T, examples: B }, { lr: 2e-2, clip: 1 })).loss);
    }
    return losses;
  }

  function refusal() {
    try {
      compile("sign.cell");
    } catch (error) {
      if (error instanceof CompileError) return render(error.diagnostics);
      throw error;
    }
  }

  const wrong = { ...host, read: (path) => texts[path]?.replace("cross_entropy", "cross_entropie") };
  const said = render(check("sign.cell", { host: wrong }), { host: wrong });
  train().then((losses) => { globalThis.found = { losses, refusal: refusal(), said }; });`;

test("the compiler, bundled without a substitute for Node, compiles bnlstm.cell in a page and trains it there", async () => {
  const folder = await mkdtemp(join(inject("scratch"), "page-"));
  const { outputFiles, warnings } = await build({
    stdin: { contents: application, resolveDir: process.cwd(), loader: "ts" },
    loader: { ".cell": "text" },
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    write: false,
  });
  expect(warnings).toEqual([]);
  await writeFile(
    join(folder, "app.html"),
    `<!doctype html><meta charset="utf-8"><script>${outputFiles[0].text.replaceAll("</script", "<\\/script")}</script>`,
  );
  const { page, errors } = await visit(join(folder, "app.html"));
  const found = await page.waitForFunction("globalThis.found");
  const { losses, refusal, said } = (await found.jsonValue()) as Record<"refusal" | "said", string> & {
    losses: number[];
  };
  expect(errors).toEqual([]);
  const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b) / some.length;
  expect(mean(losses.slice(-10))).toBeLessThan(0.7 * mean(losses.slice(0, 10)));
  expect(refusal).toContain("error[C0309]: `host` is missing, and there are no files here");
  expect(said).toContain("did you mean `cross_entropy`?");
}, 60_000);
