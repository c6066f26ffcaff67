import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../cli/report/crc32c.ts";
import type { CurvePoint } from "../../../cli/report/curve-log.ts";
import { EventWriter } from "../../../cli/report/tensorboard.ts";
import { withFolder } from "../../data/mnist.ts";

/** The records of a file, by the format's description. Throws where a checksum does not fit. */
function recordsOf(bytes: Buffer): readonly Buffer[] {
  const unmasked = (crc: number) => {
    const turned = (crc - 0xa282ead8) >>> 0;
    return ((turned >>> 17) | (turned << 15)) >>> 0;
  };
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (unmasked(bytes.readUInt32LE(at + 8)) !== bitwise(bytes.subarray(at, at + 8))) throw new Error("length");
    if (unmasked(bytes.readUInt32LE(at + 12 + length)) !== bitwise(data)) throw new Error("data");
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** CRC-32C bit by bit, the textbook's. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const low = (crc ^ (byte >>> bit)) & 1;
      crc = (crc >>> 1) ^ (low ? 0x82f63b78 : 0);
    }
  }
  return ~crc >>> 0;
}

type Field = readonly [number: number, value: number | Buffer];

/** The fields of a protobuf message, in order. */
function fieldsOf(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, kind] = [Math.floor(key / 8), key % 8];
    if (kind === 0) fields.push([number, varint()]);
    else if (kind === 1) {
      fields.push([number, bytes.readDoubleLE(at)]);
      at += 8;
    } else if (kind === 5) {
      fields.push([number, bytes.readFloatLE(at)]);
      at += 4;
    } else if (kind === 2) {
      const length = varint();
      fields.push([number, bytes.subarray(at, at + length)]);
      at += length;
    } else throw new Error(`wire type ${kind}`);
  }
  return fields;
}

const one = (fields: readonly Field[], number: number) => fields.find(([n]) => n === number)?.[1];

/** `[step, tag, value]` of every scalar in a file. */
function scalarsIn(bytes: Buffer): readonly (readonly [number, string, number])[] {
  return recordsOf(bytes).flatMap((record) => {
    const event = fieldsOf(record);
    const summary = one(event, 5);
    if (!Buffer.isBuffer(summary)) return [];
    return fieldsOf(summary).map(([, value]) => {
      const fields = fieldsOf(value as Buffer);
      return [one(event, 2) as number, String(one(fields, 1)), one(fields, 2) as number] as const;
    });
  });
}

describe("events for TensorBoard", () => {
  test("are read back by the format's description: version, start, and every number of the curve", () =>
    withFolder(async (folder) => {
      const writer = new EventWriter(join(folder, "a", "b"), 40);
      const points: readonly CurvePoint[] = [
        {
          kind: "train",
          step: 41,
          epoch: 1,
          loss: 2.5,
          gradientNorm: 0.5,
          lr: 0.25,
          metrics: { error: 3 },
          seconds: 1,
        },
        { kind: "train", step: 70_000, epoch: 1, loss: 1.5, seconds: 2 },
      ];
      await writer.add([]);
      await expect(readdir(folder)).resolves.toEqual([]);
      await writer.add(points);
      const held: CurvePoint = {
        kind: "evaluation",
        step: 70_000,
        epoch: 1,
        loss: 1.25,
        metrics: { accuracy: 0.5 },
        seconds: 3,
      };
      await writer.add([held]);
      const [file] = await readdir(join(folder, "a", "b"));
      expect(file).toMatch(/^events\.out\.tfevents\.\d{10}\./);
      const bytes = await readFile(writer.path);
      const [version, start] = recordsOf(bytes).map(fieldsOf);
      expect(String(one(version, 3))).toBe("brain.Event:2");
      expect([one(start, 2), fieldsOf(one(start, 7) as Buffer)]).toEqual([41, [[1, 1]]]);
      expect(one(version, 1)).toBeGreaterThan(1.7e9);
      expect(scalarsIn(bytes)).toEqual([
        [41, "train/loss", 2.5],
        [41, "train/gradient_norm", 0.5],
        [41, "train/learning_rate", 0.25],
        [41, "train/error", 3],
        [70_000, "train/loss", 1.5],
        [70_000, "validation/loss", 1.25],
        [70_000, "validation/accuracy", 0.5],
      ]);
    }));

  test("have the checksum of the standard", () => {
    // RFC 3720, B.4, and the catalogue's check value.
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => crc32c(bytes) === bitwise(bytes)));
  });
});
