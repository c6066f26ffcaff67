import { exit, Failure } from "../../failure.ts";

/** A place in a text file. Both count from 1. */
export interface Place {
  readonly line?: number;
  readonly column?: number;
}

/** C0402 for what is wrong in a data file: `a.jsonl:3:14: …`. */
export function fault(path: string, reason: string, { line, column }: Place = {}, help?: string): Failure {
  const place = [path, line, column].filter((part) => part !== undefined).join(":");
  return new Failure("C0402", exit.input, `${place}: ${reason}`, help);
}
