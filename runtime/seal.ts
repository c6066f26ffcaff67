/**
 * Ties an executable's code to its plan. Kernels contain the plan's offsets, shapes and grids as constants, so with a plan that was
 * edited, or one that belongs to other code, they would read and write the wrong memory. Each piece of code therefore ends with a
 * **seal**: a digest of the plan's JSON and of the code itself. It detects edits, mix-ups and damage. It is not a signature, since
 * whoever can write code can seal it too.
 */
import { RuntimeError } from "./error.ts";
import type { Code, Executable, Plan } from "./plan.ts";

type Digest = readonly [number, number];

/** Any two numbers. */
const start: Digest = [0x243f6a88, 0x13198a2e];

/**
 * 64 bits in two lanes. Each word of four bytes is xored in, and the lane multiplied by an odd number and rotated. Each word maps
 * states one to one, so two texts of the same length that differ in a single word never have the same digest.
 */
function digest(bytes: Uint8Array, [a, b]: Digest = start): Digest {
  // An Int32Array must begin at a multiple of four. The first byte is the lowest, as in WebAssembly's memory.
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  const words = new Int32Array(buffer, byteOffset, length >> 2);
  const rest = [...bytes.subarray(4 * words.length), length];
  for (const part of [words, rest]) {
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part[i], 0xcc9e2d51);
      a = (a << 15) | (a >>> 17);
      b = Math.imul(b ^ part[i], 0x1b873593);
      b = (b << 13) | (b >>> 19);
    }
  }
  return [a >>> 0, b >>> 0];
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The seal of a piece of code: of the module, or of a kernel's shader. */
export type Sealer = (code: Uint8Array | string, kernel?: string) => string;

/** The sealer for the code of a plan. */
export function sealerOf(plan: Plan): Sealer {
  const ofPlan = digest(encode(JSON.stringify(plan)));
  return (code, kernel = "") => {
    const bytes = typeof code === "string" ? encode(code) : code;
    const lanes = digest(bytes, digest(encode(kernel), ofPlan));
    return lanes.map((lane) => lane.toString(16).padStart(8, "0")).join("");
  };
}

/** A seal's digits. */
const digits = 16;
/** The header of a custom WebAssembly section, placed last: its kind, its length, its name's length, its name. */
const section = (): string => `${String.fromCharCode(0, 5 + digits, 4)}seal`;
const comment = "\n// seal ";

/** The code, sealed: modules by a section of their own, shaders by a comment. WebAssembly is generated on demand, as in `code`. */
export function sealed(plan: Plan, code: Code): Code {
  switch (code.kind) {
    case "wasm":
      return sealedModule(plan, code);
    case "wgsl":
    case "glsl":
      return { kind: code.kind, modules: sealedTexts(plan, code.modules) };
  }
}

/**
 * The code of an executable, sealed for another plan, with the texts of its shaders changed. The caller answers for it that kernels do
 * the same. Errors: C0411.
 */
export function resealed({ plan, code }: Executable, to: Plan, change: (shader: string) => string): Code {
  const sealer = sealerOf(plan);
  if (code.kind !== "wasm") {
    const texts = Object.entries(code.modules).map(([name, text]) => [name, change(unsealedText(text, sealer, name))]);
    return sealed(to, { ...code, modules: Object.fromEntries(texts) });
  }
  return sealed(to, {
    kind: "wasm",
    get text() {
      return code.text;
    },
    get binary() {
      return unsealedModule(code.binary, sealer);
    },
    get relaxed() {
      return code.relaxed && unsealedModule(code.relaxed, sealer);
    },
  });
}

function sealedTexts(plan: Plan, texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const sealer = sealerOf(plan);
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, `${text}${comment}${sealer(text, name)}\n`]),
  );
}

function sealedModule(plan: Plan, code: Extract<Code, { kind: "wasm" }>): Code {
  const once = (binary: Uint8Array): Uint8Array => {
    const seal = encode(section() + sealerOf(plan)(binary));
    const whole = new Uint8Array(binary.length + seal.length);
    whole.set(binary);
    whole.set(seal, binary.length);
    return whole;
  };
  const made: { binary?: Uint8Array; relaxed?: Uint8Array } = {};
  return {
    kind: "wasm",
    get text() {
      return code.text;
    },
    get binary() {
      made.binary ??= once(code.binary);
      return made.binary;
    },
    get relaxed() {
      made.relaxed ??= code.relaxed && once(code.relaxed);
      return made.relaxed;
    },
  };
}

/** A sealed WebAssembly module without its seal. Errors: C0411, if the seal does not match the plan and the module. */
export function unsealedModule(binary: Uint8Array, sealer: Sealer): Uint8Array {
  const mark = section();
  const at = -mark.length - digits;
  const piece = binary.slice(0, at);
  check(String.fromCharCode(...binary.slice(at)), mark, sealer(piece), "its module");
  return piece;
}

/** A kernel's sealed shader without its seal. Errors: C0411, if the seal does not match the plan, the shader and the kernel's name. */
export function unsealedText(text: string, sealer: Sealer, kernel: string): string {
  const at = -comment.length - digits - 1;
  const piece = text.slice(0, at);
  check(text.slice(at).trimEnd(), comment, sealer(piece, kernel), `its kernel \`${kernel}\``);
  return piece;
}

function check(found: string, mark: string, seal: string, what: string): void {
  if (found === mark + seal) return;
  const reason = found.startsWith(mark) ? "of another plan, or one of the two was edited or damaged" : "not sealed";
  throw new RuntimeError("C0411", `the plan does not fit its code: ${what} is ${reason}`, "compile it anew");
}
