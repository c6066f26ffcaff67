/** Reads whole recordings, for tests of formats. */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, inject } from "vitest";
import { type ByteSource, openBytes } from "../../../../cli/data/byte-source.ts";
import type { Recording } from "../../../../cli/data/recording.ts";
import { Failure } from "../../../../cli/failure.ts";

/** Writes a file for this run alone. Returns its path, which ends in `name`. */
export async function fileOf(name: string, data: string | Uint8Array): Promise<string> {
  const path = join(inject("scratch"), "formats", randomUUID(), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
  return path;
}

/** A file's bytes; standard input is none. */
export const sourceOf = (path: string): Promise<ByteSource> => openBytes(path, nothing());

async function* nothing(): AsyncGenerator<Uint8Array> {}

export interface Sequence {
  readonly split?: string;
  readonly steps: number;
  readonly values: Readonly<Record<string, readonly (number | string)[]>>;
}

/** The sequences of a recording, their pieces joined; also checks what a recording promises of its pieces. */
export async function sequencesOf(recording: Recording): Promise<readonly Sequence[]> {
  const sequences: { split?: string; steps: number; values: Record<string, (number | string)[]> }[] = [];
  for await (const { begins, split, steps, values } of recording.pieces()) {
    if (begins) sequences.push({ ...(split ? { split } : {}), steps: 0, values: {} });
    const sequence = sequences.at(-1);
    if (sequence === undefined) throw new Error("the first piece does not begin a sequence");
    sequence.steps += steps;
    const due = Object.entries(recording.fields).filter(([, { over }]) => begins || over === "steps");
    expect(Object.keys(values).sort()).toEqual(due.map(([name]) => name).sort());
    for (const [name, field] of due) {
      const width = field.kind === "number" ? field.shape.reduce((a, b) => a * b, 1) : 1;
      expect(values[name]).toHaveLength(width * (field.over === "steps" ? steps : 1));
      sequence.values[name] = [...(sequence.values[name] ?? []), ...values[name]];
    }
  }
  return sequences;
}

/** The `Failure` that a promise ends in; it must be one for wrong input. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const failure = await promise.then(
    (value) => new Error(`nothing failed: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(failure instanceof Failure)) throw failure;
  expect(failure.exitCode).toBe(1);
  return failure;
}
