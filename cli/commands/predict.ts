/** `cellc predict`: writes what a trained model says of data, in the data's own units. */
import type { Session } from "../../runtime/session.ts";
import type { Context } from "../context.ts";
import type { Column } from "../data/predictions/columns.ts";
import { checkPredictionFile, writePredictions } from "../data/predictions/write.ts";
import { openTrainedTask } from "../data/settings.ts";
import type { Split, Task, TaskBatch } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { isWhole, modelForData } from "../inference/new-data.ts";
import { type ChosenOutput, chosenOutputs, unknownTo } from "../inference/outputs.ts";
import { PredictionRows } from "../inference/prediction-rows.ts";
import { openTrained } from "../inference/trained-session.ts";
import { formatCount } from "../output.ts";
import { checkNoFolder } from "../report/files.ts";
import type { ModelSettings } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { openBackend } from "../toolchain.ts";
import { checkInputs } from "../training/check-inputs.ts";
import { type CheckpointOptions, loadCheckpoint } from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { firstParts } from "../training/order.ts";
import { elaborateModel } from "../training/task-model.ts";

export interface PredictOptions extends ModelSettings, CheckpointOptions {
  readonly target: TargetName;
  readonly threads?: number;
  /** The part of the data, if it is divided. */
  readonly split: Split;
  /** The output to write, or `target=output`. */
  readonly output?: string;
  readonly out: string;
}

/** `given` names the options on the command line. */
export async function predict(
  context: Context,
  path: string,
  file: string | undefined,
  options: PredictOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output } = context;
  const { out } = options;
  const whole = isWhole(options, given);
  const split = whole ? "test" : options.split;
  checkPredictionFile(out);
  await checkNoFolder(out);
  const { file: cell, checkpoint, form, settings: known } = await modelForData(output, path, file, options, given);
  const settings = withStride(known, options.own?.stride);
  const state = await loadCheckpoint(checkpoint);
  const purpose = { whole, predicting: true };
  // Of sequences that go on, one after the other is predicted, so that their rows come in order.
  const task = await openTrainedTask(context, { ...settings, streams: 1 }, checkpoint, state, purpose);
  const count = task.splits[split];
  if (count === 0)
    throw new Failure("C0406", exit.input, `${task.name} has no examples in ${split}`, "choose another --split");
  const backend = await openBackend(options.target, options.threads);
  try {
    const batch = task.carry ? 1 : Math.min(settings.batch, count);
    const carry = task.carry !== undefined;
    const model = { ...settings, file: cell, batch, carry, ragged: settings.ragged || task.lengths !== undefined };
    const request = { ...model, entries: ["infer"] as const, rest: count % batch };
    const session = await openTrained(request, form ?? task, { path: checkpoint, state }, backend, context);
    await checkInputs(session.plan, task);
    const { graph } = elaborateModel(model, form ?? task).elaborated;
    const chosen = chosenOutputs({ plan: session.plan, graph, task, output: options.output });
    const work = { task, split, batch, session, chosen };
    const { rows, columns, stopped } = await write(context, out, work);
    if (stopped) {
      output.say(`stopped; ${out} was not written`);
      output.result({ ok: false, stopped: true });
      return exit.interrupted;
    }
    output.say(`${out}: ${rows === 1 ? "1 row" : `${formatCount(rows)} rows`} of ${columns.join(", ")}`);
    output.result({
      ok: true,
      file: out,
      task: task.name,
      split,
      examples: count,
      rows,
      columns,
      outputs: Object.fromEntries(chosen.map(({ name, target }) => [name, target ?? null])),
      step: session.step,
    });
    return exit.ok;
  } finally {
    backend.close();
  }
}

/** Training may have left windows out: at prediction, they begin at each step unless the command line says otherwise. */
function withStride(settings: PredictOptions, stride: number | undefined): PredictOptions {
  if (settings.own === undefined) return settings;
  const { stride: _, randomOffset: __, ...own } = settings.own;
  return { ...settings, own: { ...own, ...(stride !== undefined && { stride }) } };
}

interface Work {
  readonly task: Task;
  readonly split: Split;
  readonly batch: number;
  readonly session: Session;
  readonly chosen: readonly ChosenOutput[];
}

interface Written {
  readonly rows: number;
  readonly columns: readonly string[];
  readonly stopped: boolean;
}

class Stopped extends Error {}

async function write({ output, signals }: Context, path: string, work: Work): Promise<Written> {
  const { task, split } = work;
  const progress = output.progress(task.splits[split], "examples");
  let rows = 0;
  let columns: readonly string[] = [];
  const stopped = await withInterrupt(
    signals,
    () => progress.interject("stopping; Ctrl-C again to stop at once"),
    async (interrupt) => {
      async function* blocks(): AsyncGenerator<readonly Column[]> {
        for await (const { block, done } of predicted(work)) {
          rows += block[0].values.length;
          columns = block.map(({ name }) => name);
          yield block;
          progress.update(done);
          // A signal is only seen between two turns of the event loop.
          await new Promise(setImmediate);
          if (interrupt.aborted) throw new Stopped();
        }
      }
      try {
        await writePredictions(path, blocks());
        return false;
      } catch (error) {
        if (error instanceof Stopped) return true;
        throw error;
      }
    },
  ).finally(() => progress.stop());
  return { rows, columns, stopped };
}

interface Block {
  readonly block: readonly Column[];
  /** Examples up to and with this block. */
  readonly done: number;
}

/** The predictions of all examples of a split, in order, batch after batch. */
async function* predicted({ task, split, batch: size, session, chosen }: Work): AsyncGenerator<Block> {
  const count = task.splits[split];
  const made = new PredictionRows(task, chosen);
  const unknown = Object.fromEntries(unknownTo(task).map((target) => [target, null]));
  const wanted = new Set(inputsOf(session));
  const firsts = task.carry && new Set(firstParts(task, split));
  for (let from = 0; from < count; from += size) {
    const indices = Uint32Array.from({ length: Math.min(size, count - from) }, (_, i) => from + i);
    const batch: TaskBatch = await task.batch(split, indices);
    const begins = firsts?.has(from) && ({ reset: "all" } as const);
    const inputs = Object.fromEntries(
      Object.entries({ ...batch.inputs, ...unknown }).filter(([name]) => wanted.has(name)),
    );
    const { outputs } = await session.infer({ ...batch, inputs, ...begins }, { carry: task.carry });
    yield { block: await made.columns({ split, indices, batch, outputs }), done: from + indices.length };
  }
}

const inputsOf = ({ plan }: Session): readonly string[] =>
  (plan.entries.infer?.tensors ?? []).flatMap(({ name, role }) =>
    role.kind === "input" || role.kind === "index" ? [name] : [],
  );
