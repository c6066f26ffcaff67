/** Python at the end of a module: the weights beside it, and the numbers that it is compared with. */
import { indent } from "./text.ts";

/** What a module is told of the files beside it. */
export interface FilesBeside {
  /** Parameters and statistics, by the names of the `state_dict`. */
  readonly weights: string;
  /** Inputs (`input:x`), and what the reference says of them: `output:h`, and in training `training:h`. Examples come first. */
  readonly check: string;
}

/** An argument of `forward`, by its name in the model. */
export interface CheckedInput {
  readonly name: string;
  readonly argument: string;
  readonly isIndex: boolean;
}

export interface Checked {
  readonly className: string;
  readonly inputs: readonly CheckedInput[];
  readonly outputs: readonly string[];
  /** Whether the check has outputs of a batch in training: not for a model that draws numbers. */
  readonly inTraining: boolean;
}

/** Functions that read the weights, and the check that runs the file by itself. */
export function selfCheckLines(
  files: FilesBeside,
  { className, inputs, outputs, inTraining }: Checked,
): readonly string[] {
  const text = JSON.stringify;
  const given = inputs.map(
    ({ name, argument, isIndex }) =>
      `${argument}=numbers[${text(`input:${name}`)}]${isIndex ? ".long()" : ".to(dtype)"}`,
  );
  const modes = inTraining ? `[(False, "output"), (True, "training")]` : `[(False, "output")]`;
  return [
    "def read_tensors(path: Path) -> Dict[str, Tensor]:",
    ...indent([
      `"""The tensors of a safetensors file of 32-bit floats."""`,
      "data = path.read_bytes()",
      `end = 8 + int.from_bytes(data[:8], "little")`,
      "tensors = {}",
      "for name, place in json.loads(data[8:end]).items():",
      ...indent([
        `if name != "__metadata__":`,
        ...indent([
          `first, last = place["data_offsets"]`,
          `numbers = torch.frombuffer(bytearray(data[end + first : end + last]), dtype=torch.float32)`,
          `tensors[name] = numbers.reshape(place["shape"])`,
        ]),
      ]),
      "return tensors",
    ]),
    "",
    "",
    `def trained() -> ${className}:`,
    ...indent([
      `"""The module with the weights and statistics beside this file."""`,
      `net = ${className}()`,
      `net.load_state_dict(read_tensors(Path(__file__).parent / ${text(files.weights)}))`,
      "return net.eval()",
    ]),
    "",
    "",
    "def check() -> float:",
    ...indent([
      `"""The largest error of an output, relative to the largest number of it that cellc's reference computes in 64 bits."""`,
      `numbers = read_tensors(Path(__file__).parent / ${text(files.check)})`,
      "worst = 0.0",
      "for dtype in (torch.float32, torch.float64):",
      ...indent([
        `for training, kind in ${modes}:`,
        ...indent([
          "net = trained().to(dtype).train(training)",
          `made = net(${given.join(", ")})`,
          `for y, name in zip(made if isinstance(made, tuple) else (made,), ${text(outputs)}):`,
          ...indent([
            `truth = numbers[f"{kind}:{name}"].double()`,
            "error = float((y.double() - truth).abs().max() / truth.abs().max().clamp(min=1e-3))",
            `print(f"{name} in {'training' if training else 'evaluation'}, {dtype}: error {error:.1e}")`,
            "worst = max(worst, error)",
          ]),
        ]),
      ]),
      "return worst",
    ]),
    "",
    "",
    `if __name__ == "__main__":`,
    ...indent(["worst = check()", `print(f"worst error {worst:.1e}")`, `sys.exit(0 if worst < 1e-4 else 1)`]),
  ];
}
