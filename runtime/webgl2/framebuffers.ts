/** Framebuffers, one for each set of images that are rendered to together: binding one is cheaper than changing one. */
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
  #bound: Made | undefined;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  /** Others have bound framebuffers. */
  forget(): void {
    this.#bound = undefined;
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

  /** Binds one to render to. Outputs without an attachment are not stored. */
  draw(attachments: readonly (Attachment | undefined)[]): void {
    const gl = this.#gl;
    const key = attachments.map((attached) => attached?.image.id).join();
    const made = this.#made.get(key) ?? this.#make(key, attachments);
    if (this.#bound !== made) gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, made.framebuffer);
    this.#bound = made;
    attachments.forEach((attached, output) => {
      if (attached === undefined || made.layers[output] === attached.layer) return;
      attach(gl, gl.DRAW_FRAMEBUFFER, output, attached.image, attached.layer);
      made.layers[output] = attached.layer;
    });
  }

  #make(key: string, attachments: readonly (Attachment | undefined)[]): Made {
    const gl = this.#gl;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, framebuffer);
    gl.drawBuffers(attachments.map((attached, i) => (attached ? gl.COLOR_ATTACHMENT0 + i : gl.NONE)));
    const made = { framebuffer, images: attachments.map((attached) => attached?.image), layers: [] };
    this.#made.set(key, made);
    return made;
  }
}
