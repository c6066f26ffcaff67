import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { formatRows } from "../../../../cli/data/formats/rows.ts";
import { fileOf, sequencesOf, sourceOf } from "./read.ts";
import { npy, npz, safetensors } from "./write-arrays.ts";

const x = { type: "f4", shape: [1, 2], data: [1, 2] } as const;

/** A file of each format, with a sequence of two steps. */
const files: Readonly<Record<string, string | Uint8Array>> = {
  NPY: npy(x),
  NPZ: npz({ x }),
  safetensors: safetensors({ x }),
  JSONL: '{"x": [1, 2]}\n',
  TS: "@classLabel false\n@data\n1,2\n",
  UCR: "3\t1\t2\n",
  text: "12",
  bAbI: "1 Who?\tI\n",
};

test.each(formatRows)(
  "$name is opened by its row, gzipped or not, and recognised where it can be",
  async ({ name, open, recognised, doc }) => {
    const data = Buffer.from(files[name]);
    for (const bytes of [data, gzipSync(data)]) {
      const found = await sequencesOf(await open(await sourceOf(await fileOf("a", bytes)), { missing: "refused" }));
      expect(found.map(({ steps }) => steps)).toEqual([2]);
    }
    expect(doc).not.toBe("");
    if (recognised === undefined) return;
    const alike = Object.entries(files).filter(([, other]) => recognised(Buffer.from(other).subarray(0, 64)));
    expect(alike.map(([other]) => other)).toEqual([name]);
  },
);

test("every file has a row, and no extension two", () => {
  expect(formatRows.map(({ name }) => name)).toEqual(Object.keys(files));
  const extensions = formatRows.flatMap((row) => row.extensions);
  expect(new Set(extensions).size).toBe(extensions.length);
});
