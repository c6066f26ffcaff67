import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encoderOf, inOrder, makeVocabulary, UNKNOWN, UnknownSymbol } from "../../../cli/data/vocabulary.ts";

const symbol = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.constant(UNKNOWN),
);
const entries = fc.uniqueArray(fc.tuple(symbol, fc.integer({ min: 1, max: 5 })), {
  selector: ([name]) => name,
  maxLength: 20,
});
const options = fc.record({ most: fc.option(fc.integer({ min: 2, max: 12 }), { nil: undefined }) });
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

describe("a vocabulary", () => {
  test("does not depend on the order in which symbols come", () =>
    fc.assert(
      fc.property(
        entries.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        options,
        ([a, b], option) => {
          expect(makeVocabulary(new Map(b), option)).toEqual(makeVocabulary(new Map(a), option));
        },
      ),
    ));

  test("loses no count, has each name once, and its symbols are encoded as their places", () =>
    fc.assert(
      fc.property(entries, options, (all, option) => {
        const vocabulary = makeVocabulary(new Map(all), option);
        expect(sum(vocabulary.counts)).toBe(sum(all.map(([, count]) => count)));
        expect(new Set(vocabulary.names).size).toBe(vocabulary.names.length);
        expect(vocabulary.names.map(encoderOf(vocabulary))).toEqual(vocabulary.names.map((_, place) => place));
        expect(JSON.parse(JSON.stringify(vocabulary))).toEqual(vocabulary);
      }),
    ));

  test("of limited size keeps none that is rarer than one it leaves out", () =>
    fc.assert(
      fc.property(entries, fc.integer({ min: 2, max: 12 }), (all, most) => {
        const { names, counts, unknown } = makeVocabulary(new Map(all), { most });
        expect(names.length).toBeLessThanOrEqual(most);
        expect([names.at(-1), unknown]).toEqual([UNKNOWN, true]);
        const left = all.filter(([name]) => !names.includes(name)).map(([, count]) => count);
        expect(Math.max(0, ...left)).toBeLessThanOrEqual(Math.min(6, ...counts.slice(0, -1)));
        const encode = encoderOf({ names, unknown });
        for (const [name] of all) expect(names[encode(name)]).toBe(names.includes(name) ? name : UNKNOWN);
      }),
    ));

  test("puts numbers in order of size, texts behind them, and the unknown last", () => {
    const counts = new Map([
      ["b", 1],
      ["10", 1],
      ["9", 1],
      [UNKNOWN, 3],
      ["-1", 1],
      ["", 2],
      ["B", 1],
    ]);
    expect(makeVocabulary(counts, { unknown: true }).names).toEqual(["-1", "9", "10", "", "B", "b", UNKNOWN]);
    expect(makeVocabulary(counts).names).toEqual(["-1", "9", "10", "", "<unk>", "B", "b"]);
    expect(
      makeVocabulary(
        new Map([
          ["a", 3],
          ["b", 1],
          ["c", 2],
        ]),
        { most: 2 },
      ),
    ).toEqual({ names: ["a", UNKNOWN], counts: [3, 3], unknown: true });
  });

  test("without an unknown symbol refuses those that it lacks, and a limit", () => {
    const vocabulary = makeVocabulary(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    expect(() => encoderOf(vocabulary)("c")).toThrow(new UnknownSymbol("c"));
    expect(() =>
      makeVocabulary(
        new Map([
          ["a", 1],
          ["b", 1],
          ["c", 1],
        ]),
        { most: 2, unknown: false },
      ),
    ).toThrow(RangeError);
    for (const most of [1, 2.5, Number.NaN]) expect(() => makeVocabulary(new Map(), { most })).toThrow(RangeError);
  });
});

test("the order of symbols is an order", () =>
  fc.assert(
    fc.property(symbol, symbol, symbol, (a, b, c) => {
      expect(Math.sign(inOrder(a, b)) + Math.sign(inOrder(b, a))).toBe(0);
      expect(inOrder(a, b) === 0).toBe(a === b);
      if (inOrder(a, b) <= 0 && inOrder(b, c) <= 0) expect(inOrder(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 1000 },
  ));
