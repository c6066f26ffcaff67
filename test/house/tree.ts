/** The project's own files, as git knows them: tracked, or new and not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Paths from the root, with forward slashes, of every file that ends in one of `endings`; of all files when none is given. */
export function treeFiles(...endings: readonly string[]): readonly string[] {
  const listing = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const files = new Set(listing.split("\0").filter((file) => file !== "" && existsSync(join(root, file))));
  return [...files].filter((file) => endings.length === 0 || endings.some((end) => file.endsWith(end))).sort();
}

/** The text of a file given by its path from the root. */
export function readTree(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
