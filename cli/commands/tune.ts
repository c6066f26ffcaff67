/** `cellc tune`: measures which owner of the loops over time steps is fastest on this device, and stores the result. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { type LoopOwner, loopOwners } from "../../compiler/partition/loop-owner.ts";
import type { Direction, LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import type { Batch } from "../../runtime/batch.ts";
import { breathe } from "../../runtime/fit/breathe.ts";
import { elementsOf, shapeOf } from "../../runtime/layout.ts";
import type { Executable, Plan } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { Context } from "../context.ts";
import { type DataSettings, openTaskWith } from "../data/settings.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import type { TargetName } from "../targets.ts";
import { type CompileRequest, compileFile, type ModelOptions, openBackend, trainingEntries } from "../toolchain.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { modelAround } from "../training/task-model.ts";
import { cellKey, choiceText, deviceName, remember } from "../tuned.ts";

export interface TuneOptions extends Omit<ModelOptions, "schedule" | "tuned">, DataSettings {
  readonly target: TargetName;
  readonly batch: number;
  readonly repeats: number;
  readonly threads?: number;
}

interface Candidate {
  readonly choice: LoopChoice;
  readonly executable: Executable;
}

interface TimedCandidate {
  readonly choice: LoopChoice;
  /** Milliseconds of a training step. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Default sequence length, if no data says how long sequences are. */
const STEPS = 100;

/** What is compiled, and for how many steps. */
interface Tuned {
  readonly request: Omit<CompileRequest, "schedule">;
  readonly steps: number;
}

export async function tune(context: Context, file: string, options: TuneOptions): Promise<ExitCode> {
  const stopping = () => context.output.warn("stopping, nothing is kept; Ctrl-C again to stop at once");
  return withInterrupt(context.signals, stopping, (interrupt) => tuneUnless(interrupt, context, file, options));
}

async function tuneUnless(
  interrupt: AbortSignal,
  context: Context,
  file: string,
  options: TuneOptions,
): Promise<ExitCode> {
  const { output, environment } = context;
  const tuned = await whatIsTuned(context, file, options);
  const candidates = await compileAll(context, tuned.request, interrupt);
  const { plan } = candidates[0].executable;
  if (plan.entries.train === undefined) {
    throw new Failure("C0221", exit.input, `${plan.name} has no loss`, "add one: loss cross_entropy(logits, y)");
  }
  const device = await deviceName(options.target, options.threads);
  const measured = await measureAll(context, candidates, options, tuned.steps, interrupt);
  const [best] = [...measured].sort((a, b) => a.median - b.median);
  const ms = (n: number): string => n.toPrecision(3);
  output.table(
    ["forward", "backward", "ms a training step", "least", "most", ""],
    measured.map((m) => [
      m.choice.forward ?? "",
      m.choice.backward ?? "",
      ms(m.median),
      ms(m.least),
      ms(m.most),
      m === best ? "best" : "",
    ]),
  );
  const kept = device === undefined ? undefined : await remember(environment, device, cellKey(plan), best.choice);
  const path = kept?.path;
  if (kept?.aside !== undefined) output.warn(`${path} could not be read; what stood there is in ${kept.aside}`);
  output.say(
    `\n${device ?? options.target}: ${choiceText(best.choice)}${path === undefined ? "" : `; kept in ${path}`}`,
  );
  output.result({ ok: true, device, best: best.choice, measured, path });
  return exit.ok;
}

/** With data, the model has its sizes, as when it is trained on it. */
async function whatIsTuned(context: Context, file: string, options: TuneOptions): Promise<Tuned> {
  const fixed = { ...options, file, quiet: true, entries: trainingEntries };
  if (options.data === undefined) {
    const steps = options.time ?? STEPS;
    return { request: { ...fixed, time: steps }, steps };
  }
  const task = await openTaskWith(context, options);
  const ragged = options.ragged || task.lengths !== undefined;
  const request = {
    ...fixed,
    ...modelAround({ ...options, file }, task),
    suggested: task.dims,
    time: task.steps,
    ragged,
  };
  return { request, steps: task.steps };
}

/** An executable for each legal pair of owners. */
async function compileAll(
  context: Context,
  request: Tuned["request"],
  interrupt: AbortSignal,
): Promise<readonly Candidate[]> {
  const made = async (schedule: LoopChoice): Promise<Executable | undefined> => {
    // A signal that came during the last compilation has not been seen yet.
    await breathe();
    interrupt.throwIfAborted();
    try {
      return (await compileFile({ ...request, schedule }, context)).executable;
    } catch (error) {
      // This loop cannot have this owner, so it is not a candidate.
      if (error instanceof CompileError && error.diagnostics.every(({ code }) => code === "C0306")) return undefined;
      throw error;
    }
  };
  const legal = async (direction: Direction): Promise<readonly LoopOwner[]> => {
    const able: LoopOwner[] = [];
    for (const owner of loopOwners) if (await made({ [direction]: owner })) able.push(owner);
    return able;
  };
  const candidates: Candidate[] = [];
  const backwards = await legal("backward");
  for (const forward of await legal("forward")) {
    for (const backward of backwards) {
      const choice = { forward, backward };
      const executable = await made(choice);
      if (executable) candidates.push({ choice, executable });
    }
  }
  return candidates;
}

/** A learning rate that changes no digit of any parameter, so that all candidates keep computing the same. */
const NEGLIGIBLE_RATE = 1e-30;

/** Times training steps on generated inputs. The candidates take turns, so that any disturbance affects all of them. */
async function measureAll(
  context: Context,
  candidates: readonly Candidate[],
  { target, threads, repeats }: TuneOptions,
  steps: number,
  interrupt: AbortSignal,
): Promise<readonly TimedCandidate[]> {
  const backend = await openBackend(target, threads);
  try {
    const sessions: Session[] = [];
    for (const { executable } of candidates)
      sessions.push(await Session.open(executable, backend, { seed: context.seed }));
    const batch = drawnBatch(candidates[0].executable.plan, steps);
    const times: number[][] = candidates.map(() => []);
    // The first round compiles, allocates and warms up.
    for (let round = 0; round <= repeats; round++) {
      for (const [i, session] of sessions.entries()) {
        await breathe();
        interrupt.throwIfAborted();
        const start = performance.now();
        await session.train(batch, { lr: NEGLIGIBLE_RATE });
        if (round > 0) times[i].push(performance.now() - start);
      }
    }
    return candidates.map(({ choice }, i): TimedCandidate => {
      const sorted = [...times[i]].sort((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)];
      return { choice, median, least: sorted[0], most: sorted[sorted.length - 1] };
    });
  } finally {
    backend.close();
  }
}

/** Inputs between −1 and 1; zeros for whole numbers. */
function drawnBatch(plan: Plan, steps: number): Batch {
  const inputs = Object.fromEntries(
    plan.entries.train!.tensors.flatMap((tensor): readonly (readonly [string, Float32Array])[] => {
      const { kind } = tensor.role;
      if (kind !== "input" && kind !== "index") return [];
      const data = new Float32Array(elementsOf(shapeOf(tensor, steps)));
      // Not periodic in any extent, and never so small that numbers become subnormal.
      if (kind === "input") for (let i = 0; i < data.length; i++) data[i] = Math.sin(i * Math.SQRT2);
      return [[tensor.name, data]];
    }),
  );
  return { inputs, steps, examples: plan.dims.batch };
}
