import type { Backend, LoadedExecutable } from "../backend.ts";
import { closable, closed } from "../closable.ts";
import { RuntimeError } from "../error.ts";
import { checkedCode } from "../executable.ts";
import type { Entry, EntryName, Executable } from "../plan.ts";
import { execute, type Program, resolve } from "../program.ts";
import { sealedCode, shadersOf, type TakeCode } from "../sealed-code.ts";
import { type Context, openContext } from "./context.ts";
import type { GpuConstructor } from "./gpu-js.ts";
import { Drawer, type Pass, Passes } from "./passes.ts";
import { type Bound, Textures } from "./textures.ts";
import { fence, read, write } from "./transfer.ts";

/** What `webgl2Backend` takes. */
export interface WebglOptions {
  /** Whether a renderer that runs on the processor will do. Default: true. */
  readonly software?: boolean;
  /** The class `GPU` of gpu.js. Default: that of the package `gpu.js`, which is loaded now. */
  readonly GPU?: GpuConstructor;
}

/**
 * The backend for executables of target `glsl`: one WebGL2 context, which gpu.js owns. `close` destroys it.
 * Errors: C0503 (no WebGL2), C0504 (no package `gpu.js`).
 */
export function webgl2Backend(options: WebglOptions = {}): Promise<Backend> {
  return backendWith(checkedCode, options);
}

/** The same for executables that are part of a generated module, whose plans need no check. */
export function webgl2ModuleBackend(options: WebglOptions = {}): Promise<Backend> {
  return backendWith(sealedCode, options);
}

async function backendWith(takeCode: TakeCode, { GPU, software = true }: WebglOptions): Promise<Backend> {
  const context = await openContext(GPU, software);
  const passes = new Passes(context);
  const drawer = new Drawer(context);
  let isClosed = false;
  return {
    name: "glsl",
    async open(executable) {
      if (isClosed) throw closed("backend");
      return closable(open(executable, takeCode, context, passes, drawer), () => isClosed);
    },
    close() {
      if (!isClosed) context.close();
      isClosed = true;
    },
  };
}

interface Ran {
  readonly entry: Entry;
  readonly bound: ReadonlyMap<string, Bound>;
}

function open(
  executable: Executable,
  takeCode: TakeCode,
  context: Context,
  passes: Passes,
  drawer: Drawer,
): LoadedExecutable {
  const { plan } = executable;
  const shaders = shadersOf(takeCode(executable, "glsl"));
  const { gl, check } = context;
  const infos = new Map(plan.kernels.map((info) => [info.name, info]));
  const made = new Map<string, Pass>();
  const passOf = (kernel: string): Pass => {
    const shader = shaders.get(kernel);
    if (shader === undefined) throw new RuntimeError("C0506", `there is no shader for kernel \`${kernel}\``);
    const pass = made.get(kernel) ?? passes.make(infos.get(kernel)!, shader);
    made.set(kernel, pass);
    return pass;
  };
  const programs = new Map<EntryName, Program<Pass>>();
  for (const [name, entry] of Object.entries(plan.entries))
    programs.set(name as EntryName, resolve(entry.commands, passOf));
  const textures = new Textures(context, plan);
  let last: Ran | undefined;
  /** Resolves when the run before the last one is done, so that the queue stays bounded. */
  let previous: Promise<void> = Promise.resolve();

  return {
    async prepare(steps) {
      check();
      textures.prepare(steps);
    },
    async run(name, steps, first = 0) {
      const program = programs.get(name);
      const entry = plan.entries[name];
      if (program === undefined || entry === undefined) throw new Error(`the executable has no entry \`${name}\``);
      await previous;
      check();
      const bound = textures.of(name);
      last = { entry, bound };
      drawer.begin();
      execute(
        program,
        steps,
        (pass, t, gx, gy) => {
          for (let y = 0; y < gy; y++) drawer.draw(pass, bound, textures, { t, T: steps, y }, gx);
        },
        first,
      );
      drawer.end();
      gl.flush();
      check();
      previous = fence(context);
      // Its failure is reported by the next call.
      previous.catch(() => {});
    },
    async write(range, data) {
      write(context, textures, range, data);
    },
    read: (ranges) => read(context, textures, ranges, last),
    close: () => textures.close(),
  };
}
