/** Command lines as somebody would type them. */
import { type ClassWeights, classWeightsText } from "../data/class-weights.ts";
import { type DataOptions, dataOptionNames, dataOptions } from "../data/data-options.ts";

/** Columns whose names a list with commas cannot hold. */
const isListable = (names: readonly string[]): boolean =>
  names.every((name) => name !== "" && name.trim() === name && !name.includes(","));

/**
 * The options as words of a command line. Undefined for what only a task file can say: inputs and targets of other names than `x` and `y`,
 * and columns whose names have commas.
 */
export function flagsOf(own: DataOptions): readonly string[] | undefined {
  const words: string[] = [];
  for (const key of dataOptionNames) {
    const value = own[key];
    if (value === undefined) continue;
    const flag = dataOptions[key].flag.split(" ")[0];
    const text = textOf(key, value);
    if (text === undefined) return undefined;
    if (text === true) words.push(flag);
    else if (text !== false) words.push(flag, text);
  }
  return words;
}

/** True for an option that is there and has no value, false for one that is not there. */
function textOf(
  key: keyof DataOptions,
  value: NonNullable<DataOptions[keyof DataOptions]>,
): string | boolean | undefined {
  if (key === "header") return value === false;
  if (typeof value === "boolean") return value;
  if (value === "\t") return "tab";
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (Array.isArray(value)) {
    const parts = value.map(String);
    return isListable(parts) ? parts.join(",") : undefined;
  }
  if (key === "classWeights") return classWeightsText(value as ClassWeights);
  const alone = key === "inputs" ? "x" : "y";
  const entries = Object.entries(value as Readonly<Record<string, string | readonly string[]>>);
  const [[name, columns]] = entries;
  if (entries.length !== 1 || name !== alone) return undefined;
  if (typeof columns === "string") return columns;
  return isListable(columns) ? columns.join(",") : undefined;
}

/** A command line with quotes where a shell needs them. */
export const commandLine = (words: readonly string[]): string => words.map(quoted).join(" ");

function quoted(word: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./\\-]+$/u.test(word) && (process.platform === "win32" || !word.includes("\\"))) return word;
  return process.platform === "win32" ? `"${word.replaceAll('"', '""')}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
