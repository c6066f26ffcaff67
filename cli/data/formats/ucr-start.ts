import { isNaNText, numberIn } from "./numbers.ts";

/**
 * Whether a file that begins so is one of UCR's, and no table: no names of columns, and numbers on the first line. The last of them may
 * be cut.
 */
export function isUcr(start: Uint8Array): boolean {
  const [line, ...others] = Buffer.from(start).toString("latin1").split(/\r?\n/);
  const cells = line.split("\t");
  const whole = others.length > 0 ? cells : cells.slice(0, -1);
  return whole.length > 1 && whole.every((cell) => numberIn(cell) !== undefined || isNaNText(cell));
}
