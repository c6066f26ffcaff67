import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../runtime");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const importsOf = (file: string) => {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/ from "([^"]+)";$|\bimport\("([^"]+)"\)/gm)].map(([, name, dynamic]) => name ?? dynamic);
};

/** Loads gpu.js, if WebGL2 is what runs. */
const GPU_JS = join("webgl2", "gpu-js.ts");

test("the runtime imports nothing from the compiler, the targets or a package", () => {
  const outside = files.flatMap((file) => {
    const foreign = importsOf(file).filter(
      (name) => !name.startsWith("node:") && !isInside(file, name) && !(file === GPU_JS && name === "gpu.js"),
    );
    return foreign.map((name) => `${file}: ${name}`);
  });
  expect(files.length).toBeGreaterThan(10);
  expect(outside).toEqual([]);
});

test("only runtime/node imports from Node", () => {
  const users = files.filter((file) => importsOf(file).some((name) => name.startsWith("node:")));
  expect(users.length).toBeGreaterThan(0);
  expect(users.filter((file) => !file.startsWith(join("node", "/")))).toEqual([]);
});

function isInside(file: string, name: string): boolean {
  return name.startsWith(".") && join(root, file, "..", name).startsWith(root);
}
