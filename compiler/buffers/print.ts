/** The text of a buffer assignment: every buffer's offset, its live interval, and the values in it. */
import type { Region, RegionName } from "../../runtime/plan.ts";
import { valueNames } from "../ir/text.ts";
import type { Partition } from "../partition/partition.ts";
import type { LiveInterval, ProgramPoint } from "./arena.ts";
import type { Buffers } from "./buffers.ts";
import type { Allocation, Buffer, LiveBuffer } from "./layout.ts";

/** The buffers of the entry `name`, whose values `partition` has. Offsets and sizes are in floats. */
export function printBuffers(name: string, buffers: Buffers, partition: Partition): string {
  const values = valuesIn(buffers, partition);
  const regions = Object.entries(buffers.layout.regions()) as [RegionName, Region][];
  const byPlace = [...buffers.arena].sort(
    (a, b) => order(a.buffer) - order(b.buffer) || a.buffer.offset - b.buffer.offset,
  );
  const lines = [
    ...regions.filter(([, region]) => size(region) !== "0").map(([r, region]) => `region ${r}: ${size(region)}`),
    ...buffers.tensors.map(
      ({ name, region, offset, shape }) => `tensor ${JSON.stringify(name)} ${region}[${offset}] [${shape.join(", ")}]`,
    ),
    ...byPlace.map((live) => bufferLine(live, values.get(live.buffer) ?? [])),
  ];
  return `buffers ${name} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

const size = ({ fixed, frame, segment }: Region): string =>
  [
    String(fixed),
    ...(frame > 0 ? [`${frame} a step`] : []),
    ...(segment && segment.border > 0 ? [`${segment.border} a border`] : []),
  ].join(" + ");

const order = ({ region, time, ring, span }: Buffer): number =>
  (region === "half" ? 4 : 0) + (!time || ring ? 0 : span === "sequence" ? 1 : span === "segment" ? 2 : 3);

function bufferLine({ buffer, interval }: LiveBuffer, values: readonly string[]): string {
  const { region, offset, size: floats, time, ring, span } = buffer;
  const copies = ring ? `, ${ring} in turn` : time ? `, one for each ${unitOf[span]}` : "";
  return `${region}[${offset}] ${floats}${copies}, ${liveText(interval)}: ${values.join(", ")}`;
}

const unitOf: Readonly<Record<Buffer["span"], string>> = {
  sequence: "step",
  segment: "step of a segment",
  borders: "border between segments",
};

const liveText = (interval: LiveInterval): string =>
  interval.from[0] === Number.POSITIVE_INFINITY
    ? interval.behind
      ? `live behind the last step ${intervalText(interval.behind)}`
      : "never live"
    : `live ${intervalText(interval)}`;

const intervalText = ({ from, to }: Pick<LiveInterval, "from" | "to">): string => `${point(from)} to ${point(to)}`;

const point = (p: ProgramPoint): string =>
  p.map((n) => (n === Number.NEGATIVE_INFINITY ? "start" : n === Number.POSITIVE_INFINITY ? "end" : n)).join(".");

/** The values in each buffer, by their names in each piece's graph. */
function valuesIn({ allocations }: Buffers, partition: Partition): ReadonlyMap<Buffer, readonly string[]> {
  const found = new Map<Buffer, string[]>();
  partition.forEach(({ graph }, at) => {
    const names = valueNames(graph);
    for (const [v, places] of allocations[at])
      for (const place of places)
        found.set(place.buffer, [...(found.get(place.buffer) ?? []), `${names(v)}${where(place)}`]);
  });
  return found;
}

/** The frame of a value, and its start in the buffer. */
function where({ frame, start, buffer }: Allocation): string {
  const shift = frame.kind === "shifted" ? (frame.by === 0 ? "" : `+${frame.by}`) : frame.kind;
  const at = buffer.time && shift !== "" ? `@${shift}` : "";
  return `${at}${start === 0 ? "" : ` from ${start}`}`;
}
