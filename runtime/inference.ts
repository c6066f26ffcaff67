/** Inference and streams, for whoever holds a model's parameters and statistics: a `Session` or an `InferenceSession`. */
import type { Batch, NoiseMode, OwnBatch } from "./batch.ts";
import { DirectStep } from "./direct-step.ts";
import { RuntimeError } from "./error.ts";
import type { Feed } from "./feed.ts";
import { inferOptions, ownBatch, streamOptions } from "./inference-arguments.ts";
import type { EntryName, Plan, Tensor } from "./plan.ts";
import type { Runner } from "./runner.ts";
import type { Inference, InferOptions, StreamOptions } from "./session-types.ts";
import { rowOfStep } from "./statistics.ts";
import { Stream } from "./stream.ts";
import type { Turns } from "./turns.ts";

/** What inference needs of it. */
export interface Holder {
  readonly plan: Plan;
  /** Rows of the statistic that has the most. */
  readonly rows: number;
  /** Carries out one call at a time. */
  exclusive<R>(act: () => Promise<R>): Promise<R>;
  readonly turns: Turns;
  /** The runner for so many examples, if it has the newest parameters and statistics for every step. Error: C0508. */
  ready(examples: number): Runner | undefined;
  /** Is told what ran on a runner that was ready. */
  ran(runner: Runner): void;
  /** The plan for batches of this size, if there is one besides `plan`. */
  planFor(examples: number): Plan | undefined;
  /** The number of this inference. */
  count(): number;
  /**
   * Runs an entry on the machine for a batch's size, with parameters and with statistics for `steps` steps. Errors: C0501, C0406
   * (batch).
   */
  run(entry: EntryName, batch: OwnBatch, steps: number, feed: InferenceFeed): Promise<Runner>;
}

/** What is fed besides the batch. */
export interface InferenceFeed extends Pick<Feed, "stream"> {
  readonly noise: NoiseMode;
  readonly run: number;
}

/** As `Session.infer`. */
export function infer(holder: Holder, given: Batch, options: InferOptions): Promise<Inference> {
  return holder.exclusive(async () => {
    const { noise = "mean" } = inferOptions(options);
    const batch = ownBatch(given, holder.plan);
    const runner = await holder.run("infer", batch, batch.steps, { run: holder.count(), noise });
    return inferenceOf(runner, batch);
  });
}

/** What `runner` has just inferred of a batch; without loss and metrics if an input was left out. */
export async function inferenceOf(runner: Runner, batch: OwnBatch): Promise<Inference> {
  const results = await resultsOf(runner, true);
  return isComplete(batch) ? results : { ...results, loss: undefined, metrics: {} };
}

/** As `Session.stream`. */
export async function openStream(holder: Holder, given: StreamOptions): Promise<Stream> {
  const { examples = holder.plan.dims.batch, noise = "mean", ...options } = streamOptions(given);
  const plan = holder.planFor(examples) ?? holder.plan;
  if (plan.entries.step === undefined) {
    const help = "compile it with the entry `step`; where that cannot be, the compiler then says why";
    throw new RuntimeError("C0406", `${plan.name} was compiled without \`step\``, help);
  }
  const { rows } = holder;
  const direct = noise === "mean" && !options.missing ? DirectStep.of(holder, plan, examples) : undefined;
  const stream = new Stream({ plan, rows, examples, direct, turns: holder.turns, ...options }, (entry, step) =>
    holder.exclusive(async () => {
      const { batch, at, began, states, run = holder.count() } = step;
      const runner = await holder.run(entry, batch, at + 1, { run, noise, stream: { states, step: at, began } });
      const of = await readByKind(
        runner,
        ({ role, region }) => role.kind === "output" || (role.kind === "state" && region === "work"),
      );
      return { run, states: new Map(of("state")), outputs: Object.fromEntries(of("output")) };
    }),
  );
  await stream.reset();
  return stream;
}

/** At which row of per-step statistics a run begins: a whole sequence at the first, a step of a stream at its own. */
export const firstRow = (rows: number, { stream }: InferenceFeed): number => rowOfStep(rows, stream?.step ?? 0);

/** Whether no input was left out. */
export const isComplete = ({ inputs }: OwnBatch): boolean => Object.values(inputs).every((input) => input !== null);

/** Loss, metrics and, if asked for, outputs of the entry that ran last, in one transfer. */
export async function resultsOf(runner: Runner, outputs = false): Promise<Inference> {
  const of = await readByKind(
    runner,
    ({ role }) => role.kind === "loss" || role.kind === "metric" || (outputs && role.kind === "output"),
  );
  return {
    loss: of("loss")[0]?.[1][0],
    metrics: Object.fromEntries(of("metric").map(([name, values]) => [name, values[0]])),
    outputs: Object.fromEntries(of("output")),
  };
}

type Named = readonly (readonly [name: string, data: Float32Array])[];

/** Reads the wanted tensors of the entry that ran last in one transfer, and returns a look-up of them by kind. */
async function readByKind(
  runner: Runner,
  isWanted: (tensor: Tensor) => boolean,
): Promise<(kind: Tensor["role"]["kind"]) => Named> {
  const wanted = (runner.last?.entry.tensors ?? []).filter(isWanted);
  const data = await runner.read(wanted);
  return (kind) => wanted.flatMap(({ name, role }, i) => (role.kind === kind ? [[name, data[i]] as const] : []));
}
