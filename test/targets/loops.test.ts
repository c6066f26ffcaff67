import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KExpr, Kernel, KStmt } from "../../compiler/kernel-ir/types.ts";
import * as b from "./build.ts";
import { openDevice } from "./gpu.ts";
import { interpret } from "./interpret.ts";
import { runWasm, runWgsl } from "./run.ts";
import { samples } from "./samples.ts";

const size = 4096;
const times = { t: 3, T: 5 };
/** Whole numbers, so that every sum is exact in f32 and targets must agree to the bit. */
const memory = {
  input: Float32Array.from({ length: size }, (_, at) => (Math.imul(at, 0x9e3779b1) >>> 20) - 2048),
  work: new Float32Array(48),
};

/** An integer in scope, and the largest value it takes; the smallest is 0. */
interface Known {
  readonly e: KExpr;
  readonly most: number;
}

/** A kernel of random loops, lets, branches and indices, each choice the next number of `tape`. All indices are in memory. */
function randomKernel(tape: readonly number[]): Kernel {
  let at = 0;
  const choose = (count: number): number => (at < tape.length ? tape[at++] % count : 0);
  let fresh = 0;

  /** A sum of products that stays below 1000, at times counted down from its largest value. */
  const linear = (known: readonly Known[]): Known => {
    let sum: Known = { e: b.int(choose(40)), most: 40 };
    for (let terms = choose(4); terms > 0; terms--) {
      const term = known[choose(known.length)];
      const factor = 1 + choose(12);
      const product: Known = { e: b.times(term.e, factor), most: term.most * factor };
      if (sum.most + product.most > 1000) break;
      const e =
        choose(4) === 0
          ? b.plus(sum.e, b.minus(product.most, product.e))
          : choose(2) === 0
            ? b.plus(sum.e, product.e)
            : b.plus(product.e, sum.e);
      sum = { e, most: sum.most + product.most };
    }
    return sum;
  };
  const integer = (known: readonly Known[]): Known => {
    const whole = linear(known);
    switch (choose(8)) {
      case 0:
        return { e: b.rem(whole.e, 7), most: 6 };
      case 1:
        return { e: b.over(whole.e, 3), most: Math.floor(whole.most / 3) };
      case 2:
        return { e: b.most(b.minus(whole.e, 9), 0), most: whole.most };
      case 3:
        return {
          e: { k: "toInt", a: b.math("abs", b.load("input", b.plus(whole.e, choose(9) === 0 ? 2000 : 1))) },
          most: 2048,
        };
      default:
        return whole;
    }
  };

  const block = (known: readonly Known[], depth: number): KStmt[] => {
    const here = [...known];
    const statements: KStmt[] = [];
    for (let count = 1 + choose(4); count > 0; count--) {
      const name = `n${fresh++}`;
      switch (choose(depth > 0 ? 7 : 4)) {
        case 0: {
          const value = integer(here);
          statements.push(b.bind(name, "i32", value.e));
          if (value.most <= 400) here.push({ e: b.v(name), most: value.most });
          break;
        }
        case 1: {
          const [start, next] = [integer(here), integer(here)];
          statements.push(b.variable(name, "i32", start.e));
          if (choose(2) === 0) statements.push(b.assign(name, "i32", next.e));
          const most = Math.max(start.most, next.most);
          if (most <= 400) here.push({ e: b.v(name), most });
          break;
        }
        case 2:
        case 3: {
          const index = linear(here);
          const value = b.load("input", index.e);
          statements.push(b.assign("sum", "f32", b.math("add", b.fv("sum"), value)));
          break;
        }
        case 4: {
          const bound = integer(here);
          const condition = b.compare("lt", bound.e, choose(bound.most + 1));
          statements.push(b.when(condition, block(here, depth - 1), choose(2) === 0 ? block(here, depth - 1) : []));
          break;
        }
        default: {
          const [from, count] = [
            choose(3) === 0 ? { e: b.rem(linear(here).e, 3), most: 2 } : { e: b.int(choose(3)), most: 2 },
            choose(4),
          ];
          const to = choose(2) === 0 ? b.int(count + 2) : b.plus(from.e, count);
          const inside = [...here, { e: b.v(name), most: from.most + 3 }];
          statements.push(b.serial(name, from.e, to, block(inside, depth - 1), 1 + choose(2)));
        }
      }
    }
    return statements;
  };

  const known: readonly Known[] = [
    { e: b.v("i"), most: 7 },
    { e: b.t, most: 3 },
    { e: b.T, most: 5 },
    { e: b.group(0), most: 2 },
    { e: b.group(1), most: 1 },
  ];
  const out = b.plus(b.times(b.plus(b.times(b.group(1), 3), b.group(0)), 8), b.v("i"));
  return b.kernel({
    lanes: 4,
    grid: [3, 2, 1],
    body: [
      b.lanes("i", 0, 8, [b.variable("sum", "f32", b.f(0)), ...block(known, 3), b.store("work", out, b.fv("sum"))]),
    ],
  });
}

const tapes = fc.array(fc.nat(5039), { minLength: 120, maxLength: 120 });

describe("random loops over random indices", () => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device?.destroy());

  it("sum the same in WebAssembly as the interpreter says", async () => {
    await fc.assert(
      fc.asyncProperty(tapes, async (tape) => {
        const kernel = randomKernel(tape);
        expect((await runWasm(kernel, memory, times)).work).toEqual(interpret(kernel, memory, times).work);
      }),
      { numRuns: 150 },
    );
  });

  it("sum the same on WebGPU as the interpreter says", async () => {
    await fc.assert(
      fc.asyncProperty(tapes, async (tape) => {
        const kernel = randomKernel(tape);
        expect((await runWgsl(device, kernel, memory, times)).work).toEqual(interpret(kernel, memory, times).work);
      }),
      { numRuns: 25 },
    );
  });
});

describe("the interpreter itself", () => {
  it.each(samples.map((sample) => [sample.kernel.name, sample] as const))(
    "runs the sample %s as JavaScript does",
    (_name, sample) => {
      const runTimes = sample.times ?? { t: 0, T: 1 };
      const { work } = interpret(sample.kernel, sample.memory, runTimes);
      const wanted = sample.expected(sample.memory, runTimes);
      wanted.forEach((y, at) => {
        expect(work[at]).toBeCloseTo(y, 5);
      });
    },
  );
});
