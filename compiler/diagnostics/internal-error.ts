/** Thrown when the compiler breaks its own rules: never the user's fault, and never caught to continue. */
export class InternalError extends Error {
  /** The text of the IR that shows the fault, if there is one. */
  readonly ir: string | undefined;

  constructor(message: string, ir?: string) {
    super(
      `internal error: ${message}\nThis is a bug in cellc, not in your cell: please report it with the text above${
        ir === undefined ? "." : ` and this IR:\n\n${ir}`
      }`,
    );
    this.name = "InternalError";
    this.ir = ir;
  }
}
