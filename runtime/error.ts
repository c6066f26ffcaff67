/** What went wrong, by its number in the catalogue of messages. */
export type RuntimeErrorCode =
  /** A file that cannot be read, or an address that cannot be loaded. */
  | "C0401"
  /** A checkpoint of another model. */
  | "C0403"
  /** A damaged checkpoint. */
  | "C0404"
  /** Another program's file where a checkpoint is expected. */
  | "C0407"
  /** An input, a name or a size the executable does not have. */
  | "C0406"
  /** A plan that is damaged, or does not fit its code. */
  | "C0411"
  /** Inference without population statistics. */
  | "C0501"
  /** A loss that is not finite. */
  | "C0502"
  /** No GPU adapter, or a device that was lost. */
  | "C0503"
  /** The optional package `webgpu` is missing. */
  | "C0504"
  /** Not enough memory. */
  | "C0505"
  /** Kernel code that does not compile, load or run. */
  | "C0506"
  /** A GPU without a feature that the kernels need. */
  | "C0507"
  /** Use of something that is closed. */
  | "C0508"
  /** An executable that no backend here can run. */
  | "C0509";

/** An error a user can act on: a code of the catalogue, what is wrong, and what to do about it. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;
  readonly help: string | undefined;

  constructor(code: RuntimeErrorCode, message: string, help?: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
