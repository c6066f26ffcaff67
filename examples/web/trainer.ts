/** The worker: opens the model, trains it, saves it and loads it, so that the page never waits. */
import { RuntimeError } from "cellc/runtime";
import type { Choice } from "./backends.ts";
import type { Answer, Ask, Failure, Told } from "./messages.ts";
import { type Opened, openModel } from "./open-model.ts";
import { examples, steps } from "./sizes.ts";
import { kinds, wavesOf } from "./waves.ts";

/** Training pauses by itself whenever so many steps more are done. */
const stretch = 500;
const learningRate = 6e-3;
/** How often the held-out waves are looked at, and how many of them the page shows. */
const [examineEvery, shown] = [10, 8];
/** How often the model is kept in memory, for when the device is lost. */
const keepEvery = 50;

/** The model that is open. The seed is a checkpoint's own, once one is loaded. */
let open: (Opened & { readonly seed: number }) | undefined;
/** The last checkpoint that was kept: what training goes on from when the device was lost. */
let kept: Uint8Array<ArrayBuffer> | undefined;
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
  const step = open?.model.step ?? 0;
  const goal = stretch * Math.floor((running || open === undefined ? step : step - 1) / stretch + 1);
  const where = open && { backend: open.backend, why: open.why, seed: open.seed };
  tell({ told: "standing", standing: { running, step, goal, open: where } });
}

/** Opens the model where it is to run. What is open elsewhere, or was lost, moves there by a checkpoint. */
async function openFor(choice: Choice, seed: number): Promise<void> {
  if (open?.choice === choice) return;
  const before = open;
  const bytes = before === undefined ? kept : await before.model.saveCheckpoint();
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
  kept = bytes;
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
    if (step % examineEvery === 0) await examine();
    if (step % keepEvery === 0) kept = await model.saveCheckpoint();
    if (step % stretch === 0) running = false;
    // Lets messages in.
    await new Promise((done) => setTimeout(done));
  }
  tellStanding();
}

/** Shows what was just opened or loaded. */
async function show(goesOn: boolean): Promise<void> {
  const { x } = wavesOf(open!.seed, "held out", 0);
  const waves = Array.from({ length: shown }, (_, b) =>
    Float32Array.from({ length: steps }, (_, t) => x.data[t * examples + b]),
  );
  tell({ told: "opened", step: open!.model.step, waves, goesOn });
  if (open!.model.step > 0) await examine();
}

/** Looks at waves that are not trained on, with the statistics that training has collected. */
async function examine(): Promise<void> {
  const { model, seed } = open!;
  const { x, y } = wavesOf(seed, "held out", 0);
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
  const next = kept === undefined ? "Start begins anew" : "Start goes on from the last checkpoint in memory";
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
