/** Damages files that commands read again: a run's folder and its checkpoint, as crashes, editors and careless copies leave them. */
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A whole number from 0 up to, but without, `below`: the only source of chance here. */
export type Draw = (below: number) => number;

export interface Mutated<T> {
  /** What was done, for a report. */
  readonly what: string;
  readonly value: T;
}

const pick = <T>(draw: Draw, items: readonly T[]): T => items[draw(items.length)];

/** What JSON can hold in place of something else, and what it cannot. */
const STRANGE: readonly string[] = [
  ...[
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e400",
    "9007199254740993",
    '""',
    '"x"',
    '"\\u0000"',
    '"\\u001b[31m"',
    "[]",
    "{}",
  ],
  ...["NaN", "undefined", '{"__proto__": 1}', "[[[[]]]]"],
];

/** Cuts, flips, repeats and fills bytes: whatever the format. */
export function mutateBytes(bytes: Uint8Array, draw: Draw): Mutated<Uint8Array> {
  const at = draw(bytes.length + 1);
  const length = 1 + draw(16);
  const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
  switch (draw(6)) {
    case 0:
      return { what: `cut after ${at} bytes`, value: Uint8Array.from(bytes.subarray(0, at)) };
    case 1: {
      const value = Uint8Array.from(bytes);
      if (at < value.length) value[at] ^= 1 << draw(8);
      return { what: `a bit of byte ${at} flipped`, value };
    }
    case 2:
      return {
        what: `${length} bytes gone at ${at}`,
        value: joined(bytes.subarray(0, at), bytes.subarray(at + length)),
      };
    case 3:
      return { what: `bytes up to ${at} twice`, value: joined(bytes.subarray(0, at), bytes) };
    case 4: {
      const value = Uint8Array.from(bytes);
      value.fill(0, at, Math.min(at + 4096, value.length));
      return { what: `a page of zeros at ${at}`, value };
    }
    default:
      return { what: `${length} bytes behind the end`, value: joined(bytes, new Uint8Array(length).fill(draw(256))) };
  }
}

/** Puts something else in place of a value of a JSON text, takes out a line, writes one twice, or damages it as `mutateBytes` does. */
export function mutateJson(text: string, draw: Draw): Mutated<string> {
  const values = [
    ...text.matchAll(/(?<=: ?|\[\s*|,\s*)("(?:[^"\\]|\\.)*"|[\d.eE+-]+|true|false|null|\{\}|\[\])(?!\s*:)/g),
  ];
  const lines = text.split("\n");
  const line = draw(lines.length);
  switch (draw(5)) {
    case 0:
    case 1: {
      if (values.length === 0) return { what: "emptied", value: "" };
      const { 0: old, index } = pick(draw, values);
      const strange = pick(draw, STRANGE);
      return { what: `${old} → ${strange}`, value: text.slice(0, index) + strange + text.slice(index + old.length) };
    }
    case 2:
      return { what: `line ${line + 1} gone`, value: lines.toSpliced(line, 1).join("\n") };
    case 3:
      return { what: `line ${line + 1} twice`, value: lines.toSpliced(line, 0, lines[line]).join("\n") };
    default: {
      const { what, value } = mutateBytes(new TextEncoder().encode(text), draw);
      return { what, value: new TextDecoder().decode(value) };
    }
  }
}

/** Damages the header of a safetensors file, with its length kept right or not, or its numbers. */
export function mutateCheckpoint(bytes: Uint8Array, draw: Draw): Mutated<Uint8Array> {
  if (draw(3) === 0) return mutateBytes(bytes, draw);
  const end = 8 + Number(Buffer.from(bytes).readBigUInt64LE());
  const { what, value } = mutateJson(new TextDecoder().decode(bytes.subarray(8, end)), draw);
  const header = new TextEncoder().encode(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return { what: `header: ${what}`, value: Uint8Array.from(Buffer.concat([length, header, bytes.subarray(end)])) };
}

/** The files of a run's folder that are read again. */
export const RUN_FILES = ["run.json", "curve.jsonl", "model.safetensors"] as const;

/** Damages one file in a run's folder; what was done. */
export async function mutateRunFolder(folder: string, draw: Draw): Promise<string> {
  const name = pick(draw, RUN_FILES);
  const path = join(folder, name);
  const instead = draw(12);
  if (instead < 3) await rm(path, { recursive: true, force: true });
  if (instead === 0) return `${name} gone`;
  if (instead === 1) {
    await mkdir(path);
    return `${name} is a folder`;
  }
  if (instead === 2) {
    await symlink(name, path);
    return `${name} is a link to itself`;
  }
  const bytes = await readFile(path);
  const { what, value } =
    name === "model.safetensors" ? mutateCheckpoint(bytes, draw) : mutateJson(bytes.toString("utf8"), draw);
  await writeFile(path, value);
  return `${name}: ${what}`;
}
