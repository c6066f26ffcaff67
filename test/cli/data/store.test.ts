import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Field, Piece, Recording } from "../../../cli/data/recording.ts";
import { Spool } from "../../../cli/data/spool.ts";
import { Store } from "../../../cli/data/store.ts";

const fields: Readonly<Record<string, Field>> = {
  a: { kind: "number", over: "steps", shape: [2] },
  k: { kind: "symbol", over: "steps" },
  when: { kind: "label", over: "steps" },
  y: { kind: "number", over: "sequence", shape: [] },
  name: { kind: "label", over: "sequence" },
};

const step = fc.record({
  a: fc.tuple(fc.double({ noNaN: true }), fc.double({ noNaN: true })),
  k: fc.constantFrom("x", "y", "z"),
  when: fc.string(),
});
const sequence = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 30 }),
  y: fc.double({ noNaN: true }),
  name: fc.string(),
});

type Sequence = { steps: { a: [number, number]; k: string; when: string }[]; y: number; name: string };

const recordingOf = (sequences: readonly Sequence[], piece: number, path = "a.x"): Recording => ({
  path,
  fields,
  async *pieces() {
    for (const { steps, y, name } of sequences)
      for (let at = 0; at < steps.length; at += piece) {
        const some = steps.slice(at, at + piece);
        const over = {
          a: Float64Array.from(some.flatMap(({ a }) => a)),
          k: some.map(({ k }) => k),
          when: some.map(({ when }) => when),
        };
        yield {
          begins: at === 0,
          steps: some.length,
          values: at === 0 ? { ...over, y: Float64Array.of(y), name: [name] } : over,
        } satisfies Piece;
      }
  },
});

describe("the store", () => {
  test("holds what the reader gave, in memory and on the disk", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sequence, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (sequences, piece, disk) => {
          const store = await Store.fill([{ recording: recordingOf(sequences as Sequence[], piece) }], {
            missing: "refused",
            ...(disk && { limit: 0 }),
          });
          expect(store.lengths).toEqual(sequences.map(({ steps }) => steps.length));
          const { a, k, when, y, name } = Object.fromEntries(store.fields);
          for (const [at, { steps, ...whole }] of sequences.entries()) {
            const from = Math.floor(steps.length / 3);
            const rows = await store.rows(at, from, steps.length);
            const row = await store.row(at);
            expect(row[y.column]).toBe(whole.y);
            expect(await store.label(row[name.column])).toBe(
              new TextDecoder().decode(new TextEncoder().encode(whole.name)),
            );
            for (let t = from; t < steps.length; t++) {
              const start = (t - from) * store.width;
              expect([rows[start + a.column], rows[start + a.column + 1]]).toEqual(steps[t].a);
              expect(k.symbols[rows[start + k.column]]).toBe(steps[t].k);
              expect(await store.label(rows[start + when.column])).toBe(
                new TextDecoder().decode(new TextEncoder().encode(steps[t].when)),
              );
            }
          }
          store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  const gaps: Sequence[] = [
    { steps: [1, Number.NaN, Number.NaN, 4].map((v) => ({ a: [v, 0], k: "x", when: "" })), y: 1, name: "" },
    { steps: [Number.NaN, 6].map((v) => ({ a: [v, 0], k: "x", when: "" })), y: 1, name: "" },
  ];
  const firstColumn = async (store: Store): Promise<number[][]> =>
    Promise.all(
      store.lengths.map(async (steps, at) =>
        [...(await store.rows(at, 0, steps))].filter((_, i) => i % store.width === 0),
      ),
    );

  test("fills what is missing with what stood before it in its sequence, and counts it", async () => {
    const store = await Store.fill([{ recording: recordingOf(gaps, 3) }], { missing: "previous" });
    expect(await firstColumn(store)).toEqual([
      [1, 1, 1, 4],
      [Number.NaN, 6],
    ]);
    expect(store.fields.get("a")?.missing).toBe(3);
  });

  test("refuses what is missing unless it is told otherwise, and names the place", async () => {
    await expect(Store.fill([{ recording: recordingOf(gaps, 3) }], { missing: "refused" })).rejects.toMatchObject({
      code: "C0402",
      message: "a.x: a is missing in sequence 1, step 2",
    });
  });

  test("refuses files that do not go together", async () => {
    const other: Recording = {
      ...recordingOf(gaps, 3, "b.x"),
      fields: { ...fields, a: { kind: "number", over: "steps", shape: [3] } },
    };
    await expect(
      Store.fill([{ recording: recordingOf(gaps, 3) }, { recording: other }], { missing: "kept" }),
    ).rejects.toMatchObject({
      code: "C0406",
      message:
        "b.x does not go with the files before it: a is numbers [3] over steps in it, and numbers [2] over steps in them",
    });
  });

  test("says whether a field is the same at all steps of each sequence", async () => {
    const of = (k: string) =>
      ({
        steps: [
          { a: [1, 2], k, when: "" },
          { a: [1, 3], k, when: "" },
        ],
        y: 1,
        name: "",
      }) as Sequence;
    const store = await Store.fill([{ recording: recordingOf([of("x"), of("y")], 1) }], { missing: "refused" });
    expect(store.fields.get("k")?.constant).toBe(true);
    const changing = await Store.fill(
      [{ recording: recordingOf([{ ...of("x"), steps: [...of("x").steps, ...of("y").steps] }], 1) }],
      { missing: "refused" },
    );
    expect(changing.fields.get("k")?.constant).toBe(false);
  });
});

test("bytes beyond the limit go to the disk, chunk by chunk, and read as before", async () => {
  const spool = new Spool(2 ** 21);
  const bytes = new Uint8Array(5 * 2 ** 20 + 12_345).map((_, i) => (i * 31 + (i >> 11)) % 251);
  for (let at = 0; at < bytes.length; at += 70_001) spool.append(bytes.subarray(at, at + 70_001));
  expect(spool.isOnDisk).toBe(true);
  for (const [from, to] of [
    [0, 10],
    [2 ** 20 - 5, 2 ** 20 + 5],
    [4 * 2 ** 20 - 9, bytes.length],
    [0, bytes.length],
    [bytes.length - 1, bytes.length],
  ])
    expect(Buffer.from(await spool.read(from, to)).equals(Buffer.from(bytes.subarray(from, to)))).toBe(true);
  spool.close();
});
