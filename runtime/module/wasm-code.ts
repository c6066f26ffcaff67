import type { Code } from "../plan.ts";

/** The bytes that hexadecimal digits mean; white space between them means nothing. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.replace(/\s+/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/**
 * WebAssembly as a generated module has it: the code for all engines in hexadecimal digits, and what makes of it the code with relaxed
 * SIMD, which is all but the same.
 */
export function wasmCodeOf(binary: string, patch?: string): Code {
  const code = { kind: "wasm", text: "", binary: bytesOf(binary) } as const;
  return patch === undefined ? code : { ...code, relaxed: patched(code.binary, bytesOf(patch)) };
}

/**
 * The bytes that `patch` makes of `base`. It is a list of: how many bytes to keep, how many to leave out, how many to put in their place,
 * and these. Numbers are written as in WebAssembly, in LEB128; what is behind the last change is kept.
 */
export function patched(base: Uint8Array, patch: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let [from, at] = [0, 0];
  const number = (): number => {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = patch[at++];
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127);
    return value >>> 0;
  };
  const keep = (to: number): void => {
    for (; from < Math.min(to, base.length); from++) bytes.push(base[from]);
  };
  while (at < patch.length) {
    keep(from + number());
    from += number();
    const put = number();
    bytes.push(...patch.subarray(at, at + put));
    at += put;
  }
  keep(base.length);
  return Uint8Array.from(bytes);
}
