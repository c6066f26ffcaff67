import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import envPaths from "env-paths";
import { describe, expect, test } from "vitest";
import { cacheFolder } from "../../../cli/cache-folder.ts";
import { loadMnist } from "../../../cli/data/mnist.ts";
import { Failure } from "../../../cli/failure.ts";
import { tunedPath } from "../../../cli/tuned.ts";
import { realMnistFolder, SYNTHETIC, syntheticPixel, withFolder, writeSyntheticMnist } from "../../data/mnist.ts";

const silent = { offline: true, say: () => {} };

async function failureOf(run: Promise<unknown>): Promise<Failure> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error(`no Failure but ${String(error)}`);
}

describe("MNIST", () => {
  test("is cached in the folder of XDG_CACHE_HOME, or in the system's", () => {
    const { cache } = envPaths("cellc", { suffix: "" });
    expect(cacheFolder({ XDG_CACHE_HOME: "/c" })).toBe("/c/cellc");
    expect(cacheFolder({ XDG_CACHE_HOME: "", CELLC_DATA: "" })).toBe(cache);
    expect(tunedPath({})).toBe(join(cache, "tuned.json"));
  });

  test.each([
    ["--data", "here", { directory: "here" }],
    ["the mnist folder under --data", "here/mnist", { directory: "here" }],
    ["CELLC_DATA", "there", {}],
    ["the mnist folder under CELLC_DATA", "there/mnist", {}],
    ["the cache", "cache/cellc/mnist", {}],
  ])("is found in %s, gzipped or not", (_, place, { directory }: { directory?: string }) =>
    withFolder(async (folder) => {
      await writeSyntheticMnist(join(folder, place));
      const environment = { CELLC_DATA: join(folder, "there"), XDG_CACHE_HOME: join(folder, "cache") };
      const mnist = await loadMnist({
        ...silent,
        directory: directory === undefined ? undefined : join(folder, directory),
        environment,
      });
      expect([mnist.train.count, mnist.test.count]).toEqual([SYNTHETIC.train, SYNTHETIC.test]);
      expect([mnist.train.rows, mnist.train.columns]).toEqual([28, 28]);
      expect(mnist.test.pixels[3 * 784 + 5]).toBe(syntheticPixel(3, 5));
      expect(mnist.train.labels[27]).toBe(7);
    }),
  );

  test("that is nowhere is C0405, which names every place, what it lacks, and what to do", () =>
    withFolder(async (folder) => {
      const [none, cache] = [join(folder, "none"), join(folder, "cache")];
      const failure = await failureOf(
        loadMnist({ ...silent, environment: { CELLC_DATA: none, XDG_CACHE_HOME: cache } }),
      );
      expect(failure.code).toBe("C0405");
      expect(failure.exitCode).toBe(3);
      expect(failure.message).toContain(`${none}: none of the files`);
      expect(failure.message).toContain(`${join(none, "mnist")}: none of the files`);
      expect(failure.message).toContain(`${join(cache, "cellc/mnist")}: lacks train-images-idx3-ubyte, `);
      expect(failure.message).toContain("--offline");
      expect(failure.help).toMatch(/--data DIR or CELLC_DATA.*digits, adding/);
    }));

  test("that a named folder holds in part, damaged or not, is not read from another place instead", () =>
    withFolder(async (folder) => {
      const [named, whole] = [join(folder, "named"), join(folder, "whole")];
      await writeSyntheticMnist(whole);
      await mkdir(named);
      const images = await readFile(join(whole, "train-images-idx3-ubyte.gz"));
      await writeFile(join(named, "train-images-idx3-ubyte.gz"), images.subarray(0, images.length / 2));
      for (const options of [
        { directory: named, environment: { CELLC_DATA: whole } },
        { environment: { CELLC_DATA: named, XDG_CACHE_HOME: join(whole, "..") } },
      ]) {
        const failure = await failureOf(loadMnist({ ...silent, ...options }));
        expect(failure.code).toBe("C0405");
        expect(failure.message).toContain(`${named}: lacks train-labels-idx1-ubyte`);
      }
    }));

  test("cut anywhere in a gzipped file is C0402", () =>
    withFolder(async (folder) => {
      await writeSyntheticMnist(folder);
      const path = join(folder, "train-labels-idx1-ubyte.gz");
      const whole = await readFile(path);
      for (let length = 0; length < whole.length; length += 3) {
        await writeFile(path, whole.subarray(0, length));
        const failure = await failureOf(loadMnist({ ...silent, directory: folder, environment: {} }));
        expect([failure.code, failure.exitCode], `${length} bytes`).toEqual(["C0402", 1]);
        expect(failure.message).toContain(path);
      }
    }));

  test("that is elsewhere is not read in place of a folder that --data names", () =>
    withFolder(async (folder) => {
      await writeSyntheticMnist(folder);
      await writeSyntheticMnist(join(folder, "cellc/mnist"));
      const environment = { CELLC_DATA: folder, XDG_CACHE_HOME: folder };
      const none = join(folder, "none");
      const failure = await failureOf(
        loadMnist({ ...silent, offline: false, directory: none, environment, mirrors: ["http://127.0.0.1:1/"] }),
      );
      expect(failure.code).toBe("C0405");
      expect(failure.message).toContain(`${none}: none of the files`);
      expect(failure.message).toContain("elsewhere: not looked, because of --data");
      expect(failure.message).not.toContain("127.0.0.1");
    }));

  test("that no mirror has is C0405 with each mirror's answer", () =>
    withFolder(async (folder) => {
      const said: string[] = [];
      const failure = await failureOf(
        loadMnist({
          offline: false,
          say: (line) => said.push(line),
          environment: { XDG_CACHE_HOME: folder },
          mirrors: ["http://127.0.0.1:1/a/", "http://127.0.0.1:1/b/"],
        }),
      );
      expect(said).toEqual([`fetching train-images-idx3-ubyte.gz into ${join(folder, "cellc/mnist")}`]);
      expect(failure.code).toBe("C0405");
      expect(failure.message).toContain("http://127.0.0.1:1/a/train-images-idx3-ubyte.gz: ");
      expect(failure.message).toContain("http://127.0.0.1:1/b/train-images-idx3-ubyte.gz: ");
    }));

  test("with a damaged file is C0402 with its path", () =>
    withFolder(async (folder) => {
      await writeSyntheticMnist(folder);
      await writeFile(join(folder, "t10k-labels-idx1-ubyte"), Buffer.from("<html>"));
      const failure = await failureOf(loadMnist({ ...silent, directory: folder, environment: {} }));
      expect(failure.code).toBe("C0402");
      expect(failure.message).toContain(join(folder, "t10k-labels-idx1-ubyte"));
    }));

  test("has the published label counts, or the synthetic set's where the real files are not", () =>
    withFolder(async (folder) => {
      const real = realMnistFolder();
      if (real === undefined) await writeSyntheticMnist(folder);
      const mnist = await loadMnist({ ...silent, directory: real ?? folder, environment: {} });
      const counts = (labels: Uint8Array) =>
        Array.from({ length: 10 }, (_, digit) => labels.reduce((n, label) => n + (label === digit ? 1 : 0), 0));
      const expected =
        real === undefined
          ? { train: Array(10).fill(6), test: Array(10).fill(2) }
          : {
              train: [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
              test: [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
            };
      expect(counts(mnist.train.labels)).toEqual(expected.train);
      expect(counts(mnist.test.labels)).toEqual(expected.test);
    }));
});
