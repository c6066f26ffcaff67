/** HDF5 files, such as Keras writes, read by jsfive (NIST's): `npm run build` bundles it into this file, which only such a file loads. */
import { Dataset, File, Group } from "jsfive";

export interface Hdf5Dataset {
  /** Without the leading slash: `model_weights/lstm/lstm/lstm_cell/kernel:0`. */
  readonly path: string;
  readonly shape: readonly number[];
  /** `<f4`, `|S4`; `other` for what is neither numbers nor texts. */
  readonly dtype: string;
  /** Row-major. */
  read(): ArrayLike<unknown>;
}

export interface Hdf5File {
  readonly datasets: readonly Hdf5Dataset[];
  /** The attributes of a group. */
  attributes(path: string): Readonly<Record<string, unknown>>;
}

/** Groups in groups beyond any file of weights, against those that hold themselves. */
const DEEPEST = 32;

/** Every dataset of a file, in the order of its groups. Throws whatever jsfive does for a damaged file. */
export function readHdf5(bytes: Uint8Array): Hdf5File {
  const root = quietly(() => new File(bytes.slice().buffer, "file"));
  const datasets: Hdf5Dataset[] = [];
  const walk = (group: Group, depth: number): void => {
    if (depth > DEEPEST) throw new Error("its groups are nested too deeply");
    for (const key of group.keys) {
      const item = group.get(key);
      if (item instanceof Group) walk(item, depth + 1);
      else if (item instanceof Dataset) {
        const { name, shape, dtype } = item;
        datasets.push({
          ...{ path: name.replace(/^\//, ""), shape, dtype: typeof dtype === "string" ? dtype : "other" },
          read: () => quietly(() => item.value),
        });
      }
    }
  };
  quietly(() => walk(root, 0));
  return {
    datasets,
    attributes(path) {
      return quietly(() => {
        const group = path === "" ? root : root.get(path);
        return group instanceof Group ? group.attrs : {};
      });
    },
  };
}

/** jsfive prints names of a file as they are, and a damaged one has any bytes for names. */
function quietly<T>(work: () => T): T {
  const { log, warn } = console;
  try {
    console.log = console.warn = () => {};
    return work();
  } finally {
    Object.assign(console, { log, warn });
  }
}
