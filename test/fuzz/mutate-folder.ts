/** Damages files that commands read again: a run's folder and its checkpoint, as crashes, editors and careless copies leave them. */
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { changeBytes } from "./change-bytes.ts";
import type { Random } from "./random.ts";

interface Mutated<T> {
  /** What was done, for a report. */
  readonly what: string;
  readonly value: T;
}

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

/** Puts something else in place of a value of a JSON text, takes out a line, writes one twice, or damages its bytes. */
function mutateJson(text: string, random: Random): Mutated<string> {
  const values = [
    ...text.matchAll(/(?<=: ?|\[\s*|,\s*)("(?:[^"\\]|\\.)*"|[\d.eE+-]+|true|false|null|\{\}|\[\])(?!\s*:)/g),
  ];
  const lines = text.split("\n");
  const line = random.below(lines.length);
  switch (random.below(5)) {
    case 0:
    case 1: {
      if (values.length === 0) return { what: "emptied", value: "" };
      const { 0: old, index } = random.pick(values);
      const strange = random.pick(STRANGE);
      return { what: `${old} → ${strange}`, value: text.slice(0, index) + strange + text.slice(index + old.length) };
    }
    case 2:
      return { what: `line ${line + 1} gone`, value: lines.toSpliced(line, 1).join("\n") };
    case 3:
      return { what: `line ${line + 1} twice`, value: lines.toSpliced(line, 0, lines[line]).join("\n") };
    default: {
      const value = changeBytes(new TextEncoder().encode(text), random);
      return { what: "bytes changed", value: new TextDecoder().decode(value) };
    }
  }
}

/** Damages the header of a safetensors file, with its length kept right or not, or its numbers. */
function mutateCheckpoint(bytes: Uint8Array, random: Random): Mutated<Uint8Array> {
  if (random.below(3) === 0) return { what: "bytes changed", value: changeBytes(bytes, random) };
  const end = 8 + Number(Buffer.from(bytes).readBigUInt64LE());
  const { what, value } = mutateJson(new TextDecoder().decode(bytes.subarray(8, end)), random);
  const header = new TextEncoder().encode(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return { what: `header: ${what}`, value: Uint8Array.from(Buffer.concat([length, header, bytes.subarray(end)])) };
}

/** The files of a run's folder that are read again. */
export const RUN_FILES = ["run.json", "curve.jsonl", "model.safetensors"] as const;

/** Damages one file in a run's folder; what was done. */
export async function mutateRunFolder(folder: string, random: Random): Promise<string> {
  const name = random.pick(RUN_FILES);
  const path = join(folder, name);
  const instead = random.below(12);
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
    name === "model.safetensors" ? mutateCheckpoint(bytes, random) : mutateJson(bytes.toString("utf8"), random);
  await writeFile(path, value);
  return `${name}: ${what}`;
}
