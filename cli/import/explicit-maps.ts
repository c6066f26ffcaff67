/** Parameters whose tensors the command line names: `readout=fc.weight^T`. */
import type { Kept } from "../../runtime/layout.ts";
import { exit, Failure } from "../failure.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import { described, listed, type SourceFile } from "./source-tensor.ts";

/** A parameter or statistic, and the tensor of the file that it is. */
export interface ExplicitMap {
  /** With slashes or dots: `rnn/Wx`, `rnn.Wx`. */
  readonly name: string;
  readonly tensor: string;
  readonly transposed: boolean;
}

/** What the maps say, by the names of what is kept. Throws C0301 for a name that is not there, and C0413 for another shape. */
export async function mapped(
  maps: readonly ExplicitMap[],
  { path, tensors }: SourceFile,
  kept: readonly Kept[],
): Promise<ReadonlyMap<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const { name, tensor: named, transposed } of maps) {
    const own = kept.filter(({ kind }) => kind !== "slot");
    const target = own.find((one) => one.name === name || dotted(one.name) === name);
    const source = tensors.get(named);
    if (target === undefined || source === undefined)
      throw new Failure(
        "C0301",
        exit.usage,
        target === undefined ? `there is no parameter \`${name}\`` : `${path} has no tensor \`${named}\``,
        `there is ${listed(target === undefined ? own : tensors.values())}`,
      );
    if (found.has(target.name)) throw new Failure("C0301", exit.usage, `--map names \`${target.name}\` twice`);
    const { shape } = target;
    const turned = transposed ? [...source.shape].reverse() : source.shape;
    if (turned.join() !== shape.join() || (transposed && shape.length !== 2))
      throw cannotTakeOver(
        `${described(source)}${transposed ? ", transposed," : ""} is not \`${target.name}\` [${shape.join(", ")}]`,
        [...source.shape].reverse().join() === shape.join() && !transposed
          ? `transpose it: ${name}=${named}^T`
          : undefined,
      );
    const numbers = await source.numbers();
    const [rows, columns] = shape;
    found.set(
      target.name,
      rounded(
        transposed ? numbers.map((_, at) => numbers[(at % columns) * rows + Math.floor(at / columns)]) : numbers,
        described(source),
      ),
    );
  }
  return found;
}

/** `rnn.Wx` for `rnn/Wx`. */
export const dotted = (name: string): string => name.replaceAll("/", ".");

/** In f32. Throws C0413 for a number that is not finite there. */
export function rounded(numbers: Float64Array, whose: string): Float32Array {
  const single = Float32Array.from(numbers);
  const wrong = single.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return single;
  throw cannotTakeOver(`${whose} holds ${numbers[wrong]} at ${wrong}, which is no number that f32 can hold`);
}
