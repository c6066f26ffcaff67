import { existsSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { readTree, root, treeFiles } from "./tree.ts";

const documents = treeFiles(".md");
const scripts = new Set(Object.keys((JSON.parse(readTree("package.json")) as { scripts: object }).scripts));

test("every link of a document leads to a file of the tree", () => {
  const broken = documents.flatMap((file) =>
    [...readTree(file).matchAll(/\]\(([^)\s#]+)[^)]*\)|(?:src|href)="([^"#]+)"/g)]
      .map((match) => match[1] ?? match[2])
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(posix.join(root, posix.dirname(file), link)))
      .map((link) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test("every link to a heading leads to one", () => {
  const broken = documents.flatMap((file) =>
    [...readTree(file).matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)]
      .map(([, path, heading]) => ({ page: path === "" ? file : posix.join(posix.dirname(file), path), heading }))
      .filter(({ page, heading }) => documents.includes(page) && !headingsOf(page).has(heading))
      .map(({ page, heading }) => `${file}: ${page}#${heading}`),
  );
  expect(broken).toEqual([]);
});

/** The headings of a page as links spell them: lower case, without punctuation, words joined by hyphens. */
const headingsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...readTree(page).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, "")
        .replace(/ /g, "-"),
    ),
  );

/** Files that the commands write. */
const WRITTEN = ["train.py"];

test("every source file that a document or a comment names exists, or is written by a command", () => {
  const files = [...treeFiles(), ...WRITTEN];
  const isFile = (path: string): boolean => files.some((file) => file === path || file.endsWith(`/${path}`));
  // The import rules tell of imports as somebody might write them.
  const text = treeFiles(".md", ".ts", ".mjs", ".py").filter((file) => file !== "test/house/import-rules.ts");
  const missing = text.flatMap((file) =>
    [...readTree(file).matchAll(/`([\w./-]+\.(?:ts|mjs|py))`/g)]
      .map((match) => match[1])
      .filter((path) => !isFile(path))
      .map((path) => `${file}: ${path}`),
  );
  expect(missing).toEqual([]);
});

test("every npm script that a document names exists", () => {
  const unknown = documents.flatMap((file) =>
    [...readTree(file).matchAll(/\bnpm (?:run ([\w:-]+)|(test)\b)/g)]
      .map((match) => match[1] ?? match[2])
      .filter((name) => !scripts.has(name))
      .map((name) => `${file}: npm run ${name}`),
  );
  expect(unknown).toEqual([]);
});

test("no file names a folder of the machine it was written on", () => {
  // A path that starts at the root of the file system, in a folder where people or jobs keep their own files.
  const place = /(?:^|[\s"'`(=:])\/(?:work|home|root|Users|tmp|mnt)\/[\w.-]+/m;
  const text = treeFiles(".ts", ".mjs", ".md", ".json", ".cell", ".py", ".html", ".svg", ".yml", "run");
  const named = text.filter((file) => file !== "package-lock.json").filter((file) => place.test(readTree(file)));
  expect(named).toEqual([]);
});
