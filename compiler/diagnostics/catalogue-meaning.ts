/** C02xx: the text can be read, but does not mean anything. */
import type { Message } from "./message.ts";

export const meaningMessages = {
  C0201: {
    title: "unknown name",
    explanation:
      "Nothing of this name is declared here. A body sees its own dimensions, parameters, inputs, states, sites and equations, the functions of the file, its imports, and the prelude. It does not see inside other cells.",
    example: "param Wh : [H, 4H] = orthogonal\na = h @ Whh",
    fix: "param Wh : [H, 4H] = orthogonal\na = h @ Wh",
  },
  C0202: {
    title: "name defined twice",
    explanation:
      "A name denotes one value, as in a formula; it is not a variable that changes. Only a state has two values, h and h'. The same holds for the names of a file and for named arguments.",
    example: "a = h @ Wh\na = a + b",
    fix: "a = h @ Wh + b",
  },
  C0203: {
    title: "used before it is defined",
    explanation: "Equations are read from top to bottom: a value may use only what is defined above it.",
    example: "y = tanh(a)\na = x @ W",
    fix: "a = x @ W\ny = tanh(a)",
  },
  C0204: {
    title: "shapes do not fit",
    explanation:
      "The two shapes cannot be combined. `a @ W` needs the last dimension of a to be the first of W. Element-wise operations need equal shapes, or a single number, or a shape that is the end of the other ([H] with [k, H]). Shapes are compared as formulas: 4H fits H + 3H, but not D, even if both happen to be 100.",
    example: "input x : [D]\nparam W : [H, 4H] = orthogonal\na = x @ W",
    fix: "input x : [D]\nparam W : [D, 4H] = orthogonal\na = x @ W",
  },
  C0205: {
    title: "wrong number of values",
    explanation:
      "There must be as many names left of `=` as parts on the right: `split(x, 4)` has four, a `scan` has as many as the cell has outputs. A function takes as many arguments as it is declared with.",
    example: "f, i, o = split(a, 4)",
    fix: "f, i, o, g = split(a, 4)",
  },
  C0206: {
    title: "unknown argument",
    explanation: "The function, norm or cell has no argument of this name, or it is given twice.",
    example: "place hh : batch(gama = 0.1)",
    fix: "place hh : batch(gamma = 0.1)",
  },
  C0207: {
    title: "statistics over time need the whole sequence",
    explanation:
      "A statistic over the time axis is a statistic of all steps at once. The later steps of a value that depends on the previous state do not exist yet when the first is computed, so such a norm cannot be placed there. It can be placed on a value computed from the inputs alone, such as x @ Wx (Laurent et al. 2016, “sequence-wise”).",
    example:
      "norm sequence(x) {\n  stat m = mean(x, over (batch, time))\n  x - m\n}\ncell c(H = 100) {\n  param Wh : [H, H] = orthogonal\n  state h  : [H] = 0\n  site hh = h @ Wh\n  h' = tanh(hh)\n  output h'\n  place hh : sequence\n}",
    fix: "place hh : batch\nplace xh : batch   // `sequence` can be placed here too",
  },
  C0208: {
    title: "unknown site",
    explanation:
      "`place` names a point that a cell or model declares with `site`, or one of its parameters. In a model, the sites and parameters of the cell it scans are written with the cell's name: rnn.hh.",
    example: "site hh = h @ Wh\nplace h : batch",
    fix: "site hh = h @ Wh\nplace hh : batch",
  },
  C0209: {
    title: "unknown norm",
    explanation:
      "No norm of this name is declared in the file, imported, or in the prelude (batch, batch_renorm, sequence, layer, group, instance, rms, cosine, weight). `none` removes a norm.",
    example: "place hh : bach(gamma = 0.1)",
    fix: "place hh : batch(gamma = 0.1)",
  },
  C0210: {
    title: "unknown cell or model",
    explanation: "No cell (or model) of this name is declared in the file or imported.",
    example: "cell bnlstm = lstn with {\n  place hh : batch\n}",
    fix: 'import { lstm } from "./lstm.cell"\ncell bnlstm = lstm with {\n  place hh : batch\n}',
  },
  C0211: {
    title: "state without a next value",
    explanation: "A state that no equation gives a next value would never change. Give it one, or make it a param.",
    example: "state c : [H] = 0\nh' = tanh(c + x @ W)",
    fix: "state c : [H] = 0\nc' = c + x @ W\nh' = tanh(c')",
  },
  C0212: {
    title: "prime on something that is not a state",
    explanation: "Only a state has a next value. Other values belong to the step they are computed in.",
    example: "a' = h @ Wh",
    fix: "a = h @ Wh",
  },
  C0213: {
    title: "no output",
    explanation: "A cell says with `output` what a scan over it collects: usually a state's next value.",
    example: "cell plain(H = 100) {\n  state h : [H] = 0\n  h' = tanh(h)\n}",
    fix: "cell plain(H = 100) {\n  state h : [H] = 0\n  h' = tanh(h)\n  output h'\n}",
  },
  C0214: {
    title: "stat without a batch",
    explanation:
      "A stat is a reduction over examples. At inference, its population value replaces it. A reduction over features alone is the same in training and at inference: write it as an equation, without `stat`.",
    example:
      "norm layer(x) {\n  stat m = mean(x, over feature)\n  x - m\n}\ncell c(H = 100) {\n  input x : [H]\n  site s = x\n  output s\n  place s : layer\n}",
    fix: "norm layer(x) {\n  m = mean(x, over feature)\n  x - m\n}",
  },
  C0215: {
    title: "axis not present",
    explanation:
      "The value has no such axis. Inside a cell there is one step, so nothing reduces over time there but an input that is declared `over time`, a whole sequence; in a model, only values computed from an input over time or a scan have a time axis. A single number has no feature axis. A parameter is the same for all examples, so a norm placed on one cannot have statistics over the batch.",
    example: "m = mean(h, over time)   // in a cell",
    fix: "m = mean(hs, over time)   // in a model, after the scan",
  },
  C0216: {
    title: "unusable initialiser",
    explanation:
      "A parameter is initialised with a number, a list, range, rows, uniform(r), uniform(low, high), normal(std), normal(mean, std), xavier, kaiming, lecun, orthogonal, identity, or blocks(…) of these; zeros and ones are 0 and 1. They are combined element by element, with + - * / ^ and functions such as exp, log and where; the name of an earlier parameter is its initial value. In a norm on a parameter, lengths are those of its columns. The matrix kinds (xavier, kaiming, lecun, orthogonal, identity) need a shape with two dimensions and take gain =; the last two also take blocks =, which must divide the last dimension. `identity` fills a matrix whose columns are a multiple of its rows, or fewer.",
    example: "param b : [4H] = orthogonal",
    fix: "param b : [4H] = blocks(1, 0, 0, 0)",
  },
  C0217: {
    title: "dimension not positive and whole",
    explanation: "With the sizes given, this dimension is not a whole number above zero.",
    example: "param W : [H / 3, H] = xavier   // with H = 100",
    fix: "param W : [H / 4, H] = xavier",
  },
  C0218: {
    title: "dimension not given",
    explanation: "A dimension has neither a default nor a given value, so nothing can be compiled yet.",
    example: "cell plain(D, H) { … }",
    fix: "cell plain(D = 28, H = 100) { … }, or --dims D=28,H=100",
  },
  C0219: {
    title: "import fails",
    explanation:
      "The file does not exist, or it does not declare this name, or the files import each other in a cycle. Paths are relative to the importing file.",
    example: 'import { lstm } from "lstm"',
    fix: 'import { lstm } from "./lstm.cell"',
  },
  C0220: {
    title: "recursive definition",
    explanation:
      "A function, norm or derived cell is expanded where it is used, so it cannot use itself, directly or through others. Recurrence over time is a state and its next value.",
    example: "fn twice(x) { twice(x) + x }\ncell c(H = 100) {\n  input x : [H]\n  output twice(x)\n}",
    fix: "fn twice(x) { x + x }",
  },
  C0221: {
    title: "model without a loss",
    explanation: "Training and gradients need one value to minimise: `loss` followed by a value per example.",
    example: "model m(D = 28) { input x : [D] over time; output x }   // and cellc train",
    fix: "loss cross_entropy(logits, y)",
  },
  C0222: {
    title: "constant expected",
    explanation:
      "This must be known when the cell is compiled: a number, a dimension, or an expression of these. Values that depend on inputs or parameters are known only when it runs.",
    example: "n = sum(x, over feature)\nf, i = split(a, n)",
    fix: "f, i = split(a, 2)",
  },
  C0223: {
    title: "statement not allowed here",
    explanation:
      "Each kind of body has its own statements. A cell has param, input, state, site, equations, output, place. A model has param, input, target, site, equations, output, place, loss, metric (its recurrence is in the cells it scans). A norm has param, state, stat, equations; a function sites and equations. After `with`, only place, param and state are allowed.",
    example: "loss mse(h, x)   // in a cell",
    fix: "loss cross_entropy(logits, y)   // in a model",
  },
  C0224: {
    title: "index and number mixed",
    explanation:
      "An index (0 … K-1) names a class or a row; arithmetic on it has no meaning. Turn it into numbers with one_hot(i, K) or embed(i, W). The other way round, embed, one_hot and the class of cross_entropy need an index.",
    example: "input w : index(V) over time\na = w + 1",
    fix: "input w : index(V) over time\na = embed(w, E)",
  },
  C0225: {
    title: "next value of another shape",
    explanation:
      "A state keeps its shape from step to step, so its next value must have the shape it is declared with.",
    example: "param Wh : [H, 4H] = orthogonal\nstate h  : [H]     = 0\nh' = h @ Wh",
    fix: "param Wh : [H, H] = orthogonal\nstate h  : [H]    = 0\nh' = h @ Wh",
  },
  C0227: {
    title: "too much in one file",
    explanation:
      "There are limits to what a file may ask of the compiler: 100 functions expanded inside each other, 800 nested operations (a call counts as five), 12,000 operations in a cell, model or norm and as many in all norms at its sites, 1,000,000 names and operations in all, 64 files that import one another. The message says which limit is exceeded, and points at the place.",
    example: "fn f1(x) { f2(x) }   // … and so on, to f1000",
    fix: "fn f(x) { tanh(x) }",
  },
  C0228: {
    title: "index beyond what it selects from",
    explanation:
      "The values of an index are the whole numbers below its size. If it selects a row, a class or an entry, there must be one for each of them: otherwise unrelated numbers would be read. An index smaller than the table is fine. Two indices that are compared have the same size, unless one is an `argmax`, whose size must be no smaller. Sizes are compared once the dimensions have their numbers. Indices are stored as f32, so none has more than 16,777,216 values.",
    example: "input w : index(10)\nparam E2 : [5, H] = normal(0.1)\na = embed(w, E2)\nh' = a\noutput h'",
    fix: "input w : index(10)\nparam E2 : [10, H] = normal(0.1)\na = embed(w, E2)\nh' = a\noutput h'",
  },
  C0230: {
    title: "list of another length",
    explanation:
      "A list as an initial value gives the numbers of a parameter's last dimensions, one level of brackets each: [1, 2, 4, 8] for [4], [[0, 1], [1, 0]] for [2, 2]. It has as many entries as the dimension has. What no list fits is computed: `range`, `2 ^ range`, `where(range < 3, 1, 0)`.",
    example: "const period : [4] = [1, 2, 4]",
    fix: "const period : [4] = [1, 2, 4, 8]",
  },
  C0229: {
    title: "constant without a value",
    explanation:
      "A constant is computed when the cell is compiled, and must be a number that kernels can represent: finite, at most 3.4e38 in magnitude, and not so small that it is 0 in 32 bits. Division by a constant zero, and roots or logarithms of constants that have none, would make every value NaN or infinite.",
    example: "h' = h + log(-1) * (x @ W)\noutput h'",
    fix: "h' = h + log(2) * (x @ W)\noutput h'",
  },
  C0235: {
    title: "state that begins with a sequence",
    explanation:
      "A state has one value before the first step. `from` takes any value of the model that does not vary over time: an input without `over time`, a parameter, the last step of a sequence, or something computed from these.",
    example: "hs = scan rnn(D, H) over x\ngs = scan rnn(H, H) over hs from h = hs",
    fix: "hs = scan rnn(D, H) over x\ngs = scan rnn(H, H) over hs from h = last(hs)",
  },
  C0236: {
    title: "scan that shares weights, but says otherwise",
    explanation:
      "`scan enc over b` scans with the weights of the earlier `scan lstm(D, H) as enc over a`. So it has that scan's cell, dimensions and norms, and its name. It has states, first states and statistics of its own.",
    example: "hs = scan rnn(D, H) as enc over x\ngs = scan enc(D, H) over x reverse",
    fix: "hs = scan rnn(D, H) as enc over x\ngs = scan enc over x reverse",
  },
  C0238: {
    title: "not of all steps at once",
    explanation:
      "In a cell, an input `over time` is a whole sequence, and so is whole(xs) in a model: at each step, all steps at once. Such values can be computed with element by element, multiplied by matrices, and reduced over that axis, which a cell calls `time` and a model `whole`. Statistics over examples, parts in brackets and some functions are not defined for them: a norm over examples belongs in the model, on the sequence before the scan.",
    example: "input s : [D] over time\nsite u = s\nplace u : batch\na = sum(u, over time)",
    fix: "input s : [D] over time\nsite u = s\nplace u : layer\na = sum(u, over time)",
  },
  C0240: {
    title: "steps of different time axes",
    explanation:
      "`over time s` declares a time axis of its own: its sequences have another number of steps than those `over time`, and the steps of the two have nothing to do with each other. So an equation or a scan cannot combine them step by step. What has no steps any more can be used with either: the last step of a sequence, a sum, a mean, or a whole sequence as an input of a cell.",
    example:
      "model m(D = 2) {\n  input x : [D] over time\n  input s : [D] over time source\n  param h : [D] = 0\n  output last(x + s + h)\n}",
    fix: "model m(D = 2) {\n  input x : [D] over time\n  input s : [D] over time source\n  param h : [D] = 0\n  output last(x + last(s) + h)\n}",
  },
  C0226: {
    title: "population of something that is not a statistic",
    explanation:
      "`population(m)` is the population's value of a statistic while training with the batch's own. Its argument is the name of a `stat` of the same norm; other values have no population.",
    example:
      "norm n(x) {\n  m = mean(x, over feature)\n  x - population(m)\n}\ncell c(H = 100) {\n  input x : [H]\n  site s = x\n  output s\n  place s : n\n}",
    fix: "norm n(x) {\n  stat m = mean(x, over batch)\n  x - population(m)\n}",
  },
  C0233: {
    title: "choice that does not exist",
    explanation:
      'Text in quotes chooses how a function works, as in `conv(x, W, padding = "same")`. Each function has its own choices, which the message lists. Such a text is no value: nothing can be computed from it. Some choices do not go together.',
    example: 'param F : [3, D, H] = 0.1\nr = conv(reshape(x, [1, D]), F, padding = "full")',
    fix: 'param F : [3, D, H] = 0.1\nr = conv(reshape(x, [1, D]), F, padding = "same")',
  },
  C0234: {
    title: "labels of a product",
    explanation:
      'In `dot(a, b, "nk,mk->nm")` there is a letter for each feature axis: of a, of b, and of the result. A letter on both sides that the result lacks is summed over; one that it has is the same axis of both. Letters of the result come from the sides, and no value has a letter twice.',
    example: 'r = dot(x, W, "d,dh")',
    fix: 'r = dot(x, W, "d,dh->h")',
  },
  C0242: {
    title: "norm with a state outside of a loop",
    explanation:
      "A norm with a `state` carries something from step to step, so it is part of a loop: that of the cell whose site it is placed on, or one of its own at a model's site that varies over time. Parameters and values of a whole sequence have no steps. Beside a state, a norm has no `stat`, which is computed for all examples together.",
    example:
      "norm n(x) {\n  state s : like x = 0\n  s' = s + x\n  x - s\n}\ncell c(H = 100) {\n  param W : [H, H] = orthogonal\n  input x : [H]\n  h = x @ W\n  output h\n  place W : n\n}",
    fix: "norm n(x) {\n  state s : like x = 0\n  s' = s + x\n  x - s\n}\ncell c(H = 100) {\n  param W : [H, H] = orthogonal\n  input x : [H]\n  site h = x @ W\n  output h\n  place h : n\n}",
  },
} as const satisfies Record<string, Message>;
