/**
 * Hot replacement of a generated module while a development server runs: what was opened goes on with the new kernels. Every parameter,
 * optimiser slot and statistic whose name and shape are unchanged keeps its numbers; what is new or has another shape is initialised.
 */
import { messageOf, RuntimeError } from "../error.ts";
import { keptTensors } from "../layout.ts";
import type { SavedTensor, SessionState } from "../state.ts";
import { InferenceModel } from "./inference-model.ts";
import type { Model } from "./model.ts";
import type { Signature } from "./signature.ts";
import { TrainingModel } from "./training-model.ts";

/** What a development server gives a module: `import.meta.hot` of Vite, `import.meta.webpackHot` of webpack. */
export interface Hot {
  /** What the module's previous version left. */
  readonly data?: Readonly<Record<string, unknown>>;
  dispose(leave: (data: Record<string, unknown>) => void): void;
}

/** A module that can be opened in any way. */
interface Openable {
  open(options?: object): Promise<Model<Signature>>;
}

/** Under this name a version leaves its successor what is open. */
const key = "cellc";

/**
 * Hands the models that the previous version of a module opened to `made`, its new version. Returns the module that importers keep:
 * the first version's object, which opens the newest.
 */
export function hotModule<M extends Openable>(hot: Hot | undefined, made: M): M {
  if (hot === undefined) return made;
  const known = hot.data?.[key];
  const successor = known instanceof Successor ? known : new Successor(made);
  hot.dispose((data) => {
    data[key] = successor;
  });
  successor.replace(made);
  return successor.module as M;
}

/** Opens the newest version of a module, and keeps track of what is open. */
class Successor {
  readonly module: Openable;
  #newest: Openable;
  readonly #open = new Set<Model<Signature>>();

  constructor(first: Openable) {
    this.#newest = first;
    this.module = {
      ...first,
      open: async (options) => {
        const model = await this.#newest.open(options);
        this.#open.add(model);
        return model;
      },
    };
  }

  /** Moves everything that is open to another version. What cannot be moved stays as it is, and the console says why. */
  replace(newest: Openable): void {
    if (newest === this.#newest) return;
    this.#newest = newest;
    for (const model of this.#open) {
      move(model, newest).catch((error) => {
        this.#open.delete(model);
        if (error instanceof RuntimeError && error.code === CLOSED) return;
        console.error(`cellc: ${model.plan.name} keeps its old kernels: ${messageOf(error)}`);
      });
    }
  }
}

/** The code of the error for a model that is closed. */
const CLOSED = "C0508";

async function move(model: Model<Signature>, newest: Openable): Promise<void> {
  const { backend } = model;
  if (model instanceof TrainingModel) {
    const state = await model.session.state();
    const next = await newest.open({ backend, seed: state.counters.seed });
    if (!(next instanceof TrainingModel)) throw new Error("it cannot be trained any more");
    await next.session.restore(carriedOver(state, await next.session.state()));
    model.exchange(next);
    next.close();
    return;
  }
  if (!(model instanceof InferenceModel)) throw new Error("it is of another version of the runtime");
  const unknown = await model.session.unknown();
  const next = await newest.open({ backend });
  if (!(next instanceof InferenceModel)) throw new Error("it is to be trained now; open it again");
  const shapes = new Map(keptTensors(next.plan).map(({ name, shape }) => [name, shape]));
  for (const { name, shape, kind } of keptTensors(model.plan)) {
    if (kind === "slot" || unknown.includes(name) || shapes.get(name)?.join() !== shape.join()) continue;
    await next.session.write(name, await model.session.read(name));
  }
  model.exchange(next);
  next.close();
}

/** The new version's state, with the old one's numbers wherever name and shape are the same. */
function carriedOver(before: SessionState, after: SessionState): SessionState {
  const isSame = (name: string, { shape }: SavedTensor): boolean =>
    before.tensors.get(name)?.shape.join() === shape.join();
  const tensors = new Map(
    [...after.tensors].map(([name, fresh]) => [name, isSame(name, fresh) ? before.tensors.get(name)! : fresh]),
  );
  // Counts of batches are only true of statistics that are all from before.
  const { estimated: _, ...counters } = before.counters;
  const isWhole = [...after.tensors].every(([name, fresh]) => isSame(name, fresh));
  return { ...after, tensors, counters: isWhole ? before.counters : { ...counters, seen: [], written: [] } };
}
