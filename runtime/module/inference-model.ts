import { RuntimeError } from "../error.ts";
import type { InferenceSession } from "../inference-session.ts";
import type { StreamOptions } from "../session-types.ts";
import type { RestoreOptions } from "../state.ts";
import { type Held, Model } from "./model.ts";
import type { ModelStream, OpenModelStream, StreamArguments } from "./model-stream.ts";
import type { Signature } from "./signature.ts";

/** A model that infers with what a checkpoint holds. */
export class InferenceModel<S extends Signature> extends Model<S, InferenceSession> {
  readonly #stream: OpenModelStream<InferenceSession> | undefined;

  /** @param stream how streams are opened, if the model has the entry `step` */
  constructor(held: Held<InferenceSession>, stream: OpenModelStream<InferenceSession> | undefined) {
    super(held);
    this.#stream = stream;
  }

  /** Opens a stream, which runs one step at a time. Errors: as `Session.stream`. */
  async stream(...[options = {}]: StreamArguments<S>): Promise<ModelStream<S>> {
    if (this.#stream !== undefined) return this.#stream(this.session, options as StreamOptions);
    const help = "make the module with the entry `step`; where that cannot be, the compiler then says why";
    throw new RuntimeError("C0406", `${this.plan.name} was compiled without \`step\``, help);
  }

  /**
   * Takes parameters and statistics from the bytes of a checkpoint. Returns the differences, if they are allowed. Errors: C0403
   * (another model), C0404 (damaged), C0407 (another program's).
   */
  loadCheckpoint(bytes: Uint8Array | ArrayBuffer, options: RestoreOptions = {}): Promise<readonly string[]> {
    return this.session.load(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes, options);
  }
}
