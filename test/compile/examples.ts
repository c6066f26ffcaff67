/** What the folders of examples declare, found by being there. */
import { readdirSync } from "node:fs";
import { fileHost } from "../../cli/api/file-host.ts";
import { declarations } from "../../compiler/semantics/elaborate.ts";

/** A declaration: its file and its name. */
export interface Example {
  readonly path: string;
  readonly entry: string;
}

/** The folders whose cells and models are tested as somebody would compile them. */
export const exampleFolders = ["examples", "examples/cells", "examples/models", "examples/paper"] as const;

/** Declarations of these kinds in the `.cell` files of a folder, without those of its folders. */
export function examplesIn(folder: string, ...kinds: readonly ("cell" | "model")[]): readonly Example[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".cell"))
    .flatMap((file) => {
      const path = `${folder}/${file}`;
      return declarations(path, fileHost)
        .filter(({ kind }) => kinds.some((wanted) => wanted === kind))
        .map(({ name }) => ({ path, entry: name }));
    });
}
