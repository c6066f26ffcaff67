/**
 * Writes the sequencer down as a module, encoded, so that the runtime needs no files and no encoder. `npm run build` runs it; a test
 * says when the module is not what `sequencer.wat` says.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeModule } from "../../targets/wasm/encode.ts";
import { readWat, type Wat } from "../../targets/wasm/wat.ts";

const folder = new URL("../../runtime/wasm/", import.meta.url);
const fileOf = (name: string): string => fileURLToPath(new URL(name, folder));

/** The text of `runtime/wasm/sequencer.wat`. */
export const sequencerText = (): string => readFileSync(fileOf("sequencer.wat"), "utf8");

/** The module that this text says. */
export function encodedSequencer(text: string): Uint8Array {
  const module = readWat(text).find((wat): wat is readonly Wat[] => Array.isArray(wat));
  if (module === undefined) throw new Error("sequencer.wat has no module");
  return encodeModule(module.slice(1));
}

/** The text of `runtime/wasm/sequencer-code.ts`. */
export function sequencerModule(): string {
  const code = Buffer.from(encodedSequencer(sequencerText())).toString("base64");
  const lines = code.match(/.{1,100}/g) ?? [];
  return [
    "/** `sequencer.wat`, encoded, in base64. Made by `npm run build:sequencer`: edit that, not this. */",
    "export const sequencerCode =",
    `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(fileOf("sequencer-code.ts"), sequencerModule());
