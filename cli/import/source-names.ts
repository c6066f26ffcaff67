/** The layers of other libraries whose weights are taken over: what `--from` takes. */
import type { Kind, Library } from "./units.ts";

export const sources = {
  "torch.nn.LSTM": { library: "torch", kind: "lstm" },
  "torch.nn.GRU": { library: "torch", kind: "gru" },
  "torch.nn.RNN": { library: "torch", kind: "rnn" },
  "keras.layers.LSTM": { library: "keras", kind: "lstm" },
  "keras.layers.GRU": { library: "keras", kind: "gru" },
  "keras.layers.SimpleRNN": { library: "keras", kind: "rnn" },
  // Of the kind that the cell is.
  keras: { library: "keras", kind: undefined },
} as const satisfies Readonly<Record<string, { readonly library: Library; readonly kind: Kind | undefined }>>;

export type SourceName = keyof typeof sources;

export const sourceNames = Object.keys(sources) as readonly SourceName[];
