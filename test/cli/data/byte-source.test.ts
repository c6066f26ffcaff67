import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBytes } from "../../../cli/data/byte-source.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-bytes-"));
});
afterAll(() => rm(folder, { recursive: true }));

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));

async function* piecewise(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function allOf(path: string, stdin: Uint8Array = new Uint8Array()) {
  const source = await openBytes(path, piecewise(stdin));
  const read = async (): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of source.stream()) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const whole = await source.whole();
  const part = Buffer.from(await whole.read(1000, 2500));
  whole.close();
  return { first: await read(), second: await read(), size: whole.size, part };
}

describe("the bytes of a file", () => {
  test.each([
    ["as they are", false, false],
    ["of a gzip stream", true, false],
    ["of standard input", false, true],
    ["of a gzip stream in standard input", true, true],
  ])("%s come whole, twice, and by position", async (_, gzip, stdin) => {
    const bytes = gzip ? gzipSync(content) : content;
    const path = stdin ? "-" : join(folder, "data.csv");
    if (!stdin) await writeFile(path, bytes);
    const { first, second, size, part } = await allOf(path, stdin ? bytes : undefined);
    expect(first.equals(content)).toBe(true);
    expect(second.equals(content)).toBe(true);
    expect(size).toBe(content.length);
    expect(part.equals(content.subarray(1000, 2500))).toBe(true);
  });

  test.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 9), "C0402", "damaged gzip stream"],
    [
      "turned",
      (bytes: Buffer) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 0xff : byte)),
      "C0402",
      "damaged gzip stream",
    ],
  ])("of a gzip stream that is %s are refused", async (_, damage, code, words) => {
    const path = join(folder, "damaged.gz");
    await writeFile(path, damage(gzipSync(content)));
    await expect(allOf(path)).rejects.toMatchObject({ code, exitCode: 1, message: expect.stringContaining(words) });
  });

  test("that is not there, or a folder, are refused", async () => {
    await expect(allOf(join(folder, "none"))).rejects.toMatchObject({ code: "C0401", exitCode: 1 });
    await expect(allOf(folder)).rejects.toMatchObject({
      code: "C0401",
      message: expect.stringContaining("it is a folder"),
    });
  });
});
