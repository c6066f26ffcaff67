/** The worker: opens the model, trains it, saves it and loads it, so that the page never waits. */
import { RuntimeError } from "cellc/runtime";
import type { Choice } from "./backends.ts";
import { kinds } from "./kinds.js";
import type { Answer, Ask, Failure, Told } from "./messages.ts";
import { type Opened, openModel } from "./open-model.ts";
import { heldOut, shown, wavesOf } from "./waves.ts";

/** Training pauses by itself whenever so many steps more are done. */
const stretch = 500;
const learningRate = 6e-3;
/** After how many steps the held-out waves are looked at, and the model is kept in memory, for when the device is lost. */
const examineEvery = 10;
/** Batches of which the statistics of the norms are estimated before that, as in the paper. */
const estimated = 4;

/** The model that is open. The seed is a checkpoint's own, once one is loaded. */
let open: (Opened & { readonly seed: number }) | undefined;
/** The last checkpoint that was kept: what training goes on from when the device was lost. */
let kept: { readonly bytes: Uint8Array<ArrayBuffer>; readonly step: number } | undefined;
let running = false;

const tell = (message: Told): void => postMessage(message);

/** Asks are carried out one after another; training goes on between them. */
let turn: Promise<void> = Promise.resolve();
addEventListener("message", ({ data }: MessageEvent<Ask>) => {
  turn = turn.then(() => carryOut(data)).catch(fail);
});

async function carryOut(ask: Ask): Promise<void> {
  running = false;
  await training;
  switch (ask.ask) {
    case "start":
      await openFor(ask.choice, ask.seed);
      running = true;
      training = train().catch(lose);
      break;
    case "pause":
      break;
    case "reset":
      close();
      kept = undefined;
      break;
    case "save":
      if (open !== undefined) tell({ told: "saved", step: open.model.step, bytes: await open.model.saveCheckpoint() });
      break;
    case "load":
      await load(new Uint8Array(ask.bytes), ask.choice);
      break;
    default:
      ask satisfies never;
  }
  tellStanding();
}

function tellStanding(): void {
  const step = open?.model.step ?? kept?.step ?? 0;
  // At the end of a stretch, the next one begins when training does.
  const goal = stretch * Math.max(1, running ? Math.floor(step / stretch) + 1 : Math.ceil(step / stretch));
  const where = open && { backend: open.backend, why: open.why };
  tell({ told: "standing", standing: { running, step, goal, open: where } });
}

/** Opens the model where it is to run. What is open elsewhere, or was lost, moves there by a checkpoint. */
async function openFor(choice: Choice, seed: number): Promise<void> {
  if (open?.choice === choice) return;
  const before = open;
  const bytes = before === undefined ? kept?.bytes : await before.model.saveCheckpoint();
  const next = await openModel(choice, seed);
  try {
    if (bytes !== undefined) await next.model.loadCheckpoint(bytes);
  } catch (error) {
    next.model.close();
    throw error;
  }
  before?.model.close();
  open = { ...next, seed: bytes === undefined ? seed : await seedOf(next) };
  if (before === undefined) await show(true);
}

/** Loads a checkpoint into what is open, or opens the model for it. A file that is refused changes nothing. */
async function load(bytes: Uint8Array<ArrayBuffer>, choice: Choice): Promise<void> {
  const target = open ?? (await openModel(choice, 0));
  try {
    await target.model.loadCheckpoint(bytes);
  } catch (error) {
    if (open === undefined) target.model.close();
    throw error;
  }
  open = { ...target, seed: await seedOf(target) };
  kept = { bytes, step: target.model.step };
  await show(false);
}

const seedOf = async ({ model }: Opened): Promise<number> => (await model.session.state()).counters.seed;

/** The steps of training that are under way. */
let training: Promise<void> = Promise.resolve();

/** Trains until it is told to stop, or the goal is reached. Batch n of the seed's data is for step n, whatever happened before. */
async function train(): Promise<void> {
  const { model, seed } = open!;
  while (running) {
    const batch = wavesOf(seed, "training", model.step);
    const { step, loss, metrics } = await model.train(batch, { lr: learningRate, clip: 1 });
    tell({ told: "step", step, loss, accuracy: metrics.accuracy });
    if (step % examineEvery === 0) {
      await model.estimate(Array.from({ length: estimated }, (_, i) => wavesOf(seed, "estimation", i)));
      await examine();
      kept = { bytes: await model.saveCheckpoint(), step };
    }
    if (step % stretch === 0) running = false;
    // Lets messages in.
    await new Promise((done) => setTimeout(done));
  }
  tellStanding();
}

/** Shows what was just opened or loaded. */
async function show(goesOn: boolean): Promise<void> {
  const { model, seed } = open!;
  tell({ told: "opened", step: model.step, seed, goesOn });
  if (model.step > 0) await examine();
}

/** Looks at waves that are not trained on, with the population's statistics. */
async function examine(): Promise<void> {
  const { model, seed } = open!;
  const { x, y } = heldOut(seed);
  const { outputs, metrics } = await model.infer({ x, y });
  const answers = Array.from({ length: shown }, (_, b) => answerOf(outputs.logits.data, b, y.data[b]));
  tell({ told: "examined", step: model.step, accuracy: metrics.accuracy ?? Number.NaN, answers });
}

/** What logits, [examples, kinds], say about example `b`. */
function answerOf(logits: Float32Array, b: number, kind: number): Answer {
  const row = logits.subarray(b * kinds.length, (b + 1) * kinds.length);
  const largest = Math.max(...row);
  const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return { kind, answer: row.indexOf(largest), probability: 1 / sum };
}

function close(): void {
  open?.model.close();
  open = undefined;
}

/** Training has failed, perhaps because the device was lost: the model is gone, and what was kept of it is not. */
function lose(error: unknown): void {
  running = false;
  const { code, message, help } = failureOf(error);
  close();
  const next = kept === undefined ? "Start begins anew" : `Continue goes on from step ${kept.step}`;
  tell({ told: "failed", failure: { code, message, help: help === undefined ? next : `${help}. ${next}` } });
  tellStanding();
}

function fail(error: unknown): void {
  tell({ told: "failed", failure: failureOf(error) });
  tellStanding();
}

function failureOf(error: unknown): Failure {
  if (error instanceof RuntimeError) return { code: error.code, message: error.message, help: error.help };
  return { message: error instanceof Error ? error.message : String(error) };
}
