import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitFiles } from "../../../cli/data/split-files.ts";
import { splitOfName, splitsIn } from "../../../cli/data/split-words.ts";
import { Failure } from "../../../cli/failure.ts";

const split = (...paths: string[]) => splitFiles("folder", paths);

describe("the files of a folder", () => {
  test("are sorted by the words in their names, or in those of their folders", () => {
    expect(split("train.csv", "test.csv", "validation.csv")).toEqual({
      splits: { train: ["train.csv"], validation: ["validation.csv"], test: ["test.csv"] },
    });
    expect(split("Epilepsy_TRAIN.ts", "Epilepsy_TEST.ts")).toEqual({
      splits: { train: ["Epilepsy_TRAIN.ts"], test: ["Epilepsy_TEST.ts"] },
    });
    expect(split("ptb.char.train.txt.gz", "ptb.char.valid.txt", "ptb.char.test.txt")).toEqual({
      splits: { train: ["ptb.char.train.txt.gz"], validation: ["ptb.char.valid.txt"], test: ["ptb.char.test.txt"] },
    });
    expect(split("train/b.jsonl", "train/a.jsonl", "dev/a.jsonl", "my-eval.2024/x.jsonl")).toEqual({
      splits: {
        train: ["train/a.jsonl", "train/b.jsonl"],
        validation: ["dev/a.jsonl"],
        test: ["my-eval.2024/x.jsonl"],
      },
    });
    expect(split("train2.csv", "train10.csv")).toEqual({ splits: { train: ["train2.csv", "train10.csv"] } });
  });

  test("are one whole where no name says a split; words within words say none", () => {
    expect(split("b.csv", "contest.csv", "trained.csv")).toEqual({ whole: ["b.csv", "contest.csv", "trained.csv"] });
    expect(split()).toEqual({ whole: [] });
  });

  test("in shards come in order, and all of them", () => {
    const name = (i: number) => `data/train-0000${i}-of-00003.parquet`;
    expect(split(name(2), name(0), name(1))).toEqual({ splits: { train: [name(0), name(1), name(2)] } });
    expect(() => split(name(0), name(2))).toThrow(/holds 2 of the 3 files `data\/train-…-of-00003\.parquet`/);
    expect(() => split(name(1), name(2), name(3))).toThrow(/holds 3 of the 3/);
  });

  test.each([
    [["train_test.csv"], /says train and test/],
    [["train.csv", "notes.csv"], /holds `notes\.csv`, whose name says no split/],
  ])("%j are refused", (paths, why) => {
    const refuse = () => split(...paths);
    expect(refuse).toThrow(why);
    expect(refuse).toThrow(Failure);
  });

  test("of any names are all there, once", () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc
            .tuple(
              fc.constantFrom("train", "valid", "test", "eval", "x"),
              fc.constantFrom("a", "b", "1", "2"),
              fc.constantFrom("-", "_", "/", "."),
            )
            .map(([a, b, mark]) => `${a}${mark}${b}.csv`),
        ),
        (paths) => {
          let found: ReturnType<typeof split>;
          try {
            found = split(...paths);
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
            return;
          }
          const all = "whole" in found ? found.whole : Object.values(found.splits).flat();
          expect(all.toSorted()).toEqual(paths.toSorted());
        },
      ),
    ));
});

test("splits in names and the names of arrays", () => {
  expect(splitsIn("train-00000-of-00002")).toEqual(["train"]);
  expect(splitsIn("X.Training")).toEqual(["train"]);
  expect(splitsIn("latest")).toEqual([]);
  expect(splitOfName("x_train")).toEqual({ name: "x", split: "train" });
  expect(splitOfName("val_x")).toEqual({ name: "x", split: "validation" });
  expect(splitOfName("x_mean")).toEqual({ name: "x_mean", split: undefined });
  expect(splitOfName("train")).toEqual({ name: "train", split: undefined });
});
