/** Framebuffers, one for each set of images that are rendered to or read together: binding one is cheaper than changing one. */
import { attach, type Image } from "./image.ts";

/** A layer of an image. */
interface Attachment {
  readonly image: Image;
  readonly layer: number;
}

interface Made {
  readonly framebuffer: WebGLFramebuffer;
  readonly images: readonly (Image | undefined)[];
  /** The layer of each that is attached now, if one is. */
  readonly layers: number[];
}

export class Framebuffers {
  readonly #gl: WebGL2RenderingContext;
  readonly #made = new Map<string, Made>();
  readonly #bound: { draw?: Made; read?: Made } = {};

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  /** Others have bound framebuffers. */
  forget(): void {
    this.#bound.draw = undefined;
    this.#bound.read = undefined;
  }

  /** Binds one to render to. Outputs without an attachment are not stored. */
  draw(outputs: readonly (Attachment | undefined)[]): void {
    this.#bind("draw", outputs);
  }

  /** Binds one to read from. */
  read(from: Attachment): void {
    this.#bind("read", [from]);
  }

  /** Deletes those with an image, which would keep it from being freed. */
  release({ id }: Image): void {
    for (const [key, made] of this.#made) {
      if (!made.images.some((image) => image?.id === id)) continue;
      this.#gl.deleteFramebuffer(made.framebuffer);
      this.#made.delete(key);
    }
    this.forget();
  }

  #bind(use: "draw" | "read", attachments: readonly (Attachment | undefined)[]): void {
    const gl = this.#gl;
    const target = use === "draw" ? gl.DRAW_FRAMEBUFFER : gl.READ_FRAMEBUFFER;
    const key = `${use} ${attachments.map((attached) => attached?.image.id).join()}`;
    const made = this.#made.get(key) ?? this.#make(key, target, attachments);
    if (this.#bound[use] !== made) gl.bindFramebuffer(target, made.framebuffer);
    this.#bound[use] = made;
    attachments.forEach((attached, output) => {
      if (attached === undefined || made.layers[output] === attached.layer) return;
      attach(gl, target, output, attached.image, attached.layer);
      made.layers[output] = attached.layer;
    });
  }

  #make(key: string, target: number, attachments: readonly (Attachment | undefined)[]): Made {
    const gl = this.#gl;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(target, framebuffer);
    if (target === gl.DRAW_FRAMEBUFFER)
      gl.drawBuffers(attachments.map((attached, i) => (attached ? gl.COLOR_ATTACHMENT0 + i : gl.NONE)));
    const made = { framebuffer, images: attachments.map((attached) => attached?.image), layers: [] };
    this.#made.set(key, made);
    return made;
  }
}
