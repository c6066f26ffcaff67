/** The packages that `npm run build` bundles, so that who installs cellc does not install them and what they need. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The one source file that imports each. */
export const bundledPackages: Readonly<Record<string, string>> = {
  chevrotain: "compiler/syntax/chevrotain.ts",
  "@dagrejs/dagre": "cli/draw/dagre.ts",
  "@observablehq/plot": "cli/report/plot.ts",
  linkedom: "cli/report/linkedom.ts",
  "cli-progress": "cli/progress-bar.ts",
  "csv-parse": "cli/data/formats/csv-parse.ts",
  hyparquet: "cli/data/formats/hyparquet.ts",
  "hyparquet-compressors": "cli/data/formats/hyparquet.ts",
  "fflate/browser": "cli/data/predictions/fflate.ts",
  "protobufjs/light.js": "cli/protobuf.ts",
  jsfive: "cli/import/hdf5-file.ts",
};

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Writes those source files as JavaScript with their packages in it to the new folder `folder`, each as a module of the source's name,
 * and the packages' licences to the file `licences`. Throws for a package that does not say under which licence it comes.
 */
export async function bundlePackages(folder: string, licences: string): Promise<void> {
  const packages = new Set<string>();
  for (const source of new Set(Object.values(bundledPackages))) {
    // What is not of the command line runs in a page, too. In Node, old modules ask for its parts by `require`.
    const forNode = source.startsWith("cli/");
    const requires = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
    const { metafile } = await build({
      ...{ entryPoints: [source], absWorkingDir: ROOT, outfile: join(folder, basename(source, ".ts")).concat(".js") },
      ...{ bundle: true, format: "esm", platform: forNode ? "node" : "browser", target: "node20.19" },
      // Not their names: chevrotain finds rules by them.
      ...{ minifyWhitespace: true, minifySyntax: true },
      ...{ legalComments: "inline", logLevel: "warning", metafile: true },
      banner: {
        js: [
          `/* With packages under licences of their own: ${basename(licences)}. */`,
          ...(forNode ? [requires] : []),
        ].join("\n"),
      },
    });
    for (const input of Object.keys(metafile.inputs)) {
      const [found] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
      if (found !== undefined) packages.add(join(ROOT, found));
    }
  }
  const texts = new Set([...packages].map(licenceOf).sort());
  writeFileSync(licences, [...texts].join(`\n${"-".repeat(80)}\n\n`));
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

/** Name, version and licence of the package in `folder`. */
function licenceOf(folder: string): string {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as PackageFile;
  const file = readdirSync(folder).find((path) => /^(?:licen[cs]e|copying)/i.test(path));
  const by = typeof author === "object" ? author.name : author;
  if (license === undefined && file === undefined) throw new Error(`${name} does not say under which licence it comes`);
  const text = file === undefined ? `By ${by ?? "its authors"}.` : readFileSync(join(folder, file), "utf8").trim();
  return `${name} ${version} (${license ?? "see below"})\n\n${text}\n`;
}
