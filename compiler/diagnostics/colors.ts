/** Colours of a terminal, of texts that may have colours in them. */

const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
} as const;

export type Colors = Readonly<Record<keyof typeof styles, (text: string) => string>>;

const code = (number: number): string => `\u001b[${number}m`;

/** @param enabled whether texts are coloured, or stay as they are */
export function createColors(enabled: boolean): Colors {
  const painter = ([on, off]: readonly [on: number, off: number]): ((text: string) => string) => {
    const [open, close] = [code(on), code(off)];
    // What ends a colour inside ends this one with it. Bold and dim have one end for both, and one does not end the other.
    const again = off === 22 ? close + open : open;
    return (text) => (enabled ? open + text.replaceAll(close, again) + close : text);
  };
  return Object.fromEntries(Object.entries(styles).map(([name, codes]) => [name, painter(codes)])) as unknown as Colors;
}
