import type { Backend, LoadedExecutable } from "../backend.ts";
import { closable, closed } from "../closable.ts";
import { RuntimeError } from "../error.ts";
import { checkedCode } from "../executable.ts";
import type { EntryName, Executable } from "../plan.ts";
import { execute, type Program, resolve } from "../program.ts";
import { sealedCode, shadersOf, type TakeCode } from "../sealed-code.ts";
import { calledRenderer } from "./called.ts";
import { chooseRenderer, type Way } from "./choose-renderer.ts";
import { type Context, elsewhere, type Objection, openContext } from "./context.ts";
import { drawSteps } from "./draw.ts";
import { drivenRenderer } from "./driven.ts";
import type { GpuConstructor } from "./gpu-js.ts";
import { type Pass, passOf } from "./pass.ts";
import type { Renderer } from "./renderer.ts";
import { type MakeShadows, shadows } from "./shadows.ts";
import { noSoftware } from "./software.ts";
import { Textures } from "./textures.ts";
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
export async function webgl2Backend({ GPU, software = true }: WebglOptions = {}): Promise<Backend> {
  const context = await openContext(GPU, software ? undefined : noSoftware);
  return backendOn(context, { takeCode: checkedCode, ways: [drivenRenderer, calledRenderer], shadows });
}

/** What a module has of the backend besides what every module needs. */
export interface WebglParts {
  /** If it trains. */
  readonly shadows?: MakeShadows;
  /** If it has kernels of other targets. */
  readonly noSoftware?: Objection;
}

/**
 * The same for executables that are part of a generated module, whose plans need no check. It knows the faster way to render alone, so
 * that a bundle is small.
 */
export async function webgl2ModuleBackend(
  { GPU, software = true }: WebglOptions,
  { shadows, noSoftware }: WebglParts,
): Promise<Backend> {
  return backendOn(await openContext(GPU, software ? undefined : noSoftware), {
    takeCode: sealedCode,
    ways: [drivenRenderer],
    shadows,
    help: "open the module on webgl2Backend() of cellc/runtime, which knows a slower way, or use another backend",
  });
}

/** What a backend consists of. */
export interface BackendParts {
  readonly takeCode: TakeCode;
  /** The ways to render, of which the first is used that works here. */
  readonly ways: readonly Way[];
  /** Undefined if no kernel will both load from a region and store to it. */
  readonly shadows: MakeShadows | undefined;
  /** What to do if no way works. */
  readonly help?: string;
}

/** The backend on a context. Errors: C0503. */
export function backendOn(context: Context, parts: BackendParts): Backend {
  const renderer = chooseRenderer(context, parts.ways, parts.help ?? elsewhere);
  let isClosed = false;
  return {
    name: "glsl",
    passes: renderer.passes,
    async open(executable) {
      if (isClosed) throw closed("backend");
      return closable(open(executable, parts, context, renderer), () => isClosed);
    },
    close() {
      if (!isClosed) context.close();
      isClosed = true;
    },
  };
}

function open(
  executable: Executable,
  { takeCode, shadows }: BackendParts,
  context: Context,
  renderer: Renderer,
): LoadedExecutable {
  const { plan } = executable;
  const shaders = shadersOf(takeCode(executable, "glsl"));
  const { check } = context;
  check();
  const passes = new Map<string, Pass>();
  for (const info of plan.kernels) {
    const shader = shaders.get(info.name);
    if (shader === undefined) throw new RuntimeError("C0506", `there is no shader for kernel \`${info.name}\``);
    const pass = passOf(info, shader);
    renderer.load(pass);
    passes.set(info.name, pass);
  }
  const programs = new Map<EntryName, Program<Pass>>();
  for (const [name, entry] of Object.entries(plan.entries))
    programs.set(
      name as EntryName,
      resolve(entry.commands, (kernel) => passes.get(kernel)!),
    );
  const textures = new Textures(context, plan, renderer.release, shadows?.(context, renderer));
  let last: EntryName | undefined;
  let isClosed = false;
  /** Wait for the last run and for the one before. No more than two are in the queue. */
  let lastDone = async (): Promise<void> => {};
  let previousDone = lastDone;

  return {
    async prepare(steps) {
      check();
      textures.prepare(steps);
    },
    async run(name, steps, first = 0) {
      const program = programs.get(name);
      if (program === undefined) throw new Error(`the executable has no entry \`${name}\``);
      await previousDone();
      check();
      if (isClosed) throw closed("machine");
      last = name;
      const bound = textures.of(name);
      renderer.begin();
      execute(
        program,
        steps,
        (pass, t, gx, gy) => drawSteps(renderer, pass, bound, textures, { t, T: steps }, gx, gy),
        first,
      );
      renderer.end();
      check();
      previousDone = lastDone;
      lastDone = fence(context);
    },
    async write(range, data) {
      write(context, textures, range, data);
    },
    read: (ranges) => read(context, textures, ranges, last && { entry: plan.entries[last]!, bound: textures.of(last) }),
    close() {
      isClosed = true;
      textures.close();
    },
  };
}
