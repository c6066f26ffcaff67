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
      "Kernels count numbers in 32 bits, so one region of memory holds at most 8 GiB. The message names the region and the size it would have. What fits may still be more than a device has: C0505.",
    example: "cellc compile examples/cells/lstm.cell --dims H=100000",
    fix: "cellc compile examples/cells/lstm.cell --dims H=2000",
  },
  C0305: {
    title: "does not fit in the memory allowed",
    explanation:
      "--memory caps the bytes that parameters, inputs, states and all else take together for sequences of --time steps. Even cut in short segments, with everything in between computed again, the model needs more: its inputs, what it keeps of every step, and the states at the segments' borders. The message says the least.",
    example: "cellc compile examples/cells/lstm.cell --memory 1M",
    fix: "cellc compile examples/cells/lstm.cell --memory 8M",
  },
  C0306: {
    title: "no such schedule",
    explanation:
      "--schedule asks for an owner that this loop over the steps cannot have. A workgroup that owns rows has some examples from the first step to the last and never waits for the others, so nothing in the loop may be summed over the batch or be one for all examples. The message says what is. `column` and `whole` own any loop.",
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
      "The entries `start` and `step` run a model step by step, with its states kept in between. That cannot be done for an output that waits for steps that are not there yet: of a scan that runs from the last step to the first, or of a sum, mean or largest value over all steps. The message names it. Losses and metrics are no hindrance: a stream leaves them out.",
    example: "cellc compile bidirectional.cell --entries step",
    fix: "cellc compile examples/cells/lstm.cell --entries step",
  },
  C0309: {
    title: "unknown option of a function",
    explanation:
      "The functions of `cellc/compiler` take options by name. A name that they do not know is refused, because what was meant would else be left at its default without a word: with `optimiser` a model would be trained by Adam. So is a value of another kind than the option has. The message names the nearest option, or lists all. Where there are no files, as in a page, the option `host` is needed: it says where texts come from.",
    example: 'compile("lstm.cell", { optimiser: "sgd" })',
    fix: 'compile("lstm.cell", { optimizer: "sgd" })',
  },
  C0401: {
    title: "file not found",
    explanation: "There is no file at this path, or it cannot be read. Relative paths start at the current directory.",
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
      "A checkpoint says which model it was saved from. This one has other parameters, shapes or statistics, or other equations: gates in another order, another ε, another norm, another loss; or another optimiser, or the same with other options. Its numbers would mean something else here. The message lists the differences. How the text is written, what its intermediate values are called, batch, target and schedule do not matter, nor how parameters begin. Where only equations or options differ and the change is meant, --allow-other-equations takes the checkpoint, in a program `restore(state, { allowOtherEquations: true })`.",
    example:
      "cellc eval net.cell --task digits --place hh=group(2) --checkpoint run/model.safetensors   // trained with group(4)",
    fix: "cellc eval net.cell --task digits --place hh=group(4) --checkpoint run/model.safetensors",
  },
  C0404: {
    title: "damaged checkpoint",
    explanation:
      "The file is not a complete safetensors file: its header cannot be read, or tensors reach beyond its end. Or what it holds contradicts itself: tensors of another size than their shape says, numbers that are not finite, counters that are no numbers. Checkpoints are written to a new file and renamed, so an interrupted run does not cause this; an interrupted copy does.",
    example: "model.safetensors ends in the middle of Wh",
    fix: "Copy it again, or go back to an earlier checkpoint.",
  },
  C0405: {
    title: "data set not found",
    explanation:
      "The data set is not in any of the folders that were searched, and could not be fetched, or was not to be (--offline). The message lists the folders, and for each mirror what went wrong. A file with another checksum than the published one is thrown away.",
    example: "--task mnist-rows on a machine without MNIST and without a network",
    fix: "--data DIR or the variable CELLC_DATA with the folder that holds the files, or a generated task: --task digits",
  },
  C0406: {
    title: "data set or argument does not fit the model",
    explanation:
      "The inputs and targets of the model and the columns of the data set differ in name, size or kind. In a program: an argument of the runtime is not what it should be, such as a learning rate that is negative, an input that is not finite, or numbers in the order [B, T, …] for [T, B, …]; nothing was run or changed. A model that reads pixels one by one has D = 1, row by row D = 28; without --dims, the dimensions that the task and the model both name are set by the task. Of a batch, it may also be the number of examples: another than the executable's, or a single one where statistics are over examples.",
    example: "cellc train examples/smnist.cell --task mnist-rows --dims D=3 --out runs/rows",
    fix: "cellc train examples/smnist.cell --task mnist-rows --out runs/rows",
  },
  C0407: {
    title: "file of another program",
    explanation:
      "The file is not damaged: it is no checkpoint that cellc wrote, but a safetensors file of another program, or a file of another kind, such as PyTorch's, NumPy's, Keras's or ONNX's own. A checkpoint is a safetensors file that also says which model it is of and what belongs to it. The message says what the file holds.",
    example: "cellc eval net.cell --task digits --checkpoint lstm.pt",
    fix: "cellc eval net.cell --task digits --checkpoint runs/a/model.safetensors",
  },
  C0408: {
    title: "another run stands in the folder",
    explanation:
      "A folder holds one run, or one exploration. Training into a folder that holds one already would destroy it; --resume goes on with what is there, which must be the same: of a run the model, task, batch and seed, of an exploration all that decides what its rows are. The message says what differs. A folder that holds none cannot be resumed.",
    example: "cellc train examples/smnist.cell --task digits --out runs/a   // a second time",
    fix: "cellc train examples/smnist.cell --task digits --out runs/a --resume",
  },
  C0409: {
    title: "file cannot be written",
    explanation:
      "The system refused to write: the folder is a file, it may not be written to, or the disk is full. What stood there before is unharmed, because files are written beside and renamed.",
    example: "cellc compile net.cell --out notes.txt",
    fix: "cellc compile net.cell --out build",
  },
  C0410: {
    title: "another process writes into the folder",
    explanation:
      "Two processes that write the same run would overwrite each other's checkpoints and mix their curves, so one at a time may. The message names the process. One that has ended, however it ended, does not count, unless it ran on another machine that shares the folder: of that nobody here knows, and the message names the file that says so.",
    example: "cellc train net.cell --task digits --out runs/a --resume   // while it is still being trained",
    fix: "wait until the other process ends, or stop it: Ctrl-C, or kill with its number",
  },
  C0411: {
    title: "damaged executable",
    explanation:
      "A compiled model is a plan and its code, and both belong together: offsets, shapes and grids of the plan are constants in the kernels. The runtime checks a plan whole when it opens one: that every field is there and of its type, that every tensor lies within its region, and that the code ends with the seal of this plan. A plan that was edited, or that stands beside the code of another, is refused, because its kernels would read and write what is not theirs. The message names the field, or the piece of code.",
    example: "plan.json of one folder with kernels.wasm of another",
    fix: "Compile the model again, and keep the files of a folder together.",
  },
  C0501: {
    title: "inference without population statistics",
    explanation:
      "A norm with a stat normalizes with the batch's own statistics in training and with the population's at inference. There are no population statistics yet, or not all of them: it was never trained, they were never estimated, or some were written by hand and others not. Batches of one example give none (W0603). The message names those that are missing.",
    example: "inference with bnlstm.cell right after its parameters were initialised",
    fix: "train it; or `eval --stats exact`, which estimates the statistics by a pass over training data",
  },
  C0502: {
    title: "loss is not finite",
    explanation:
      "The loss, the gradient, its norm, or what the update would have made of the parameters or the optimiser's state, is infinite or NaN. The step is then not done: parameters, optimiser state and statistics are as before it, and the last good checkpoint is kept. The message says which tensor it is. Usual causes: a learning rate too high, gradients that explode (clip them), variances of zero behind a batch norm at the first steps, whose derivative is about γ/√ε large, or a derivative that is infinite, as that of log(x) and 1 / x where x is 0.",
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
      "The backward pass needs values of every step; for this length and batch they are more than the device's memory, or than one of its buffers may hold.",
    example: "training on sequences of 100,000 steps",
    fix: "a shorter length (--time), a smaller batch (--batch), or fewer units (--dims)",
  },
  C0506: {
    title: "kernel failed to compile in the device",
    explanation:
      "The device's driver refused a kernel that this compiler made. That is a mistake of the compiler or the driver, not of the cell. The message holds what the driver said.",
    example: "createShaderModule: unresolved value …",
    fix: "Report it, with the cell and the name of the device; --target wasm works meanwhile.",
  },
  C0507: {
    title: "GPU without a feature that the kernels need",
    explanation:
      "Kernels can be compiled for GPUs that have more than WebGPU asks of every one, such as subgroups. This GPU, or this browser, lacks what these kernels need.",
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
  W0601: {
    title: "unused name",
    explanation:
      "Nothing uses this value, so it is not computed. A parameter nothing uses is not trained. A name that begins with _ may stay unused.",
    example: "z = x @ W\nh' = tanh(h)",
    fix: "z = x @ W\nh' = tanh(h + z)",
  },
  W0603: {
    title: "batch of one in training",
    explanation:
      "Statistics over a batch of one example are the example itself: the mean is its value and the variance zero, so the norm returns β whatever comes in, and nothing is learned. Such batches do not count for the moving statistics, so that inference is C0501; an estimate from them is C0406 unless the law of total variance mends it, at sites that no other such norm stands before.",
    example: "training bnlstm with batches of 1",
    fix: "batches of 32 or more, or --place hh=layer,xh=layer,cc=layer",
  },
  W0604: {
    title: "parameter without a gradient",
    explanation:
      "The loss does not change with this parameter. Often a statistic over the batch takes it out: what is added to all examples alike, such as a bias, or a learned initial state behind `h @ Wh`, moves their mean by as much, and the norm subtracts it again. Its gradient is rounding errors, of which Adam makes steps as large as any.",
    example:
      "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2 + d\nh' = tanh(s + x @ W)\noutput h'\nplace s : batch",
    fix: "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + d + x @ W)\noutput h'\nplace s : batch(beta = none)",
  },
  W0605: {
    title: "shift beside another shift",
    explanation:
      "The shift β of a norm is only ever added to another parameter, such as the bias behind two products: what counts is what they come to together, and one of them is enough. `none` leaves the norm's out.",
    example:
      "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + x @ W + d)\noutput h'\nplace s : batch",
    fix: "param d : [H] = 0\nparam W2 : [H, H] = orthogonal\nsite s = h @ W2\nh' = tanh(s + x @ W + d)\noutput h'\nplace s : batch(beta = none)",
  },
  W0606: {
    title: "state normalized in place",
    explanation:
      "The normalized value of a state is also what is carried on, and the next step adds to it: what the state has gathered is scaled anew in every step. Cooijmans et al. (2016) normalize the cell on its way to the output only, and carry the value itself.",
    example: "site s = 0.9 * h + x @ W\nh' = s\noutput h'\nplace s : layer",
    fix: "h' = 0.9 * h + x @ W\nsite s = h'\noutput s\nplace s : layer",
  },
  W0607: {
    title: "ε as large as the variance",
    explanation:
      "ε keeps a norm from dividing by zero. Where it is as large as the variance beside it, it is part of the model: the norm makes less of small values than of large ones, and its result has not the scale that γ says. In a recurrence variances are small: of `h @ Wh` some 1e-3 at first, of `x @ Wx` with single pixels some 1e-5. What is compared is the median over units and steps, of the first batch of a training.",
    example: "place hh : batch(eps = 1e-3)",
    fix: "place hh : batch(eps = 1e-5)",
  },
  W0608: {
    title: "stream set back",
    explanation:
      "A stream of a model that keeps statistics for each step goes on with a state that is steps old, as if before an earlier step. Statistics of the first steps are of states that hardly differ yet: a variance near 0 makes of a carried state up to γ/√ε times what it should be. A state and its step belong together: `restore` goes on at the state's own step, and `reset` begins anew with both.",
    example: "await stream.restore(state, { at: 0 })",
    fix: "await stream.restore(state)",
  },
  W0611: {
    title: "checkpoint of other equations",
    explanation:
      "--allow-other-equations took a checkpoint whose parameters and statistics have the names and shapes of this model's, but whose equations, norms' arguments or loss are others, or of which nobody knows: checkpoints of early versions do not say. The numbers were learnt for those. What is saved from here on says the equations of this model. The message lists the differences.",
    example: "cellc train net.cell --task digits --out runs/a --resume --allow-other-equations",
    fix: "train a while with the new equations, then `cellc eval`",
  },
  W0609: {
    title: "recurrence without variance",
    explanation:
      "All examples of a batch are alike at some steps of a recurrence, as where the first inputs are constant (MNIST's blank rows) and the state begins with one value for all. A batch norm then divides by √ε: forward nothing happens, but each such step multiplies gradients by γ/√ε, some 30 with γ = 0.1 and ε = 1e-5, one step after the other. Noise in the initial state tells the examples apart (Cooijmans et al. 2016, section 5.1). It is looked for in the first batch of a training, behind the first step.",
    example: "state h : [H] = 0",
    fix: "state h : [H] = noise(0.1)",
  },
} as const satisfies Record<string, Message>;
