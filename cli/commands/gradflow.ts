/** `cellc gradflow`: measures how much gradient reaches each state at each step, for different initial gains of the norms. */
import { join } from "node:path";
import type { OptimizerChoice } from "../../compiler/optimizers.ts";
import type { Context } from "../context.ts";
import { openTaskWith, type TaskSettings } from "../data/settings.ts";
import { seededStreams } from "../data/streams.ts";
import type { Task } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { drawFlows, drawTanhDerivative } from "../gradflow/figures.ts";
import { type Flow, measureFlow } from "../gradflow/flow.ts";
import { placedWithGain } from "../gradflow/gain.ts";
import { tanhDerivative } from "../gradflow/tanh-derivative.ts";
import { machineFacts } from "../machine-facts.ts";
import { writeAtomically } from "../report/files.ts";
import type { TargetName } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { trainingBatches } from "../training/batches.ts";
import { unlessDiverged } from "../training/learner.ts";
import { openLearner } from "../training/open-learner.ts";
import { elaborateModel } from "../training/task-model.ts";

export interface GradflowOptions extends ModelOptions, TaskSettings {
  readonly target: TargetName;
  readonly threads?: number;
  /** Initial gains. */
  readonly gamma: readonly number[];
  /** Training steps after which gradients are measured; 0 is at initialisation. */
  readonly steps: readonly number[];
  readonly batch: number;
  readonly optimizer: OptimizerChoice;
  readonly lr: number;
  readonly clip?: number;
  readonly out: string;
}

/** σ for which the output lists the derivative of tanh. */
const DEVIATIONS = [0.1, 0.5, 1];

export async function gradflow(context: Context, file: string, options: GradflowOptions): Promise<ExitCode> {
  const { output, seed } = context;
  const task = await openTaskWith(context, options);
  const { name, placements } = readGains(file, options, task);
  const backend = await openBackend(options.target, options.threads);
  const runs = Math.max(...options.steps) + options.steps.length;
  const progress = output.progress(options.gamma.length * runs, "runs");
  const flows: Flow[] = [];
  try {
    for (const [at, { gamma, place }] of placements.entries()) {
      const tell = (done: number): void => progress.update(at * runs + done, `γ ${gamma}`);
      flows.push(...(await flowsWith({ file, gamma, place }, options, task, backend, context, tell)));
    }
  } finally {
    progress.stop();
    backend.close();
  }
  const title = `Gradients of the states: ${name} on ${task.name}`;
  const longest = Math.max(0, ...flows.map(({ norms }) => norms.length));
  // The states of a loop over another time axis have other steps.
  const alike = flows.every(({ norms }) => norms.length === longest);
  const subtitle = `${task.lengths === undefined ? "" : "up to "}${longest} steps, batch ${options.batch}, seed ${seed}; γ is the norms' initial gain`;
  const paths = {
    flow: join(options.out, "gradflow.svg"),
    tanh: join(options.out, "tanh-derivative.svg"),
    numbers: join(options.out, "gradflow.json"),
  };
  const { dims, batch, optimizer, lr, clip, place } = options;
  const document = {
    format: 1,
    model: name,
    task: task.name,
    seed,
    options: { file, dims, batch, optimizer, lr, clip, place },
    machine: await machineFacts(options.target),
    flows,
    tanhDerivative: DEVIATIONS.map(tanhDerivative),
  };
  await writeAtomically(paths.flow, drawFlows(flows, { title, subtitle }));
  await writeAtomically(paths.tanh, drawTanhDerivative());
  await writeAtomically(paths.numbers, `${JSON.stringify(document, null, 2)}\n`);
  output.table(
    ["state", "trained", "γ", alike ? `at t = ${longest}` : "at the last t", "half-way", "at t = 1"],
    flows.map(({ state, trained, gamma, norms }) => [
      state,
      String(trained),
      String(gamma),
      ...[norms.length - 1, norms.length >> 1, 0].map((t) => norms[t].toExponential(1)),
    ]),
  );
  output.say();
  output.table(
    ["σ", "E[tanh′(x)], x ~ N(0, σ²)", "middle half"],
    DEVIATIONS.map(tanhDerivative).map(({ deviation, mean, quartiles }) => [
      String(deviation),
      mean.toFixed(5),
      quartiles.map((quartile) => quartile.toFixed(3)).join(" … "),
    ]),
  );
  output.say(`\n${Object.values(paths).join(", ")}`);
  output.result({ ok: true, ...document });
  return exit.ok;
}

interface Gain {
  readonly gamma: number;
  /** Placements that set this gain. */
  readonly place: string;
}

/** Throws `CompileError` for errors in the text, and C0301 if no placed norm has a gain. */
function readGains(
  file: string,
  options: GradflowOptions,
  task: Task,
): { readonly name: string; readonly placements: readonly Gain[] } {
  const { elaborated } = elaborateModel({ ...options, file }, task);
  const placements = options.gamma.map((gamma): Gain => {
    const place = placedWithGain(elaborated, gamma);
    if (place !== undefined) return { gamma, place };
    throw new Failure(
      "C0301",
      exit.usage,
      `${elaborated.graph.name} has no norm with an argument gamma that could vary`,
      'place one: --place "hh=batch"',
    );
  });
  return { name: elaborated.graph.name, placements };
}

/** Measures one initial gain: opens a fresh model, and trains it from one measurement to the next. */
async function flowsWith(
  { file, gamma, place }: Gain & { readonly file: string },
  options: GradflowOptions,
  task: Task,
  backend: Awaited<ReturnType<typeof openBackend>>,
  context: Context,
  tell: (done: number) => void,
): Promise<readonly Flow[]> {
  const { lr, clip } = options;
  const all = [options.place, place].filter((text) => text !== undefined).join(",");
  const request = { ...options, file, place: all, quiet: gamma !== options.gamma[0], stateGradients: true } as const;
  const { session, learner } = await openLearner(request, task, undefined, backend, context);
  try {
    const streams = seededStreams(context.seed);
    const batches = trainingBatches(task, options.batch, streams);
    const { batch } = (await trainingBatches(task, options.batch, streams).next()).value;
    const flows: Flow[] = [];
    let measured = 0;
    for (const trained of [...options.steps].sort((a, b) => a - b)) {
      while (learner.step < trained) {
        const { batch } = (await batches.next()).value;
        const report = await unlessDiverged(learner.train(batch, { lr, clip, momentum: 1 }));
        if (report === undefined) {
          context.output.warn(`γ ${gamma}: the loss stopped being a number after ${learner.step} training steps`);
          return flows;
        }
        tell(learner.step + measured);
      }
      // The same examples each time, so that only the parameters differ.
      for (const flow of await measureFlow(session, batch)) flows.push({ gamma, trained, ...flow });
      measured++;
      tell(learner.step + measured);
    }
    return flows;
  } finally {
    session.close();
  }
}
