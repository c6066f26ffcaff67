/** Moves floats between the host and textures. */
import type { Range } from "../layout.ts";
import type { Entry } from "../plan.ts";
import type { Context } from "./context.ts";
import { type Rectangle, rectangles } from "./ranges.ts";
import { type Bound, type FramePlace, placeOf, scratchUnit, type Textures } from "./textures.ts";

/** Consecutive floats of one frame of a texture. */
interface Span {
  readonly place: FramePlace;
  /** The first float in the frame, and how many. */
  readonly from: number;
  readonly count: number;
}

/** Writes a range of a region. */
export function write({ gl, check }: Context, textures: Textures, range: Range, data: Float32Array): void {
  check();
  const image = textures.region(range.region);
  gl.activeTexture(gl.TEXTURE0 + scratchUnit);
  gl.bindTexture(gl.TEXTURE_2D, image.texture);
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

/** Reads ranges: of regions, or of what an entry has in `work`. Waits without stalling the page. */
export async function read(
  context: Context,
  textures: Textures,
  ranges: readonly Range[],
  last: { readonly entry: Entry; readonly bound: ReadonlyMap<string, Bound> } | undefined,
): Promise<Float32Array[]> {
  const { gl, check } = context;
  check();
  const spans = ranges.map((range) => spansOf(context, textures, range, last));
  const floats = spans.flat().reduce((n, span) => n + texelsIn(span) * 4, 0);
  if (floats === 0) return ranges.map(() => new Float32Array(0));
  // Rows are copied to a buffer of the GPU, which is read once a fence says that all is done.
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, 4 * floats, gl.STREAM_READ);
  let bytes = 0;
  for (const span of spans.flat()) {
    const { place, from } = span;
    const first = Math.floor(from / 4) + place.row * 2 ** place.image.bits;
    for (const rectangle of rectangles(first, texelsIn(span), place.image.bits)) {
      readPixels(gl, place, rectangle, bytes);
      bytes += 16 * rectangle.width * rectangle.height;
    }
  }
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  await fence(context);
  const all = new Float32Array(floats);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, all);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  gl.deleteBuffer(buffer);
  check();
  let at = 0;
  return spans.map((own) => {
    const found = new Float32Array(own.reduce((n, { count }) => n + count, 0));
    let end = 0;
    for (const span of own) {
      const start = at + (span.from % 4);
      found.set(all.subarray(start, start + span.count), end);
      end += span.count;
      at += 4 * texelsIn(span);
    }
    return found;
  });
}

const texelsIn = ({ from, count }: Span): number => Math.ceil((from + count) / 4) - Math.floor(from / 4);

/** Copies a rectangle of a layer to the bound buffer, from a byte on. */
function readPixels(
  gl: WebGL2RenderingContext,
  { image, layer }: FramePlace,
  { x, y, width, height }: Rectangle,
  to: number,
): void {
  const framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, framebuffer);
  if (image.target === "2d")
    gl.framebufferTexture2D(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, image.texture, 0);
  else gl.framebufferTextureLayer(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, image.texture, 0, layer);
  gl.readPixels(x, y, width, height, gl.RGBA, gl.FLOAT, to);
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
  gl.deleteFramebuffer(framebuffer);
}

/** Resolves once the GPU is done with everything before. Errors: C0503. */
export async function fence({ gl, check }: Context): Promise<void> {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  if (sync === null) {
    check();
    return;
  }
  try {
    while (gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) {
      check();
      await turn();
    }
    check();
  } finally {
    gl.deleteSync(sync);
  }
}

/** A turn of the event loop. Timers of a page in the background wait a second; messages do not. */
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
  { layerBits }: Context,
  textures: Textures,
  { region, offset, length, stride, count }: Range,
  last: { readonly entry: Entry; readonly bound: ReadonlyMap<string, Bound> } | undefined,
): readonly Span[] {
  const pieces = Array.from({ length: count }, (_, i) => offset + i * stride);
  if (region !== "work") {
    const place: FramePlace = { image: textures.region(region), layer: 0, row: 0 };
    return pieces.map((from) => ({ place, from, count: length }));
  }
  if (last === undefined) throw new Error("nothing has run yet");
  const { entry, bound } = last;
  return pieces.flatMap((from) => workSpans(entry, bound, from, length, layerBits));
}

function workSpans(
  { regions, textures = [] }: Entry,
  bound: ReadonlyMap<string, Bound>,
  from: number,
  length: number,
  layerBits: number,
): readonly Span[] {
  const { fixed, frame } = regions.work;
  const spans: Span[] = [];
  for (let at = from; at < from + length; ) {
    const isFramed = at >= fixed;
    const index = isFramed ? Math.floor((at - fixed) / frame) : 0;
    const within = isFramed ? (at - fixed) % frame : at;
    const found = textures
      .filter(({ frames }) => (frames !== undefined) === isFramed)
      .flatMap(({ name, host = [] }) => host.map((part) => ({ name, ...part })))
      .find((part) => within >= part.offset && within < part.offset + part.size);
    if (found === undefined) throw new Error(`the host reads work[${at}], which no texture has for it`);
    const count = Math.min(from + length - at, found.offset + found.size - within);
    spans.push({ place: placeOf(bound.get(found.name)!, index, layerBits), from: within - found.offset, count });
    at += count;
  }
  return spans;
}
