import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of public data sets: $CELLC_DATA, else the shared data beside the repository. Throws where neither is. */
export function dataFolder(): string {
  const beside = join(fileURLToPath(import.meta.url), "../../../../../../shared/data");
  const found = [process.env.CELLC_DATA, beside].find(
    (folder) => folder !== undefined && existsSync(join(folder, "ptb")),
  );
  if (found === undefined)
    throw new Error("CELLC_DATA names no folder with the public data sets, and none lies beside");
  return found;
}
