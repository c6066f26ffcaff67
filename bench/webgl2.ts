/**
 * What does gpu.js cost in a browser, and where does the backend for WebGL2 drive its programs instead of calling its kernels? Run
 * `npx tsx bench/webgl2.ts [ROUNDS]`: passes, uploads, read-backs and textures in the system's Chromium, raw, through gpu.js's public
 * API and as the backend does it, all in one page and in turn. Chromium runs WebGL2 on SwiftShader, a program on the processor: a pass
 * is dear there, so that ratios are lower bounds. Results go to `results/webgl2.json`.
 */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { fileHost } from "../cli/api/file-host.ts";
import { positiveWholeNumber } from "../cli/options.ts";
import { compile } from "../compiler/compile.ts";
import { glsl } from "../targets/glsl/target.ts";
import { machine, summarize, table, writeResult } from "./measure.ts";
import { median } from "./median.ts";
import type { Measured, Repetitions, Trained } from "./webgl2-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const RESULT = fileURLToPath(new URL("results/webgl2.json", import.meta.url));
const CHROMIUM = "/usr/bin/chromium";
const ADDRESS = "http://localhost/";
/** Enough that waiting for the last is negligible, and so short that all ways see the same of what else the machine does. */
const repetitions = { passes: 200, others: 50, runs: 1 } as const;
/** Sequential MNIST by rows, so small that a processor spends most of the time on other things than numbers. */
const [B, T, D, H] = [16, 28, 28, 32];

/** WebGL2 without a GPU. */
const args = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];

const rounds = positiveWholeNumber(process.argv[2] ?? "31");
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("webgl2-page.ts", import.meta.url))],
  bundle: true,
  format: "iife",
  write: false,
});
const browser = await chromium.launch({ executablePath: CHROMIUM, args });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  // A page that shares nothing with others has a finer clock.
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  await page.route(ADDRESS, (route) => route.fulfill({ headers, contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(ADDRESS);
  await page.addScriptTag({ content: outputFiles[0].text });
  const trained = ["lstm", "bnlstm"].map((cell): Trained => {
    const options = { dims: { D, H }, batch: B, time: T, entries: ["train"] } as const;
    const { executable } = compile(`${root}examples/cells/${cell}.cell`, options, glsl, fileHost);
    return { name: `training on ${T} steps, ${cell}`, executable, steps: T };
  });
  const { device, samples }: Measured = await page.evaluate(
    `measure(${JSON.stringify({ ...repetitions, rounds } satisfies Repetitions)}, ${JSON.stringify(trained)})`,
  );
  const rows = Object.entries(samples).flatMap(([name, ways]) => {
    const [first] = Object.values(ways).map(({ all }) => median(all));
    return Object.entries(ways).map(([way, { all, page }]) => ({
      ...{ case: name, way, microseconds: summarize(all), ratio: median(all) / first },
      ...(page.length > 0 && { pageMicroseconds: summarize(page) }),
    }));
  });
  console.log(`${device}; ${rounds} rounds, medians\n`);
  console.log(
    table(
      ["µs", "until done", "÷ first", "busy page"],
      rows.map(({ case: name, way, microseconds, ratio, pageMicroseconds }) => [
        `${name}: ${way}`,
        microseconds.median.toFixed(1),
        ratio.toFixed(2),
        pageMicroseconds?.median.toFixed(1) ?? "",
      ]),
    ),
  );
  const browserVersion = browser.version();
  await writeResult(RESULT, {
    date: new Date().toISOString(),
    machine: machine(),
    device,
    browser: browserVersion,
    rows,
  });
} finally {
  await browser.close();
}
