/** Moves floats between the host and textures. */
import { RuntimeError } from "../error.ts";
import type { Range } from "../layout.ts";
import type { Entry } from "../plan.ts";
import { type Context, lostHelp } from "./context.ts";
import { bindScratch, reading } from "./image.ts";
import { rectangles } from "./ranges.ts";
import { type Bound, type FramePlace, placeOf, type Textures } from "./textures.ts";

/** Consecutive floats of one frame of a texture. */
interface Span {
  readonly place: FramePlace;
  /** The first float in the frame, and how many. */
  readonly from: number;
  readonly count: number;
}

/**
 * Writes a range of a region. gpu.js uploads to textures of its own, as arguments of a kernel that would copy them to where they
 * belong: several times as slow (docs/bench.md). Errors: C0503, C0505, C0506.
 */
export function write({ gl, check }: Context, textures: Textures, range: Range, data: Float32Array): void {
  check();
  const image = textures.region(range.region);
  bindScratch(gl, image);
  for (let piece = 0; piece < range.count; piece++) {
    const at = range.offset + piece * range.stride;
    const floats = data.subarray(piece * range.length, (piece + 1) * range.length);
    if (at % 4 !== 0) throw new Error(`${range.region}[${at}] is written, and begins within a texel`);
    const texels = Math.ceil(range.length / 4);
    const whole = wholeTexels(floats, texels);
    let done = 0;
    for (const { x, y, width, height } of rectangles(at / 4, texels, image.bits)) {
      const n = 4 * width * height;
      gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, width, height, gl.RGBA, gl.FLOAT, whole.subarray(done, done + n));
      done += n;
    }
  }
}

/** The floats in whole texels. Each tensor has its own, and what is left of the last is zero. */
function wholeTexels(floats: Float32Array, texels: number): Float32Array {
  if (floats.length === 4 * texels) return floats;
  const whole = new Float32Array(4 * texels);
  whole.set(floats);
  return whole;
}

/** The entry that ran last, and where its textures are now. */
interface Ran {
  readonly entry: Entry;
  readonly bound: ReadonlyMap<string, Bound>;
}

/** Four floats that no computation leaves behind: a NaN with a mark. */
const unread = new Uint32Array(4).fill(0x7fc0ce11);

/**
 * Reads ranges: of regions, or of what the entry that ran last has in `work`. Waits without stalling the page. Errors: C0503, C0505,
 * C0506.
 */
export async function read(
  context: Context,
  textures: Textures,
  ranges: readonly Range[],
  last: Ran | undefined,
): Promise<Float32Array[]> {
  const { gl, check, refuseErrors } = context;
  check();
  const spans = ranges.map((range) => spansOf(textures, range, last));
  const all = spans.flat();
  const floats = all.reduce((n, span) => n + 4 * texelsIn(span), 0);
  if (floats === 0) return ranges.map(() => new Float32Array(0));
  // Rows are copied to a buffer of the GPU, which is read once a fence says that all is done: until then the page goes on. What gpu.js
  // has for this stalls it, and reads whole textures of its own.
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, 4 * floats, gl.STREAM_READ);
  pack(gl, all);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  await fence(context)();
  const found = new Float32Array(floats);
  const lastWords = new Uint32Array(found.buffer, 4 * (floats - 4));
  lastWords.set(unread);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, found);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  gl.deleteBuffer(buffer);
  refuseErrors();
  if (lastWords.every((word, i) => word === unread[i]))
    throw new RuntimeError("C0503", "the WebGL2 context was lost while it was read", lostHelp);
  let at = 0;
  return spans.map((own) => {
    const floats = new Float32Array(own.reduce((n, { count }) => n + count, 0));
    let end = 0;
    for (const span of own) {
      const start = at + (span.from % 4);
      floats.set(found.subarray(start, start + span.count), end);
      end += span.count;
      at += 4 * texelsIn(span);
    }
    return floats;
  });
}

/** Copies the texels of each span to the bound buffer, one after another. */
function pack(gl: WebGL2RenderingContext, spans: readonly Span[]): void {
  let bytes = 0;
  reading(gl, (attach) => {
    for (const span of spans) {
      const { image, layer, row } = span.place;
      attach(image, layer);
      const first = Math.floor(span.from / 4) + row * 2 ** image.bits;
      for (const { x, y, width, height } of rectangles(first, texelsIn(span), image.bits)) {
        gl.readPixels(x, y, width, height, gl.RGBA, gl.FLOAT, bytes);
        bytes += 16 * width * height;
      }
    }
  });
}

const texelsIn = ({ from, count }: Span): number => Math.ceil((from + count) / 4) - Math.floor(from / 4);

/** Marks a place in the GPU's queue. What it returns waits until the GPU is there. Errors: C0503. */
export function fence({ gl, check }: Context): () => Promise<void> {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  const wait = async (): Promise<void> => {
    check();
    if (sync === null) return;
    const start = performance.now();
    while (gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) {
      check();
      await (performance.now() - start < briefly || areTimersSlow() ? turn() : pause());
    }
    gl.deleteSync(sync);
    check();
  };
  let waiting: Promise<void> | undefined;
  return () => {
    waiting ??= wait();
    return waiting;
  };
}

/** Milliseconds in which the page asks again and again. After them it sleeps, which leaves the processor to what it waits for. */
const briefly = 2;

/** In a page that nobody sees, timers wait a second, and messages do not. */
const areTimersSlow = (): boolean => typeof document !== "undefined" && document.visibilityState === "hidden";

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** A turn of the event loop. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });

/** Where the floats of a range are. In `work`, only what the host may read has a place. */
function spansOf(
  textures: Textures,
  { region, offset, length, stride, count }: Range,
  last: Ran | undefined,
): readonly Span[] {
  const spans: Span[] = [];
  for (let piece = 0; piece < count; piece++) {
    const from = offset + piece * stride;
    for (let at = from; at < from + length; at += spans.at(-1)!.count) {
      const left = from + length - at;
      spans.push(
        region === "work"
          ? workSpan(last, at, left, textures.layerBits)
          : { place: { image: textures.region(region), layer: 0, row: 0 }, from: at, count: left },
      );
    }
  }
  return spans;
}

/** The first of the spans that `most` floats of `work` from `at` on are in. */
function workSpan(last: Ran | undefined, at: number, most: number, layerBits: number): Span {
  if (last === undefined) throw new Error("nothing has run yet");
  const { regions, textures = [] } = last.entry;
  const { fixed, frame } = regions.work;
  const isFramed = at >= fixed;
  const within = isFramed ? (at - fixed) % frame : at;
  for (const { name, frames, host = [] } of textures) {
    if ((frames !== undefined) !== isFramed) continue;
    for (const { offset, size } of host) {
      const from = within - offset;
      if (from < 0 || from >= size) continue;
      const index = isFramed ? Math.floor((at - fixed) / frame) : 0;
      return { place: placeOf(last.bound.get(name)!, index, layerBits), from, count: Math.min(most, size - from) };
    }
  }
  throw new Error(`the host reads work[${at}], which no texture has for it`);
}
