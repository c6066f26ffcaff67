/** A run that is small enough to be repeated many times: the cell, and the options of the commands. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const CELL = `cell tiny(D = 6, H = 4) {
  param Wx : [D, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = noise(0.1)
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx)
  output h'
  place hh : batch(gamma = 0.5)
}
`;

const TASK = ["--task", "digits-rows", "--batch", "64"];

export async function writeCell(folder: string): Promise<string> {
  const path = join(folder, "a.cell");
  await writeFile(path, CELL);
  return path;
}

export const trainArgs = (cell: string, out: string, steps: number, ...more: readonly string[]): readonly string[] => [
  ...["train", cell, ...TASK, "--estimate", "64", "--lr", "0.01", "--evaluate-every", "2", "--steps", `${steps}`],
  ...["--out", out, ...more],
];

export const evalArgs = (cell: string, checkpoint: string): readonly string[] => [
  ...["eval", cell, ...TASK, "--checkpoint", checkpoint, "--json"],
];

export const exploreArgs = (
  cell: string,
  out: string,
  budget: number,
  ...more: readonly string[]
): readonly string[] => [
  ...[
    "explore",
    cell,
    ...TASK,
    "--estimate",
    "64",
    "--lr",
    "0.01",
    "--evaluate-every",
    "4",
    "--norms",
    "none,batch,layer",
  ],
  ...["--budget", `${budget}`, "--out", out, ...more],
];
