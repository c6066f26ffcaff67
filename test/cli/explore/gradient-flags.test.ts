import { expect, test } from "vitest";
import { gradientFlags } from "../../../cli/explore/gradient-flags.ts";
import type { CurvePoint } from "../../../cli/report/curve-log.ts";

const curve = (norms: readonly (number | undefined)[], loss = (_: number) => 1): readonly CurvePoint[] =>
  norms.map((gradientNorm, at) => ({
    kind: "train",
    step: at + 1,
    epoch: 1,
    loss: loss(at),
    gradientNorm,
    seconds: 0,
  }));

const steady = Array<number>(30).fill(2);

test("norms that vary as they do in good training show nothing", () => {
  expect(gradientFlags(curve(steady.map((norm, at) => norm * 10 ** Math.sin(at))))).toEqual([]);
  expect(gradientFlags(curve([...steady.slice(0, 10), 1e9]))).toEqual([]);
  expect(gradientFlags([])).toEqual([]);
});

test("a norm of more than a thousand times the start has exploded, with its first step", () => {
  expect(gradientFlags(curve([...steady, 3000, 2, 9000]))).toEqual([{ kind: "exploded", step: 31, factor: 1500 }]);
  expect(gradientFlags(curve([...steady, Number.POSITIVE_INFINITY]))[0]).toMatchObject({ kind: "exploded", step: 31 });
  expect(gradientFlags(curve([...steady, Number.NaN]))[0]).toMatchObject({ kind: "exploded", step: 31 });
});

test("norms of almost nothing have vanished, unless there was nothing left to learn", () => {
  const gone = [...steady, ...Array<number>(40).fill(1e-9)];
  expect(gradientFlags(curve(gone))).toEqual([{ kind: "vanished", step: expect.any(Number), factor: 5e-10 }]);
  expect(gradientFlags(curve(gone, (at) => (at < 30 ? 1 : 1e-3)))).toEqual([]);
});
