/** Shows examples of a task to people: block characters for a terminal, SVG for a file, numbers for sequences. */
import type { Split, Task, TaskBatch } from "./task.ts";
import { stepsOf, widthOf } from "./time-axes.ts";

const SHADES = " ░▒▓█";

/** Example `index` as text: a picture in shades with two characters per pixel, or the first steps of each input as numbers. */
export async function exampleText(task: Task, split: Split, index: number): Promise<string> {
  const batch = await task.batch(split, Uint32Array.of(index));
  const { inputs } = batch;
  const label = Object.entries(task.inputs)
    .filter(([, input]) => !input.time)
    .map(([name]) => `${name} = ${Array.from(inputs[name], shortNumber).join(" ")}`)
    .join(", ");
  const head = `${split} ${index}: ${label}`;
  if (task.text !== undefined) return `${head}\n${await task.text(split, index)}`;
  if (task.picture === undefined) return `${head}\n${sequenceText(task, batch)}`;
  const { rows, columns } = task.picture;
  const pixels = task.picture.pixels(split, index);
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from(pixels.subarray(row * columns, (row + 1) * columns), (value) => shade(value).repeat(2))
      .join("")
      .trimEnd(),
  );
  return `${head}\n${lines.join("\n")}`;
}

/** The examples as a grid of pictures in one SVG text. Throws RangeError for a task without pictures. */
export function examplesSvg(task: Task, split: Split, indices: readonly number[]): string {
  if (task.picture === undefined) throw new RangeError(`${task.name} has no pictures`);
  const { rows, columns } = task.picture;
  const cell = Math.max(4, Math.floor(112 / rows));
  const gap = cell;
  const across = Math.min(indices.length, 8);
  const width = gap + across * (columns * cell + gap);
  const height = gap + Math.ceil(indices.length / across) * (rows * cell + gap);
  const squares = indices.flatMap((index, at) => {
    const left = gap + (at % across) * (columns * cell + gap);
    const top = gap + Math.floor(at / across) * (rows * cell + gap);
    return Array.from(task.picture!.pixels(split, index), (value, i) => {
      const level = Math.round(255 * (1 - clamp(value)));
      const x = left + (i % columns) * cell;
      const y = top + Math.floor(i / columns) * cell;
      return `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="rgb(${level},${level},${level})"/>`;
    });
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#dde3ea"/>${squares.join("")}</svg>\n`;
}

function sequenceText(task: Task, batch: TaskBatch): string {
  return Object.entries(task.inputs)
    .flatMap(([name, input]) => {
      if (!input.time) return [];
      const features = widthOf(input);
      const steps = stepsOf(batch, name, input);
      const shown = Math.min(steps, 12);
      const values = batch.inputs[name];
      return Array.from({ length: features }, (_, f) => {
        const first = Array.from({ length: shown }, (_, t) => shortNumber(values[t * features + f]).padStart(5));
        return `  ${name}[${f}] ${first.join(" ")}${shown < steps ? ` … (${steps} steps)` : ""}`;
      });
    })
    .join("\n");
}

function shade(value: number): string {
  return SHADES[Math.min(SHADES.length - 1, Math.floor(clamp(value) * SHADES.length))];
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
