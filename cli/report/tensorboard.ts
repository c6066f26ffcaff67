/**
 * A run's curve as TensorBoard reads it: a file of events, each a protobuf message in a record with checksums (tensorflow/core/util/
 * event.proto, tensorflow/core/lib/io/record_writer.cc).
 */
import { appendFile, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { cannotWrite } from "../file-errors.ts";
import { protobuf } from "../protobuf.ts";
import { crc32c } from "./crc32c.ts";
import type { CurvePoint } from "./curve-log.ts";

/** The parts of the messages that a curve needs. */
const messages = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: { type: "double", id: 1 },
        step: { type: "int64", id: 2 },
        fileVersion: { type: "string", id: 3 },
        summary: { type: "Summary", id: 5 },
        sessionLog: { type: "SessionLog", id: 7 },
      },
    },
    Summary: { fields: { value: { rule: "repeated", type: "Value", id: 1 } } },
    Value: { fields: { tag: { type: "string", id: 1 }, simpleValue: { type: "float", id: 2 } } },
    SessionLog: { fields: { status: { type: "Status", id: 1 } } },
    Status: { values: { STATUS_UNSPECIFIED: 0, START: 1 } },
  },
});
const event = messages.lookupType("Event");

/** The first record of a file. */
const VERSION = "brain.Event:2";

/** Writes events into a folder, in a file of its own. Nothing is written before the first event. */
export class EventWriter {
  readonly path: string;
  readonly #folder: string;
  readonly #from: number;
  #begun = false;

  /** @param from the step that a run goes on from: TensorBoard forgets what it knows of later ones */
  constructor(folder: string, from: number) {
    this.#folder = folder;
    this.#from = from;
    const seconds = Math.floor(Date.now() / 1000);
    this.path = join(folder, `events.out.tfevents.${String(seconds).padStart(10, "0")}.${hostname()}.${process.pid}`);
  }

  /** Adds the points of a curve. Throws C0409 if they cannot be written. */
  async add(points: readonly CurvePoint[]): Promise<void> {
    if (points.length === 0) return;
    const wallTime = Date.now() / 1000;
    const first = this.#begun
      ? []
      : [
          { wallTime, fileVersion: VERSION },
          { wallTime, step: this.#from + 1, sessionLog: { status: 1 } },
        ];
    const events = points.map((point) => ({
      wallTime,
      step: point.step,
      summary: { value: scalarsOf(point).map(([tag, simpleValue]) => ({ tag, simpleValue })) },
    }));
    try {
      await mkdir(this.#folder, { recursive: true });
      await appendFile(
        this.path,
        Buffer.concat([...first, ...events].map((one) => recordOf(event.encode(one).finish()))),
      );
      this.#begun = true;
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }
}

/** The numbers of a point, by TensorBoard's tag: what stands before the slash is the section of the page. */
function scalarsOf(point: CurvePoint): readonly (readonly [string, number])[] {
  const section = point.kind === "train" ? "train" : "validation";
  const others = point.kind === "train" ? { gradient_norm: point.gradientNorm, learning_rate: point.lr } : {};
  const all: Readonly<Record<string, number | undefined>> = { loss: point.loss, ...others, ...point.metrics };
  return Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[`${section}/${name}`, value] as const],
  );
}

/** Length, its checksum, the data, its checksum; each checksum masked, as checksums of checksums are weak. */
function recordOf(data: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.length), 0);
  head.writeUInt32LE(masked(crc32c(head.subarray(0, 8))), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(masked(crc32c(data)), 0);
  return Buffer.concat([head, data, tail]);
}

const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
