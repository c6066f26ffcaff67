/**
 * The last step of `npm run build`: what users load is a few files instead of the many that the type checker writes. Node takes a tenth
 * of a millisecond and more for each, and a compilation would load 290.
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { packed } from "../../compiler/semantics/prelude/packed.ts";
import { preludeTexts } from "../../compiler/semantics/prelude/texts.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import { bundledPackages, bundlePackages } from "./bundled-packages.ts";
import { exportedModules } from "./package-exports.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where the bundles come: all in one folder, so that each finds the runtime at the same place. */
const BUNDLES = "cli";
/** In that folder, where the packages come. */
const PACKAGES = "packages";
/** Where their licences stand, beside the code. */
const LICENCES = "third-party-licenses.txt";
/** What is bundled. The runtime stays as it is: the bundlers of applications take what they need of it. */
const BUNDLED = [BUNDLES, "compiler", "targets"];

/** What a report's page consists of, read from beside the code where it is written. */
const PAGE_FILES = ["page.css", "charts.js", "page.js"];

/** The module that parses the prelude. A distribution has the trees instead. */
const TREES = "compiler/semantics/prelude/trees.ts";

/**
 * Turns what the type checker wrote to `folder` into what is published. Declarations and the runtime stay; what the package exports
 * beside it, the command and the module of its threads become bundles, which share their parts.
 */
export async function distribute(folder: string): Promise<void> {
  for (const part of BUNDLED) removeScripts(join(folder, part));
  await bundlePackages(join(folder, BUNDLES, PACKAGES), join(folder, LICENCES));
  await build({
    entryPoints: entries(),
    ...{ bundle: true, splitting: true, format: "esm", platform: "node", target: "node20.19", packages: "external" },
    ...{ outdir: join(folder, BUNDLES), legalComments: "inline", logLevel: "warning" },
    plugins: [elsewhere],
    // Names and lines of our sources, without a copy of them.
    ...{ sourcemap: true, sourcesContent: false },
  });
  mkdirSync(join(folder, BUNDLES), { recursive: true });
  for (const file of PAGE_FILES) copyFileSync(join(ROOT, "cli/report/page", file), join(folder, BUNDLES, file));
}

/** The sources whose bundles have names: what the package exports, the command, and the module of its threads. */
function entries(): Readonly<Record<string, string>> {
  const exported = exportedModules().filter(({ file }) => file.startsWith(`dist/${BUNDLES}/`));
  return {
    ...Object.fromEntries(exported.map(({ file, source }) => [basename(file, ".js"), join(ROOT, source)])),
    main: join(ROOT, "cli/main.ts"),
    "row-worker": join(ROOT, "cli/explore/row-worker.ts"),
  };
}

/** What is not in the bundles: the runtime, so that there is one; packages; and the parser's work on the prelude. */
const elsewhere: Plugin = {
  name: "elsewhere",
  setup({ onResolve, onLoad }) {
    const packages = new Set(Object.values(bundledPackages));
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const source = relative(ROOT, join(resolveDir, path));
      const script = source.replace(/\.ts$/, ".js");
      if (source.startsWith("runtime/")) return { path: `../${script}`, external: true };
      return packages.has(source) ? { path: `./${PACKAGES}/${basename(script)}`, external: true } : undefined;
    });
    onLoad({ filter: /trees\.ts$/ }, ({ path }) =>
      relative(ROOT, path) === TREES
        ? { contents: preludeTrees(), resolveDir: dirname(path), loader: "js" }
        : undefined,
    );
  },
};

/** A module like `prelude/trees.ts`, whose trees are there already. Throws if there are diagnostics about the prelude. */
export function preludeTrees(): string {
  const trees = preludeTexts.map(([path, text]) => {
    const { file, diagnostics } = parse(text, path);
    if (diagnostics.length > 0) throw new Error(`${path}: ${diagnostics[0].message}`);
    return `  [${JSON.stringify(path)}]: ${JSON.stringify(packed(file))},`;
  });
  return [
    'import { unpacked } from "./packed.ts";',
    "const trees = {",
    ...trees,
    "};",
    "export const preludeTree = (text, path) => ({ file: unpacked(trees[path], path), diagnostics: [] });",
    "",
  ].join("\n");
}

/** Removes the JavaScript in a folder, and its maps: that of the type checker, and bundles of other times. Declarations stay. */
function removeScripts(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (/\.js(?:\.map)?$/.test(file)) rmSync(join(folder, file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await distribute(join(ROOT, "dist"));
