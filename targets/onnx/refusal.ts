/** Why a model cannot be had as ONNX, and what to do. */
export class NotInOnnx extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "NotInOnnx";
    this.help = help;
  }
}
