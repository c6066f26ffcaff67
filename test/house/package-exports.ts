/** What the package exports, as package.json says. */
import { readTree } from "./tree.ts";

export interface ExportedModule {
  /** As programs import it: `cellc/compiler`. */
  readonly name: string;
  /** The source, by its path in the tree. */
  readonly source: string;
  /** The module that is loaded, by its path in the package. */
  readonly file: string;
}

interface PackageFile {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default?: string }>>;
}

/** Without folders, files and what is types alone. */
export function exportedModules(): readonly ExportedModule[] {
  const { exports } = JSON.parse(readTree("package.json")) as PackageFile;
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" || target.default === undefined
      ? []
      : [
          {
            name: path.replace(/^\./, "cellc"),
            source: target.types.replace(/^\.\/dist\/(.*)\.d\.ts$/, "$1.ts"),
            file: target.default.replace("./", ""),
          },
        ],
  );
}
