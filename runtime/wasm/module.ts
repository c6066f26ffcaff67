/** Picks and compiles the WebAssembly module that suits the engine and the memory. */
import { messageOf, RuntimeError } from "../error.ts";
import { moduleOf, type Sealed } from "../sealed-code.ts";
import { sequencerCode } from "./sequencer-code.ts";

/** Which of WebAssembly's vector instructions to use: relaxed ones fuse a product and a sum, and round as the machine does. */
export type Simd = "plain" | "relaxed";

/** A module whose one function is a single `f32x4.relaxed_madd`. */
const relaxedFunction = [
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Its type: three vectors to one.
  ...[0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02, 0x0b],
];

/** The fastest instructions that this engine has. */
export function bestSimd(): Simd {
  return WebAssembly.validate(Uint8Array.from(relaxedFunction)) ? "relaxed" : "plain";
}

/** Errors: C0411, if the code is not the plan's; C0506, if it is not a module, or not one for this engine. */
export async function compileModule(
  { code, sealer }: Sealed<"wasm">,
  simd: Simd,
  shared: boolean,
): Promise<WebAssembly.Module> {
  const binary = moduleOf((simd === "relaxed" ? code.relaxed : undefined) ?? code.binary, sealer);
  return compiled(shared ? binary : unshared(binary));
}

/** The module that runs threads' programs (`sequencer.wat`). Error: C0506, where WebAssembly has no atomic operations. */
export async function compileSequencer(shared: boolean): Promise<WebAssembly.Module> {
  const binary = Uint8Array.from(atob(sequencerCode), (character) => character.charCodeAt(0));
  return compiled(shared ? binary : unshared(binary));
}

async function compiled(binary: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(binary as Uint8Array<ArrayBuffer>);
  } catch (thrown) {
    throw new RuntimeError("C0506", `the WebAssembly module does not load: ${messageOf(thrown)}`);
  }
}

const importSection = 2;
const sharedWithMaximum = 3;
const withMaximum = 1;

/**
 * The module with an unshared memory. Modules import a shared one, and the two differ in one byte: the flags of the memory's limits
 * in the import section. A module that imports no shared memory is returned unchanged.
 */
export function unshared(binary: Uint8Array): Uint8Array {
  const copy = binary.slice();
  // After magic number and version.
  let at = 8;
  /** An LEB128 number: 7 bits a byte, the lowest first. */
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = copy[at++];
      value |= (byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
  };
  const skip = () => {
    const length = number();
    at += length;
  };
  while (copy[at++] !== importSection) {
    if (at >= copy.length) return binary;
    skip();
  }
  // The section's length, then one import: two names, its kind (memory), and the flags.
  number();
  number();
  skip();
  skip();
  at++;
  if (copy[at] === sharedWithMaximum) copy[at] = withMaximum;
  return copy;
}
