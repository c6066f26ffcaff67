/** What to say about an extent that is not a positive whole number with the numbers of its dimensions. */
import * as dim from "./dim.ts";

type Numbers = Readonly<Record<string, number>>;

/** How far from the number of a dimension others are tried. */
const REACH = 1000;

/** `H/N is 33.3333 with H = 100, N = 3`. */
export function brokenExtent(d: dim.Dim, numbers: Numbers): string {
  const where = dim.names(d).map((name) => `${name} = ${numbers[name]}`);
  const n = Number(dim.evaluate(d, numbers).toPrecision(6));
  return `${dim.show(d)} is ${n}${where.length === 0 ? "" : ` with ${where.join(", ")}`}`;
}

/** Numbers near the given ones with which the extent is whole and positive: `H = 99 or 102, or N = 2 or 4`. */
export function wholeExtent(d: dim.Dim, numbers: Numbers): string | undefined {
  const isWhole = (name: string, n: number): boolean => {
    const extent = dim.evaluate(d, { ...numbers, [name]: n });
    return n > 0 && Number.isSafeInteger(extent) && extent > 0;
  };
  const choices = dim.names(d).flatMap((name) => {
    const near = (step: 1 | -1): readonly number[] =>
      Array.from({ length: REACH }, (_, i) => numbers[name] + step * (i + 1))
        .filter((n) => isWhole(name, n))
        .slice(0, 1);
    const found = [...near(-1), ...near(1)];
    return found.length === 0 ? [] : `${name} = ${found.join(" or ")}`;
  });
  return choices.length === 0 ? undefined : `choose other numbers, such as ${choices.join(", or ")}`;
}
