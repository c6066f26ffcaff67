/** The page: asks the worker to train, and shows what it tells. */
import { type Choice, nameOf, targets } from "./backends.ts";
import { Chart, type Point } from "./chart.ts";
import type { Ask, Failure, Standing, Told } from "./messages.ts";
import { drawWaves, writeAnswers } from "./samples.ts";

const start = element("start", HTMLButtonElement);
const reset = element("reset", HTMLButtonElement);
const save = element("save", HTMLButtonElement);
const load = element("load", HTMLInputElement);
const seed = element("seed", HTMLInputElement);
const choices = element("choices", HTMLElement);
const samples = element("samples", HTMLElement);
const failure = element("failure", HTMLElement);
const numbers = element("numbers", HTMLElement);

function element<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no #${id}`);
}

const percent = (value: number): string => `${Math.round(100 * value)} %`;

const lossChart = new Chart(element("loss-chart", HTMLElement), {
  title: "Loss",
  lines: [
    { name: "each batch", style: "light" },
    { name: "mean of 20", style: "strong" },
  ],
  ...{ top: 1.5, ticks: 3, format: (value) => value.toFixed(2) },
});
const accuracyChart = new Chart(element("accuracy-chart", HTMLElement), {
  title: "Accuracy",
  lines: [
    { name: "each batch", style: "light" },
    { name: "held-out waves", style: "strong" },
  ],
  ...{ top: 1, ticks: 4, format: percent },
});

/** What the charts show. */
interface Curves {
  readonly losses: Point[];
  readonly means: Point[];
  readonly accuracies: Point[];
  readonly heldOut: Point[];
}
let curves: Curves = { losses: [], means: [], accuracies: [], heldOut: [] };
let standing: Standing = { running: false, step: 0, goal: 500 };
/** How many batches the mean is of. */
const averaged = 20;

const worker = new Worker(new URL("./trainer.ts", import.meta.url), { type: "module" });
const ask = (message: Ask, moved: Transferable[] = []): void => worker.postMessage(message, moved);

worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
  switch (data.told) {
    case "standing":
      stand(data.standing);
      break;
    case "opened":
      keepUpTo(data.goesOn ? data.step : 0);
      seed.value = String(data.seed);
      drawWaves(samples, data.seed);
      break;
    case "step":
      addStep(data.step, data.loss, data.accuracy);
      break;
    case "examined":
      curves.heldOut.push([data.step, data.accuracy]);
      element("accuracy", HTMLElement).textContent = percent(data.accuracy);
      writeAnswers(samples, data.answers);
      addRow(data.step, data.accuracy);
      break;
    case "saved":
      download(`waves-${data.step}.safetensors`, data.bytes);
      break;
    case "failed":
      showFailure(data.failure);
      break;
    default:
      data satisfies never;
  }
  drawSoon();
});
worker.addEventListener("error", ({ message }) =>
  showFailure({ message: message || "the worker could not be loaded" }),
);

/** Shows where the worker stands, and what can be done now. */
function stand(now: Standing): void {
  standing = now;
  const { running, step, goal, open } = now;
  const isNew = open === undefined && step === 0;
  if (isNew) forget();
  start.textContent = running ? "Pause" : step === 0 ? "Start" : step === goal ? "Train on" : "Continue";
  start.disabled = false;
  reset.disabled = isNew;
  save.disabled = open === undefined || step === 0;
  seed.disabled = !isNew;
  element("step", HTMLElement).textContent = String(step);
  const doing = running ? "Training" : step === 0 ? "Ready" : `Paused at step ${step}`;
  const where = open === undefined ? "Nothing is open." : `Runs on ${nameOf(open.backend)} (${open.why}).`;
  element("status", HTMLElement).textContent = `${doing}. ${where}`;
}

function addStep(step: number, loss: number, accuracy: number): void {
  curves.losses.push([step, loss]);
  curves.accuracies.push([step, accuracy]);
  const last = curves.losses.slice(-averaged);
  const mean = last.reduce((sum, [, value]) => sum + value, 0) / last.length;
  curves.means.push([step, mean]);
  element("step", HTMLElement).textContent = String(step);
  element("loss", HTMLElement).textContent = mean.toFixed(3);
}

/** A row for the step that was done last. */
function addRow(step: number, heldOut: number): void {
  const [loss, accuracy] = [curves.losses, curves.accuracies].map((points) => points.at(-1)?.[1]);
  if (loss === undefined || accuracy === undefined) return;
  const row = document.createElement("tr");
  for (const cell of [step, loss.toFixed(6), percent(accuracy), percent(heldOut)]) {
    row.insertCell().textContent = String(cell);
  }
  numbers.prepend(row);
}

/** Leaves of the curves what was before a step, which is where the model stands. */
function keepUpTo(end: number): void {
  const before = (points: readonly Point[]): Point[] => points.filter(([step]) => step <= end);
  curves = {
    losses: before(curves.losses),
    means: before(curves.means),
    accuracies: before(curves.accuracies),
    heldOut: before(curves.heldOut).slice(0, -1),
  };
  for (const row of [...numbers.children]) if (Number(row.firstElementChild?.textContent) >= end) row.remove();
  element("samples-hint", HTMLElement).hidden = true;
}

/** Empties the page, as it was in the beginning. */
function forget(): void {
  keepUpTo(0);
  drawWaves(samples, seed.valueAsNumber);
  for (const id of ["loss", "accuracy"]) element(id, HTMLElement).textContent = "–";
  element("samples-hint", HTMLElement).hidden = false;
}

let isDrawing = false;
function drawSoon(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    lossChart.show([curves.losses, curves.means], standing.goal);
    accuracyChart.show([curves.accuracies, curves.heldOut], standing.goal);
  });
}

function showFailure({ code, message, help }: Failure): void {
  const what = document.createElement("strong");
  what.textContent = code === undefined ? "Something went wrong" : `Error ${code}`;
  const lines = [message, ...(help === undefined ? [] : [help])].map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = `${line[0].toUpperCase()}${line.slice(1).replace(/\.$/, "")}.`;
    return paragraph;
  });
  failure.replaceChildren(what, ...lines);
  failure.hidden = false;
}

function clearFailure(): void {
  failure.hidden = true;
  failure.replaceChildren();
}

function download(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  // The browser has begun to read by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const choice = (): Choice => (new FormData(form).get("backend") as Choice | null) ?? "auto";
const form = document.createElement("form");
form.append(...["auto", ...targets].map(radioFor));
choices.append(form);

function radioFor(value: string): HTMLElement {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "backend", value });
  radio.checked = value === "auto";
  label.append(radio, document.createTextNode(nameOf(value)));
  return label;
}

function startTraining(): void {
  if (!seed.reportValidity()) return;
  clearFailure();
  start.disabled = true;
  element("status", HTMLElement).textContent = "Opening the model …";
  ask({ ask: "start", choice: choice(), seed: seed.valueAsNumber });
}

seed.addEventListener("input", () => {
  if (seed.validity.valid) drawWaves(samples, seed.valueAsNumber);
});
start.addEventListener("click", () => (standing.running ? ask({ ask: "pause" }) : startTraining()));
// Training moves to another backend in the middle, if it is chosen then.
choices.addEventListener("change", () => {
  if (standing.running) startTraining();
});
reset.addEventListener("click", () => {
  clearFailure();
  ask({ ask: "reset" });
});
save.addEventListener("click", () => ask({ ask: "save" }));
load.addEventListener("change", async () => {
  const [file] = load.files ?? [];
  if (file === undefined) return;
  clearFailure();
  try {
    const bytes = await file.arrayBuffer();
    ask({ ask: "load", bytes, choice: choice() }, [bytes]);
  } catch (error) {
    showFailure({ message: `${file.name} cannot be read: ${error instanceof Error ? error.message : error}` });
  } finally {
    // The same file may be chosen again.
    load.value = "";
  }
});

drawWaves(samples, seed.valueAsNumber);
drawSoon();
