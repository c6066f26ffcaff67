/** Names of a cell's text as names of Python, and of a module's `state_dict`. */
import { createNamer, identifier, type Namer } from "../shared/names.ts";
import { helpers } from "./helpers.ts";

const words = (text: string): readonly string[] => text.split(" ");

const keywords =
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is " +
  "lambda match nonlocal not or pass raise return try while with yield case type print self";

/** What the printed text itself uses. */
const frame =
  "math json sys torch nn F Path Tensor Dict List NamedTuple Optional Tuple T B float int bool str list tuple len range enumerate zip " +
  "min max abs super isinstance getattr hasattr print ValueError dist all_reduce";

/** What `nn.Module` of PyTorch 1.13 to 2.x calls its own: a parameter of such a name would replace it. */
const attributes =
  "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float " +
  "forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers named_children " +
  "named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook register_forward_pre_hook " +
  "register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook " +
  "register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook " +
  "register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train training type " +
  "xpu zero_grad";

/** What our modules call their own. */
const own =
  "step values loss collect forget reset_parameters seen settled alone batches steps momentum updates population moments record record_mean settle " +
  "filled weight_now move_rows of_batch counted extend move_shared before process_group ranks sync begun across together of_ranks " +
  "fewest batch_mean batch_sum batch_count";

/** Words that no variable of a printed method may be called. */
export const reserved: ReadonlySet<string> = new Set([
  ...[...words(keywords), ...words(frame), ...Object.keys(helpers)],
  ...["batch_mean", "batch_sum", "batch_count", "Population", "SharedPopulation", "Synchronised", "State"],
  ...["convert_sync", "read_tensors", "trained", "check"],
]);

/** Words that no attribute of a module may be called. */
const reservedAttributes: ReadonlySet<string> = new Set([...words(keywords), ...words(attributes), ...words(own)]);

/** What a constructor itself uses; what it does not, such as `F`, is a good name of a dimension. */
const reservedDimensions: ReadonlySet<string> = new Set([...reservedAttributes, ..."torch nn super".split(" ")]);

/** A class named after a cell: `bnlstm` → `BNLSTM`, `paper_bnlstm` → `PaperBNLSTM`. */
export function className(name: string): string {
  const known = /^(bn|ln|wn|rms|conv|peephole|mogrifier|mul|hyper|phased)?(lstm|gru|rnn|lru|lmu|rhn|lem)$/i;
  const parts = identifier(name).split("_");
  const made = parts
    .map((part) => (known.test(part) ? known.exec(part)! : part))
    .map((part) =>
      typeof part === "string"
        ? part.charAt(0).toUpperCase() + part.slice(1)
        : `${part[1] === undefined ? "" : abbreviated(part[1])}${part[2].toUpperCase()}`,
    )
    .join("");
  return reserved.has(made) || made === "State" ? `${made}Module` : made;
}

const abbreviated = (word: string): string =>
  /^(bn|ln|wn|rms)$/i.test(word) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1);

/** Where each tensor is in the module: a path of attributes, the last of which is the tensor itself. */
export type Paths = ReadonlyMap<string, readonly string[]>;

/**
 * Where each tensor of a model is in its module, by its name in the model: `rnn/hh/g` at `rnn.hh.g`. A name that has another one below
 * it, such as a weight with a norm of its own, leaves its place to itself: `Wh/g` is at `Wh_norm.g` then. `state_dict` has the same
 * names.
 */
export function tensorPaths(names: readonly string[]): Paths {
  const tensors = new Set(names);
  const namers = new Map<string, ReturnType<typeof createNamer>>();
  const paths = new Map<string, readonly string[]>();
  for (const name of [...names].sort((a, b) => a.split("/").length - b.split("/").length)) {
    const parts = name.split("/");
    const path: string[] = [];
    parts.forEach((part, i) => {
      const before = path.join(".");
      const namer = namers.get(before) ?? createNamer(reservedAttributes);
      namers.set(before, namer);
      const prefix = parts.slice(0, i + 1).join("/");
      const isInner = i + 1 < parts.length;
      // The rounds of a function are numbered, and so are modules of a list.
      if (/^\d+$/.test(part) && isInner) path.push(part);
      else path.push(namer.of(isInner ? `${prefix}/` : prefix, isInner && tensors.has(prefix) ? `${part}_norm` : part));
    });
    paths.set(name, path);
  }
  return paths;
}

/** What the dimensions are called, as attributes and as arguments of a constructor, beside attributes of the names `taken`. */
export const dimensionNames = (taken: Iterable<string>): Namer => createNamer(reservedDimensions, taken);

/** The same as names of a `state_dict`: `rnn.hh.g`. */
export const stateDictNames = (names: readonly string[]): ReadonlyMap<string, string> =>
  new Map([...tensorPaths(names)].map(([name, path]) => [name, path.join(".")]));

/** `self.rnn.hh`, `self.a[0]`. */
export const attribute = (path: readonly string[]): string =>
  path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : `${text}.${part}`), "self");
