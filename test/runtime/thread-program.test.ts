import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile as assemble } from "watr";
import type { Command, Extent, Plan } from "../../runtime/plan.ts";
import { mostWords, programWords } from "../../runtime/wasm/thread-program.ts";
import { scheduleThreads, type ThreadProgram } from "../../runtime/wasm/thread-schedule.ts";
import { encodedSequencer, sequencerModule, sequencerText } from "../house/sequencer-module.ts";

test("the sequencer's module says what its text says, which another assembler reads alike", async () => {
  await expect(sequencerModule()).toMatchFileSnapshot("../../runtime/wasm/sequencer-code.ts");
  expect(encodedSequencer(sequencerText())).toEqual(assemble(sequencerText()));
});

const names = ["a", "b", "c"];
const numbers = new Map(names.map((name, i) => [name, i]));
const extent = fc.record({ fixed: fc.integer({ min: 0, max: 5 }), perStep: fc.integer({ min: 0, max: 1 }) });
const one: Extent = { fixed: 1, perStep: 0 };
const dispatch = fc.record({
  do: fc.constant("dispatch" as const),
  kernel: fc.constantFrom(...names),
  grid: fc.tuple(extent, fc.constant(one), extent),
});
const loopOf = <T>(inside: fc.Arbitrary<T>) => fc.array(inside, { minLength: 1, maxLength: 3 });
const steps = fc.record({
  do: fc.constant("steps" as const),
  reverse: fc.boolean(),
  commands: loopOf(dispatch),
});
const segments = fc.record({
  do: fc.constant("segments" as const),
  length: fc.integer({ min: 1, max: 4 }),
  reverse: fc.boolean(),
  commands: loopOf(fc.oneof(dispatch, steps)),
});
const program: fc.Arbitrary<readonly Command[]> = fc.array(fc.oneof(dispatch, steps, segments), { maxLength: 5 });

/** What a thread does, in order: kernels with their shares, and barriers. */
type Trace = readonly string[];

/** Runs the sequencer on the program of a thread that shares its work with no other. */
async function traced(words: readonly number[], first: number, length: number): Promise<Trace> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: true });
  const module = await WebAssembly.compile(encodedSequencer(sequencerText()) as BufferSource);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const trace: string[] = [];
  const table = exports.kernels as WebAssembly.Table;
  table.grow(names.length);
  const recorder = await kernels((...call) => trace.push(call.join(" ")));
  names.forEach((name, i) => {
    table.set(i, recorder[name]);
  });
  const at = 4096;
  new Int32Array(memory.buffer, at).set(words);
  expect((exports.start as (...args: number[]) => number)(at, first, length)).toBe(0);
  return trace;
}

/** Kernels that tell their name and arguments. */
async function kernels(tell: (name: string, ...args: number[]) => void): Promise<WebAssembly.Exports> {
  const seven = "i32 i32 i32 i32 i32 i32 i32";
  const gets = [0, 1, 2, 3, 4, 5, 6].map((i) => `(local.get ${i})`).join(" ");
  const text = `(module
    ${names.map((name) => `(import "tell" "${name}" (func $tell_${name} (param ${seven})))`).join("\n")}
    ${names.map((name) => `(func (export "${name}") (param ${seven}) (call $tell_${name} ${gets}))`).join("\n")})`;
  const tells = Object.fromEntries(names.map((name) => [name, (...args: number[]) => tell(name, ...args)]));
  const module = await WebAssembly.compile(assemble(text) as BufferSource);
  return (await WebAssembly.instantiate(module, { tell: tells })).exports;
}

/** The same, by what a schedule says. */
function expected(of: ThreadProgram, t: number, length: number): Trace {
  return of.flatMap((instruction): Trace => {
    if (instruction.do === "barrier") return [];
    if (instruction.do === "loop") {
      const { from, count, stride, reverse, body } = instruction;
      const order = Array.from({ length: count }, (_, i) => (reverse ? count - 1 - i : i));
      return order.flatMap((i) => expected(body, t + from + i * stride, length));
    }
    const [x, y, z] = instruction.grid;
    return x * y * z === 0 ? [] : [[instruction.kernel, t, length, x, y, z, 0, x * y * z].join(" ")];
  });
}

const costs = { barrier: 0, start: 0 };
const planOf = (commands: readonly Command[]): Plan =>
  ({ entries: { infer: { commands } }, kernels: names.map((name) => ({ name, work: one })) }) as unknown as Plan;

describe("a thread's program", () => {
  test("does in the sequencer what the schedule says", async () => {
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 3 }),
        async (commands, T, t) => {
          const schedule = scheduleThreads(planOf(commands), commands, T, 1, costs);
          const words = programWords(schedule.program, 0, 1, numbers);
          expect(words.length).toBeLessThanOrEqual(mostWords(commands));
          expect(await traced(words, t, T)).toEqual(expected(schedule.program, t, T));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("of several threads: shares of what is split make the whole, and each thread meets the others as often", () => {
    fc.assert(
      fc.property(program, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 5 }), (commands, T, threads) => {
        const { program } = scheduleThreads(planOf(commands), commands, T, threads, costs);
        const all = Array.from({ length: threads }, (_, index) => programWords(program, index, threads, numbers));
        for (const words of all) expect(words.length).toBeLessThanOrEqual(mostWords(commands));
        expect(new Set(all.map((words) => barriersIn(words, 0))).size).toBe(1);
        const groups = (of: readonly (readonly number[])[]): number => of.reduce((sum, w) => sum + groupsIn(w, 0), 0);
        expect(groups(all)).toBe(groupsIn(programWords(program, 0, 1, numbers), 0));
      }),
    );
  });
});

const WORD = 4;

/** Adds up what `count` says of each barrier and dispatch that the words run. */
function walk(words: readonly number[], from: number, count: (at: number) => number): number {
  let sum = 0;
  for (let at = from; words[at] !== 0; ) {
    const [kind, , times, , bytes] = words.slice(at, at + 5);
    if (kind === 3) {
      sum += times * walk(words, at + 5, count);
      at += bytes / WORD;
    } else {
      sum += count(at);
      at += kind === 1 ? 7 : 1;
    }
  }
  return sum;
}

const barriersIn = (words: readonly number[], from: number): number =>
  walk(words, from, (at) => (words[at] === 2 ? 1 : 0));
const groupsIn = (words: readonly number[], from: number): number =>
  walk(words, from, (at) => (words[at] === 1 ? words[at + 6] - words[at + 5] : 0));
