/**
 * Mutated data files of every format: refused with a place; or read as what a recording promises, twice the same, and, where a checksum
 * guards the numbers, as what the sound file holds.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { ByteSource } from "../../../cli/data/byte-source.ts";
import { formatRows } from "../../../cli/data/formats/rows.ts";
import type { Recording } from "../../../cli/data/recording.ts";
import { Failure } from "../../../cli/failure.ts";
import { type Numbers, npy, npz, safetensors } from "../../cli/data/formats/write-arrays.ts";
import { changeBytes } from "../change-bytes.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import type { Random } from "../random.ts";
import { verdict } from "../verdict.ts";

export const dataFiles: Fuzzer = {
  name: "data",
  tries: "mutated data files of every format: refused with a place, or read",
  seconds: 20,
  make(random): Case {
    const format = random.pick(formatRows);
    const sound = Buffer.from(files[format.name](random));
    const packed = random.chance(0.2);
    const changed = changeBytes(packed ? gzipSync(sound) : sound, random);
    return {
      files: { [`data${format.extensions[0] ?? ".txt"}`]: changed },
      attempt: () => verdict(() => attempt(format.name, sound, changed)),
    };
  },
};

const numbers = (random: Random, ...shape: number[]): Numbers => ({
  type: random.pick(["f4", "f8", "i4", "u1"]),
  shape,
  data: Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, () => random.below(100)),
});

const arrays = (random: Random): Readonly<Record<string, Numbers>> => {
  const [N, T] = [1 + random.below(3), 1 + random.below(4)];
  const lengths = { ...numbers(random, N), type: "i4", data: Array.from({ length: N }, () => 1 + random.below(T)) };
  return { x: numbers(random, N, T, 2), y: numbers(random, N), lengths };
};

const lines = (random: Random, line: (index: number) => string): string =>
  Array.from({ length: 1 + random.below(4) }, (_, index) => `${line(index)}\n`).join("");

const list = (random: Random, mark: string): string =>
  Array.from({ length: 3 }, () => `${random.below(100) / 8}`).join(mark);

/** A sound file of each format. */
const files: Readonly<Record<string, (random: Random) => string | Uint8Array>> = {
  NPY: (random) => npy(numbers(random, 2, 3)),
  NPZ: (random) => npz(arrays(random), random.pick([0, 6])),
  safetensors: (random) => safetensors(arrays(random)),
  JSONL: (random) =>
    lines(random, (i) => `{"x": [[${list(random, ",")}]], "y": ${random.below(9)}, "id": "s${i}", "z": "é"}`),
  TS: (random) =>
    `# a\n@equalLength true\n@classLabel true a b\n@data\n${lines(random, () => `${list(random, ",")}:${list(random, ",")}:${random.pick(["a", "b"])}`)}`,
  UCR: (random) => lines(random, () => `${random.below(3)}\t${list(random, "\t")}\tNaN`),
  text: (random) => lines(random, () => random.pick(["to be", "日é😀", "", "x"])),
  bAbI: (random) => lines(random, (i) => (i === 0 ? "1 Mary went home." : `${i + 1} Who went? \tMary\t1`)),
};

async function attempt(name: string, sound: Uint8Array, changed: Uint8Array): Promise<Verdict> {
  const [first, again] = [await contents(name, changed), await contents(name, changed)];
  if (first !== again) return wrong("a second reading gives something else");
  const bytes = unpacked(changed);
  const isGuarded = name === "NPZ" && bytes !== undefined && bytes.length === sound.length;
  return isGuarded && first !== (await contents(name, sound))
    ? wrong("numbers changed, and no checksum told")
    : accepted;
}

function unpacked(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch {
    return undefined;
  }
}

/** All that a file holds, as a text. Throws for a piece that is not what its recording promises. */
async function contents(name: string, bytes: Uint8Array): Promise<string> {
  const row = formatRows.find((format) => format.name === name)!;
  const recording = await row.open(sourceOf(bytes), { missing: "kept" });
  const pieces: unknown[] = [];
  let begun = false;
  for await (const piece of recording.pieces()) {
    begun ||= piece.begins;
    if (!begun) throw new Error("the first piece begins no sequence");
    checkPiece(recording, piece.begins, piece.steps, piece.values);
    pieces.push([
      piece.begins,
      piece.split,
      piece.steps,
      Object.entries(piece.values).map(([key, values]) => [key, ...values].map(String)),
    ]);
  }
  return JSON.stringify([recording.fields, pieces]);
}

function checkPiece(
  { fields }: Recording,
  begins: boolean,
  steps: number,
  values: Readonly<Record<string, ArrayLike<unknown>>>,
): void {
  if (!(steps >= 1)) throw new Error(`a piece of ${steps} steps`);
  for (const [name, field] of Object.entries(fields)) {
    const isDue = begins || field.over === "steps";
    const width = field.kind === "number" ? field.shape.reduce((product, extent) => product * extent, 1) : 1;
    const length = Object.hasOwn(values, name) ? values[name].length : undefined;
    const due = isDue ? width * (field.over === "steps" ? steps : 1) : undefined;
    if (length !== due) throw new Error(`${length} values of a field that wants ${due}`);
  }
}

/** Bytes in memory as a file's. */
function sourceOf(bytes: Uint8Array): ByteSource {
  const held = unpacked(bytes);
  const get = (): Uint8Array => {
    if (held === undefined) throw new Failure("C0402", 1, "a damaged gzip stream");
    return held;
  };
  return {
    path: "data",
    async *stream() {
      const all = get();
      // Small parts, so that characters and lines lie across them.
      for (let at = 0; at < all.length; at += 7) yield all.subarray(at, at + 7);
    },
    whole: async () => {
      const all = get();
      return { size: all.length, read: async (from, to) => Uint8Array.from(all.subarray(from, to)), close: () => {} };
    },
  };
}
