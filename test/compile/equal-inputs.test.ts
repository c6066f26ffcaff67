/** Equal numbers have exactly themselves as their mean, however large they are: what is centred by it is 0, and its variance too. */
import { describe, expect, it } from "vitest";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";

/** Sites before the loop and in it, with one feature and with many, under one norm wherever it is allowed. */
const text = (norm: string, recurrent: string): string => `cell c(D = 6, H = 8) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0.3
  site i  = x
  site xh = x @ Wx
  site hh = h @ Wh
  place i, xh : ${norm}
  place hh : ${recurrent}
  h' = tanh(hh + xh) + 0.1 * sum(x, over feature)
  output i
  output h'
}
`;

/** Above 2^23 f32 has whole numbers alone, and no sum of three of them. */
const values = [123456.7, 10_000_001, 3.7e9].map(Math.fround);

const norms: readonly (readonly [norm: string, recurrent: string])[] = [
  ["batch(gamma = 1, beta = none)", "batch"],
  ["batch(gamma = 1, beta = none, stats = shared)", "batch(stats = shared)"],
  ["sequence(gamma = 1, beta = none)", "batch_renorm(gamma = 1)"],
  ["layer(gamma = 1, beta = none)", "batch"],
  ["group(2, gamma = 1, beta = none)", "batch"],
  ["instance(2, gamma = 1, beta = none)", "batch"],
];

const sizes: readonly Pick<StudyOptions, "batch" | "parts" | "lengths">[] = [
  { batch: 10 },
  { batch: 7, parts: 2 },
  { batch: 64, parts: 3 },
  // The first example is not there any more when others are.
  { batch: 6, lengths: [1, 3, 2, 3, 1, 2] },
];

const T = 3;
/** After an example's last step comes padding that must not count. */
const PADDING = -5e8;

function study(norm: string, recurrent: string, value: number, size: (typeof sizes)[number]): Study {
  const { graph, dims } = compile(text(norm, recurrent));
  const { batch, lengths } = size;
  const isThere = (t: number, b: number): boolean => lengths === undefined || t < lengths[b];
  const x = Float64Array.from({ length: T * batch * dims.D }, (_, k) => {
    const at = Math.floor(k / dims.D);
    return isThere(Math.floor(at / batch), at % batch) ? value : PADDING;
  });
  const momentum = { momentum: [1], momentum_step: [1, 1, 1] };
  return new Study(graph, { dims, ...size, time: T, numbers: { x, ...momentum }, entries: ["estimate"] });
}

const cases = norms.flatMap(([norm, recurrent], n) =>
  sizes.map((size, k) => ({ norm, recurrent, size, value: values[(n + k) % values.length] })),
);

describe.each([
  { place: places.wasm, every: 1 },
  // A shader compiler takes its time: of each norm and each size some.
  { place: places.wgsl, every: 5 },
])("on $place.name", ({ place, every }) => {
  const backend = opened(place);
  it.each(cases.filter((_, k) => k % every === 0))(
    "$value under $norm, and what follows of it under $recurrent: $size",
    async ({ norm, recurrent, size, value }) => {
      const made = study(norm, recurrent, value, size);
      const found = (await made.run(place.target, backend(), ["estimate"])).get("estimate")!;
      expect(found.get("output:i")!.every((y) => y === 0)).toBe(true);
      for (const [key, data] of found) {
        if (!key.startsWith("batch_stat:")) continue;
        if (key.endsWith("/v")) expect([...data], key).toEqual([...data].map(() => 0));
        if (key === "batch_stat:i/m") expect([...data], key).toEqual([...data].map(() => value));
      }
    },
  );
});
