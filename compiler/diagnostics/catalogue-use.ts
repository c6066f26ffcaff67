/** C03xx options, C04xx data and checkpoints, C05xx running, W06xx warnings. */
import type { Message } from "./message.ts";

export const useMessages = {
  C0301: {
    title: "unknown option value",
    explanation:
      "The command line cannot be read, or an option or argument does not have this value: there is no such command, option, task, pass, example, or cell parameter, or a placement cannot be read. The message says what there is.",
    example: "cellc data mnist",
    fix: "cellc data mnist-rows",
  },
  C0302: {
    title: "unknown dimension",
    explanation: "--dims names a dimension that the cell or model does not have.",
    example: "cellc compile lstm.cell --dims hidden=100",
    fix: "cellc compile lstm.cell --dims H=100",
  },
  C0303: {
    title: "nothing to compile",
    explanation:
      "The file has no cell or model of the name asked for, or none at all. The message lists what is there. Without --entry the last model of a file is taken, or, in a file without models, the last cell.",
    example: "cellc compile examples/cells/gru.cell --entry gru",
    fix: "cellc compile examples/cells/gru.cell --entry gru_after",
  },
  C0304: {
    title: "too large to address",
    explanation:
      "Kernels count numbers in 32 bits, so one region of memory holds at most 8 GiB. The message names the region and the size it would have. A region that fits may still be more than a device has: C0505.",
    example: "cellc compile examples/cells/lstm.cell --dims H=100000",
    fix: "cellc compile examples/cells/lstm.cell --dims H=2000",
  },
  C0305: {
    title: "does not fit in the memory allowed",
    explanation:
      "--memory limits the bytes that parameters, inputs, states and everything else take together for sequences of --time steps. Even cut into short segments, with everything in between recomputed, the model needs more: its inputs, what it keeps of every step, and the states at the segments' borders. The message says the minimum.",
    example: "cellc compile examples/cells/lstm.cell --memory 1M",
    fix: "cellc compile examples/cells/lstm.cell --memory 8M",
  },
  C0306: {
    title: "no such schedule",
    explanation:
      "--schedule asks for an owner that this loop over the steps cannot have. A workgroup that owns rows has some examples from the first step to the last and never waits for the others, so nothing in the loop may be summed over the batch or be the same for all examples. A lane that owns elements has a unit of an example, so nothing may be computed of other units or examples; in chunks, each state must be linear in itself, too. The message says what is. `column` and `whole` own any loop.",
    example: "cellc compile examples/cells/bnlstm.cell --schedule row",
    fix: "cellc compile examples/cells/bnlstm.cell --schedule whole",
  },
  C0307: {
    title: "target without f16 storage",
    explanation:
      "--storage f16 halves the memory of what a sequence saves for its backward pass, on targets that can store f16: those for WebGPU. WebAssembly has no instructions between f16 and f32, and stores f32 only.",
    example: "cellc compile examples/cells/lstm.cell --storage f16",
    fix: "cellc compile examples/cells/lstm.cell --storage f16 --target wgsl",
  },
  C0308: {
    title: "no stream",
    explanation:
      "The entries `start` and `step` run a model step by step, with its states kept in between. That is impossible for an output that needs later steps: one of a scan that runs from the last step to the first, or of a sum, mean or largest value over all steps. The message names it. Losses and metrics do not matter: a stream leaves them out.",
    example: "cellc compile bidirectional.cell --entries step",
    fix: "cellc compile examples/cells/lstm.cell --entries step",
  },
  C0309: {
    title: "unknown option of a function",
    explanation:
      "The functions of `cellc/compiler` take options by name. An unknown name is refused, because the option that was meant would otherwise silently keep its default: with `optimiser`, a model would be trained by Adam. So is a value of the wrong kind. The message names the nearest option, or lists all. Where there are no files, as in a page, the option `host` is required: it says where texts come from.",
    example: 'compile("lstm.cell", { optimiser: "sgd" })',
    fix: 'compile("lstm.cell", { optimizer: "sgd" })',
  },
  C0310: {
    title: "no parts of sequences",
    explanation:
      "With --carry, and with --states of export, a sequence comes in parts, batch after batch, and each part begins with the states that the one before ended with. That is impossible for what needs later steps, such as a scan that runs from the last step to the first; for what is made of all steps, such as a maximum over time, because a part has only its own; and for a model without states. The message names it. Means over steps in a loss do not matter: that of the whole sequence is the mean over its parts.",
    example: "cellc compile bidirectional.cell --carry",
    fix: "cellc compile examples/cells/lstm.cell --carry",
  },
  C0312: {
    title: "not to be said in this format",
    explanation:
      "What a model is exported to has ops of its own, and not everything can be made of them: a file of ONNX has at most 2 GiB of numbers, its inputs have different names from its outputs, and an input over time says how many steps there are. The message says what is in the way.",
    example: "cellc export runs/huge --to onnx --out huge.onnx   // 3 GiB of parameters",
    fix: "cellc export runs/huge --to cellc --out huge",
  },
  C0401: {
    title: "file not found",
    explanation:
      "There is no file at this path, or it cannot be read. Relative paths start at the current directory. In a page: nothing can be loaded from this address; the message has the server's answer. A compiled model is opened by its folder, whose `executable.json` says which files are in it.",
    example: "cellc compile lstm.cel",
    fix: "cellc compile examples/cells/lstm.cell",
  },
  C0402: {
    title: "damaged data file",
    explanation:
      "The file is not what its name says: its first bytes are wrong, it is shorter than its header promises, or its sizes contradict each other. Usually a download was cut off.",
    example: "train-images-idx3-ubyte ends after 1,000,000 of 47,040,016 bytes",
    fix: "Delete the file and fetch it again.",
  },
  C0403: {
    title: "checkpoint of another model",
    explanation:
      "A checkpoint says which model it was saved from. This one has other parameters, shapes or statistics, or other equations: gates in another order, another ε, another norm, another loss; or another optimiser, or the same with other options. Its numbers would mean something else here. The message lists the differences. The layout of the text, the names of intermediate values, batch, target, schedule and initialisers do not matter. If only equations or options differ and the change is intended, --allow-other-equations accepts the checkpoint; in a program, `restore(state, { allowOtherEquations: true })`.",
    example:
      "cellc eval net.cell --task digits --place hh=group(2) --checkpoint run/model.safetensors   // trained with group(4)",
    fix: "cellc eval net.cell --task digits --place hh=group(4) --checkpoint run/model.safetensors",
  },
  C0404: {
    title: "damaged checkpoint",
    explanation:
      "The file is not a complete safetensors file: its header cannot be read, or tensors reach beyond its end. Or its contents contradict themselves: tensors of another size than their shape says, numbers that are not finite, counters that are not numbers. Checkpoints are written to a new file and renamed, so an interrupted run does not cause this; an interrupted copy does.",
    example: "model.safetensors ends in the middle of Wh",
    fix: "Copy it again, or go back to an earlier checkpoint.",
  },
  C0405: {
    title: "data set not found",
    explanation:
      "The data set is not in any of the folders that were searched, and could not be fetched, or must not be (--offline). The message lists the folders, and for each mirror what went wrong. If --data names a folder, no other is searched. A file whose checksum differs from the published one is discarded.",
    example: "--task mnist-rows on a machine without MNIST and without a network",
    fix: "--data DIR or the variable CELLC_DATA with the folder that holds the files, or a generated task: --task digits",
  },
  C0406: {
    title: "data set or argument does not fit the model",
    explanation:
      "The inputs and targets of the model and the columns of the data set differ in name, size or kind. In a program: an argument of the runtime is not what it should be, such as a negative learning rate, an input that is not finite, or numbers in the order [B, T, …] instead of [T, B, …]; nothing was run or changed. A model that reads pixels one by one has D = 1, row by row D = 28; without --dims, the dimensions that the task and the model both name are set by the task. It may also be the number of examples in a batch: not the executable's, or a single one where statistics are over examples; or more steps than a model with attention was compiled for.",
    example: "cellc train examples/smnist.cell --task mnist-rows --dims D=3 --out runs/rows",
    fix: "cellc train examples/smnist.cell --task mnist-rows --out runs/rows",
  },
  C0407: {
    title: "another program's file",
    explanation:
      "The file is not damaged, but cellc did not write it: it is another program's safetensors file, or another kind of file, such as PyTorch's, NumPy's, Keras's or ONNX's own. A checkpoint is a safetensors file that also says which model it belongs to. The message says what the file contains.",
    example: "cellc eval net.cell --task digits --checkpoint lstm.pt",
    fix: "cellc eval net.cell --task digits --checkpoint runs/a/model.safetensors",
  },
  C0408: {
    title: "another run is in the folder",
    explanation:
      "A folder holds one run, or one exploration. Training into a folder that holds one already would destroy it; --resume continues what is there, which must be the same: for a run, the model, task, batch and seed; for an exploration, everything that determines its rows. The message says what differs. A folder that holds none cannot be resumed.",
    example: "cellc train examples/smnist.cell --task digits --out runs/a   // a second time",
    fix: "cellc train examples/smnist.cell --task digits --out runs/a --resume",
  },
  C0409: {
    title: "file cannot be written",
    explanation:
      "The system refused to write: the folder is a file, it may not be written to, or the disk is full. What was there before is unharmed, because files are written beside it and then renamed.",
    example: "cellc compile net.cell --out notes.txt",
    fix: "cellc compile net.cell --out build",
  },
  C0410: {
    title: "another process writes into the folder",
    explanation:
      "Two processes that write the same run would overwrite each other's checkpoints and mix their curves, so only one may at a time. The message names the process. One that has ended, however it ended, does not count, unless it ran on another machine that shares the folder: whether it still runs cannot be known here, and the message names the file that records it.",
    example: "cellc train net.cell --task digits --out runs/a --resume   // while it is still being trained",
    fix: "wait until the other process ends, or stop it: Ctrl-C, or kill with its number",
  },
  C0411: {
    title: "damaged executable",
    explanation:
      "A compiled model is a plan and its code, which belong together: offsets, shapes and grids of the plan are constants in the kernels. The runtime checks the whole plan when it opens it: that every field is there and has its type, that every tensor lies within its region, and that the code ends with the seal of this plan. A plan that was edited, or that is paired with other code, is refused, because its kernels would read and write the wrong memory. The message names the field, or the piece of code.",
    example: "plan.json of one folder with kernels.wasm of another",
    fix: "Compile the model again, and keep the files of a folder together.",
  },
  C0412: {
    title: "generated file out of date",
    explanation:
      "A module that was made from a cell is not what the cell would give now: the cell, an option or the version of cellc has changed since, or the file was edited or is missing. Nothing was written. The message shows the command that makes it again.",
    example: "cellc compile lstm.cell --target ts --out lstm.ts --verify   // after a change of lstm.cell",
    fix: "cellc compile lstm.cell --target ts --out lstm.ts",
  },
  C0413: {
    title: "weights that cannot be taken over",
    explanation:
      "The command import finds out from the equations what each parameter of the cell does, and takes over the weights of another library's LSTM, GRU or RNN only if the cell then computes the same numbers. It does not if it is none of these (it has a norm, a peephole or another activation), if the file has more or fewer layers, directions, features or units, or a bias that the cell has not; or if a GRU resets before the product and the other after it. The message says where they differ. Nothing was written.",
    example: "cellc import --from torch.nn.LSTM lstm.pt --to examples/cells/peephole.cell -o a.safetensors",
    fix: "cellc import --from torch.nn.LSTM lstm.pt --to examples/cells/lstm.cell -o a.safetensors",
  },
  C0414: {
    title: "a file of other objects than weights",
    explanation:
      "A file of torch.save is a pickle: a program that builds Python's objects, and that may run anything. cellc never runs it. It reads dictionaries, lists, numbers, texts and tensors, and refuses every other object by its name: a whole module, options of the training program, arrays of NumPy. Write the numbers alone, in Python: torch.save(model.state_dict(), path); or as a safetensors file.",
    example: 'torch.save(model, "model.pt")   // the whole module',
    fix: 'torch.save(model.state_dict(), "model.pt")',
  },
  C0501: {
    title: "inference without population statistics",
    explanation:
      "A norm with a stat normalizes with the batch's own statistics in training and with the population's at inference. There are no population statistics yet, or not all of them: it was never trained, they were never estimated, or some were written by hand and others not. Batches of one example give none (W0603). The message names the missing ones.",
    example: "inference with bnlstm.cell right after its parameters were initialised",
    fix: "train it; or `eval --stats exact`, which estimates the statistics by a pass over training data",
  },
  C0502: {
    title: "loss is not finite",
    explanation:
      "The loss, the gradient, its norm, or the result of the update, is infinite or NaN. The step is then skipped: parameters, optimiser state and statistics are as they were before it, and the last good checkpoint is kept. The message says which tensor it is. Usual causes: a learning rate too high, gradients that explode (clip them), variances of zero at a batch norm in the first steps, where its derivative is about γ/√ε, or an infinite derivative, as of log(x) and 1 / x where x is 0. A session is not opened if an initial value is not finite.",
    example: "--lr 1 without --clip",
    fix: "--lr 1e-3 --clip 1; `state h : [H] = noise(0.1)` before a batch norm whose first inputs are constant; `where(x > 0, log(x), 0)`",
  },
  C0503: {
    title: "no WebGPU adapter",
    explanation:
      "This machine, or this browser, offers no GPU through WebGPU: there is none, its driver is missing, or it is blocked.",
    example: "--target wgsl on a machine without a GPU",
    fix: "--target wasm, which runs anywhere",
  },
  C0504: {
    title: "optional package missing",
    explanation: "This needs a package that is not installed by default, because most uses do not need it.",
    example: "--target wgsl in Node, where WebGPU is the package webgpu",
    fix: "npm install webgpu",
  },
  C0505: {
    title: "sequence too long for the device's memory",
    explanation:
      "The backward pass needs values of every step; for this length and batch they are more than the device's memory, or one of its buffers, can hold.",
    example: "training on sequences of 100,000 steps",
    fix: "a shorter length (--time), a smaller batch (--batch), or fewer units (--dims)",
  },
  C0506: {
    title: "kernel failed to compile in the device",
    explanation:
      "The device's driver refused a kernel that this compiler generated. That is a mistake of the compiler or the driver, not of the cell. The message quotes the driver.",
    example: "createShaderModule: unresolved value …",
    fix: "Report it, with the cell and the name of the device; --target wasm works meanwhile.",
  },
  C0507: {
    title: "GPU without a feature that the kernels need",
    explanation:
      "Kernels can be compiled for GPUs with features that WebGPU does not require, such as subgroups. This GPU, or this browser, lacks what these kernels need.",
    example: "an executable of --target wgsl+subgroups in a browser without the feature `subgroups`",
    fix: "--target wgsl, which runs on every GPU",
  },
  C0508: {
    title: "use after close",
    explanation:
      "A session, a stream of it, or a machine was used after it, or its backend, was closed. Calls made before `close` are still carried out.",
    example: "session.close(); await session.infer(batch)",
    fix: "await session.infer(batch); session.close()",
  },
  C0509: {
    title: "nothing here can run it",
    explanation:
      "A compiled model runs on the backends that it was compiled for. This machine, or this browser, has none of them. The message says of each what it lacks: WebGPU needs a GPU, and in Node the package webgpu; WebAssembly runs anywhere.",
    example: "openSession(folder) of a folder that was compiled with --target wgsl, on a machine without a GPU",
    fix: "cellc compile examples/cells/bnlstm.cell --target wgsl,wasm",
  },
  W0601: {
    title: "unused name",
    explanation:
      "Nothing uses this value, so it is not computed. An unused parameter is not trained. A name that begins with _ may stay unused.",
    example: "z = x @ W\nh' = tanh(h)",
    fix: "z = x @ W\nh' = tanh(h + z)",
  },
  W0603: {
    title: "batch of one in training",
    explanation:
      "Statistics over a batch of one example are the example itself: the mean is its value and the variance zero, so the norm returns β whatever its input, and nothing is learned. Such batches do not count towards the moving statistics, so inference fails with C0501. Estimating from them fails with C0406, except by the law of total variance, at sites that do not depend on another such norm.",
    example: "training bnlstm with batches of 1",
    fix: "batches of 32 or more, or --place hh=layer,xh=layer,cc=layer",
  },
  W0604: {
    title: "parameter without a gradient",
    explanation:
      "The loss does not change with this parameter. Often a statistic over the batch cancels it: what is added to all examples alike, such as a bias, or a learned initial state through `h @ Wh`, moves their mean by as much, and the norm subtracts it again. Its gradient is only rounding errors, which Adam scales to steps of full size.",
    example:
      "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2 + d\nh' = tanh(s + x @ W)\noutput h'\nplace s : batch",
    fix: "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + d + x @ W)\noutput h'\nplace s : batch(beta = none)",
  },
  W0605: {
    title: "shift beside another shift",
    explanation:
      "The shift β of a norm is only ever added to another parameter, such as the bias after two products: only their sum matters, and one of them is enough. `none` leaves the norm's out.",
    example:
      "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + x @ W + d)\noutput h'\nplace s : batch",
    fix: "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + x @ W + d)\noutput h'\nplace s : batch(beta = none)",
  },
  W0606: {
    title: "state normalized in place",
    explanation:
      "The normalized value of a state is also carried to the next step, which adds to it: what the state has accumulated is scaled again in every step. Cooijmans et al. (2016) normalize the cell on its way to the output only, and carry the value itself.",
    example: "site s = 0.9 * h + x @ W\nh' = s\noutput h'\nplace s : layer",
    fix: "h' = 0.9 * h + x @ W\nsite s = h'\noutput s\nplace s : layer",
  },
  W0607: {
    title: "ε as large as the variance",
    explanation:
      "ε keeps a norm from dividing by zero. If it is as large as the variance it is added to, it changes the model: the norm shrinks small values more than large ones, and its result does not have the scale γ. In a recurrence, variances are small: some 1e-3 for `h @ Wh` at first, and some 1e-5 for `x @ Wx` with single pixels. The median over units and steps is compared, in the first batch of a training.",
    example: "place hh : batch(eps = 1e-3)",
    fix: "place hh : batch(eps = 1e-5)",
  },
  W0608: {
    title: "stream set back",
    explanation:
      "A stream of a model with per-step statistics continues with a later state as if it were before an earlier step. In the first steps, states hardly differ between examples yet: a variance near 0 scales a later state by up to γ/√ε. A state and its step belong together: `restore` continues at the state's own step, and `reset` starts both afresh.",
    example: "await stream.restore(state, { at: 0 })",
    fix: "await stream.restore(state)",
  },
  W0611: {
    title: "checkpoint of other equations",
    explanation:
      "--allow-other-equations accepted a checkpoint whose parameters and statistics have the names and shapes of this model, but whose equations, norm arguments or loss differ, or are unknown, since early versions did not record them. The numbers were learnt for those. Checkpoints saved from here on record the equations of this model. The message lists the differences.",
    example: "cellc train net.cell --task digits --out runs/a --resume --allow-other-equations",
    fix: "train a while with the new equations, then `cellc eval`",
  },
  W0609: {
    title: "recurrence without variance",
    explanation:
      "All examples of a batch are alike at some steps of a recurrence, for instance because the first inputs are constant (MNIST's blank rows) and the state starts with one value for all. A batch norm then divides by √ε. Nothing shows in the forward pass, but each such step multiplies gradients by γ/√ε, some 30 with γ = 0.1 and ε = 1e-5, step after step. Noise in the initial state tells the examples apart (Cooijmans et al. 2016, section 5.1). This is checked in the first batch of a training, after the first step.",
    example: "state h : [H] = 0",
    fix: "state h : [H] = noise(0.1)",
  },
  W0612: {
    title: "each entry with each",
    explanation:
      "A sum over the last axis keeps that axis, with extent 1. Shapes are aligned at their last axes, so a list [N] with such a column [N, 1] is a table [N, N]: every entry with every entry. Most likely a number for each entry was meant. A further axis in front of the list says that all pairs are meant.",
    example: "site s = h @ W\nh' = tanh(s) + sum(s / sum(exp(outer(s, h)), over last))\noutput h'",
    fix: "site s = h @ W\nh' = tanh(s) + sum(s / sum(exp(outer(s, h)), over last)[:, 0])\noutput h'",
  },
  C0243: {
    title: "batch without whole groups",
    explanation:
      "A norm such as `ghost` takes a batch in groups of n consecutive examples, each with statistics of its own. To train and to estimate, the batch is n times a whole number, or smaller than n, which is one group. Sequences of different lengths are refused: at late steps some groups would have a single example left, which has no variance, and others none. `batch` with batches of n examples has the same statistics, and knows what to do there. At inference there are no groups, so any batch will do.",
    example: "cellc compile net.cell --target wgsl --place hh=ghost --batch 40 --out runs/a",
    fix: "cellc compile net.cell --target wgsl --place hh=ghost --batch 48 --out runs/a",
  },
} as const satisfies Record<string, Message>;
