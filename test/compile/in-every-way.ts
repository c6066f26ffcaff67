/** What is computed in every way there is: on each target, whole, ragged, in segments, in parts of the batch, and step by step. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [B, T] = [5, 7];
const lengths = [7, 3, 5, 1, 2];

export interface Ways {
  /** Bytes with which sequences of 40 steps are cut in segments. */
  readonly memory: number;
  /** The output, and the elements of an input step, which is called x; the target is called y. */
  readonly output: string;
  readonly elements: number;
}

/** Declares the tests of a model: gradients against differences, every target against the reference, and a stream against the whole. */
export function inEveryWay(text: string, { memory, output, elements }: Ways): void {
  const { graph, dims } = compile(text);
  const study = (more: Partial<StudyOptions> = {}): Study =>
    new Study(graph, { dims, batch: B, time: T, seed: 3, ...more });

  it("its gradients are those of differences", () => {
    expect(study().directionError()).toBeLessThan(tolerance.differences);
    expect(study({ lengths }).directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    const variants: Readonly<Record<string, Partial<StudyOptions>>> = {
      whole: {},
      "in parts of the batch": { batch: 70, parts: 2, time: 2 },
      "of different lengths": { lengths },
      "in segments": { steps: 40, memory },
      "with half-precision residuals": { storage: "f16" },
    };
    // A shader compiler takes its time.
    const some = Object.keys(variants).filter((variant) => {
      if (variants[variant].storage === "f16") return place.target.machine.halves;
      return place.target === wasm || variant === "of different lengths";
    });

    it.each(some)("%s it has the reference's numbers", async (variant) => {
      const made = study(variants[variant]);
      const entries = variants[variant].memory === undefined ? undefined : (["train"] as const);
      const errors = await made.targetErrors(place.target, backend(), entries);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(variants[variant].storage === "f16" ? tolerance.half : tolerance.gradient);
    });
  });

  it("with little memory it is cut in segments", () => {
    const { plan } = study({ steps: 40, memory }).compile(wasm, ["train"]);
    expect(plan.entries.train!.regions.work.segment?.length).toBeLessThan(40);
  });

  it("a stream gives what the whole sequence gives", async () => {
    const entries = ["infer", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, wasm);
    const backend = await places.wasm.open();
    const session = await Session.open(made, backend, { seed: 3 });
    const x = Float32Array.from(sample(T * B * elements, [-1, 1], uniform(5)));
    const whole = (await session.infer({ steps: T, examples: B, inputs: { x, y: null } })).outputs;
    const stream = await session.stream();
    const steps: number[] = [];
    for (let t = 0; t < T; t++) {
      const step = x.subarray(t * B * elements, (t + 1) * B * elements);
      steps.push(...(await stream.next({ x: step }))[output]);
    }
    expect(relativeError(whole[output], steps)).toBeLessThan(tolerance.forward);
    session.close();
    backend.close();
  });
}
