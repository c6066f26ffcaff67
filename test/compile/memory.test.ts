/** A cap on memory changes how much is computed again, and nothing that is computed. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import type { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Target } from "../../compiler/target.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { compile as compileText } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { runExecutable } from "./run-executable.ts";
import { comparedOn, Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** Length of the sequences that the cap is for. */
const STEPS = 40;

const example = (file: string) => elaborate(`examples/cells/${file}.cell`, fileHost, { dims: { D: 2, H: 5 } });

/** A learned first state, a loss at every step, two layers, and one that runs from the last step. */
const deep = compileText(`cell learned(D = 2, H = 5) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param b  : [H] = 0
  param h0 : [H] = 0.5
  input x : [D]
  state h : [H] = tanh(h0) + noise(0.3)
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx + b)
  output h'
  place hh : batch
}

model deep(D = 2, H = 5) {
  input x : [D] over time
  target z : [H] over time
  first = scan learned(D, H) over x
  second = scan learned(H, H) over first
  back = scan learned(D, H) over x reverse
  output second
  loss mse(second, z)
  loss mse(back, z)
}
`);

const programs = { lstm: example("lstm"), bnlstm: example("bnlstm"), deep };

const bytes = ({ plan }: Executable): number => 4 * Object.values(regionSizes(plan, STEPS)).reduce((a, b) => a + b, 0);

function study(name: keyof typeof programs, options: Partial<StudyOptions>): Study {
  const { graph, dims } = programs[name];
  return new Study(graph, { dims, batch: 4, time: STEPS, steps: STEPS, ...options });
}

/** The part of what is needed without a cap that each gets: a loop from the last step is not cut, and leaves little to save. */
const parts: Readonly<Record<keyof typeof programs, number>> = { lstm: 0.6, bnlstm: 0.6, deep: 0.95 };

const cap = (name: keyof typeof programs, target: Target): number =>
  // Without input gradients, as with any cap.
  Math.floor(parts[name] * bytes(study(name, { memory: 2 ** 40 }).compile(target)));

/** With that cap, for sequences of `time` steps; made once for all places that keep as much in memory. */
const capped = keptForFile<string, Study>();
function cappedStudy(name: keyof typeof programs, time: number, target: Target): Study {
  const like = target.machine.buffers === "textures" ? target : wasm;
  const key = `${like.name} ${name} ${time}`;
  const known = capped.get(key) ?? study(name, { memory: cap(name, like), time });
  capped.set(key, known);
  return known;
}

const segmentOf = ({ plan }: Executable): number | undefined => plan.entries.train!.regions.work.segment?.length;

describe.each(Object.values(places))("in segments on $name", (place) => {
  const backend = opened(place);
  // A shader compiler takes a second for each kernel. What a segment is to every kernel, test/schedule/segments.test.ts shows.
  const isGpu = place.target !== wasm;
  const names = isGpu ? (["bnlstm"] as const) : (Object.keys(programs) as (keyof typeof programs)[]);
  const entries = comparedOn(place.target);

  it.each(names)("%s has the reference's loss, statistics and gradients over any number of steps", async (name) => {
    // How long a sequence is that is run changes nothing of what is compiled.
    const executable = cappedStudy(name, STEPS, place.target).compile(place.target, entries);
    const S = segmentOf(executable)!;
    expect(S).toBeGreaterThan(1);
    expect(S).toBeLessThan(STEPS);
    for (const time of isGpu ? [2 * S + 1] : [1, S - 1, S, S + 1, 3 * S + 2]) {
      const study = cappedStudy(name, time, place.target);
      const found = await runExecutable(backend(), executable, entries, time, study.numbers);
      for (const entry of entries) {
        const errors = study.errorsOf(entry, found.get(entry)!);
        expect(errors.forward, `${time} steps`).toBeLessThan(tolerance.stacked.forward);
        expect(errors.gradient, `${time} steps`).toBeLessThan(tolerance.stacked.gradient);
      }
    }
  });
});

describe("a cap", () => {
  it("that is not reached changes nothing, and one that is is kept to", () => {
    const whole = study("lstm", { memory: 2 ** 40 }).compile(wasm);
    expect(segmentOf(whole)).toBeUndefined();
    expect(study("lstm", { memory: bytes(whole) }).compile(wasm)).toEqual(whole);
    const lengths = [0.9, 0.75, 0.6].map((part) => {
      const memory = Math.floor(part * bytes(whole));
      const executable = study("lstm", { memory }).compile(wasm);
      expect(bytes(executable)).toBeLessThanOrEqual(memory);
      return segmentOf(executable) ?? STEPS;
    });
    // The shorter the smaller it is.
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
    expect(new Set(lengths).size).toBeGreaterThan(1);
  });

  it("that nothing fits in is refused, with the least that does", () => {
    let least = 0;
    try {
      study("lstm", { memory: 1000 }).compile(wasm);
    } catch (error) {
      const [{ code, help, message }] = (error as CompileError).diagnostics;
      expect({ code, help }).toMatchObject({ code: "C0305", help: expect.stringMatching(/^--memory \d+K, or/) });
      least = Number(/at least (\d+) bytes/.exec(message)![1]);
    }
    expect(bytes(study("lstm", { memory: least }).compile(wasm))).toBe(least);
    expect(() => study("lstm", { memory: least - 4 }).compile(wasm)).toThrow("C0305");
  });
});
