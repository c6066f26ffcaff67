/** The packages that `npm run build` bundles into `dist/`, so that who installs cellc does not install them and what they need. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Where their licences stand, beside the code. */
const LICENCES = "third-party-licenses.txt";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a report's page consists of, read where it is written: the type checker leaves them where they are. */
const PAGE_FILES = ["page.css", "charts.js", "page.js"].map((name) => `cli/report/page/${name}`);

/**
 * Bundles them into the JavaScript that the type checker wrote to `folder`, and writes their licences and the parts of pages there.
 * Throws for a package that does not say under which licence it comes.
 */
export async function bundlePackages(folder: string): Promise<void> {
  for (const file of PAGE_FILES) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(folder, file));
  }
  const packages = new Set<string>();
  for (const source of new Set(Object.values(bundledPackages))) {
    const file = join(folder, source.replace(/\.ts$/, ".js"));
    // What is not of the command line runs in a page, too. In Node, old modules ask for its parts by `require`.
    const forNode = source.startsWith("cli/");
    const requires = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
    const { metafile } = await build({
      entryPoints: [file],
      outfile: file,
      allowOverwrite: true,
      bundle: true,
      format: "esm",
      platform: forNode ? "node" : "browser",
      legalComments: "inline",
      logLevel: "warning",
      metafile: true,
      banner: {
        js: [`/* With packages under licences of their own: ${LICENCES}. */`, ...(forNode ? [requires] : [])].join(
          "\n",
        ),
      },
    });
    for (const input of Object.keys(metafile.inputs)) {
      const [found] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
      if (found !== undefined) packages.add(found);
    }
  }
  const licences = [...packages].map(licenceOf).sort();
  writeFileSync(join(folder, LICENCES), `${[...new Set(licences)].join(`\n${"-".repeat(80)}\n\n`)}`);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("../../dist/", import.meta.url));
  if (!existsSync(folder)) throw new Error("there is no dist/: npm run build makes it");
  await bundlePackages(folder);
}
