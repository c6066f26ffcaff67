/** C01xx: the text cannot be read. */
import type { Message } from "./message.ts";

export const syntaxMessages = {
  C0101: {
    title: "character without meaning",
    explanation:
      "The Cell language does not know this character. Names are made of a–z, A–Z, 0–9 and _, and comments begin with // or are enclosed in /* and */. A prime (h') directly follows its name.",
    example: "y = x % 2   # remainder",
    fix: "y = mod(x, 2)   // remainder",
  },
  C0102: {
    title: "comment never closed",
    explanation: "A comment that begins with /* extends to the next */. Without one it swallows the rest of the file.",
    example: "/* the gates\nf, i, o, g = split(a, 4)",
    fix: "/* the gates */\nf, i, o, g = split(a, 4)",
  },
  C0103: {
    title: "text without closing quote",
    explanation: 'The name of an imported file is enclosed in double quotes ("), on one line.',
    example: 'import { lstm } from "./lstm.cell',
    fix: 'import { lstm } from "./lstm.cell"',
  },
  C0104: {
    title: "malformed number",
    explanation:
      "A number has digits before its point, and digits after it if it has a point: 0.5, 12, 1e-5. This keeps numbers apart from the point in `rnn.hh`.",
    example: "y = .5 * x",
    fix: "y = 0.5 * x",
  },
  C0105: {
    title: "bracket never closed",
    explanation:
      "Every (, [ and { needs its partner. A round or square bracket must close before the next statement begins, the braces of a body before the next declaration.",
    example: "f, i = split(a, 2\nc' = f * c",
    fix: "f, i = split(a, 2)\nc' = f * c",
  },
  C0106: {
    title: "bracket that closes nothing",
    explanation: "This bracket has no partner before it, or its partner is of another kind.",
    example: "y = (a + b]",
    fix: "y = (a + b)",
  },
  C0107: {
    title: "something is missing or in the way",
    explanation:
      "The statement is fine up to this place, where something else is needed. The message says what; the mistake may also be just before the place it points at.",
    example: "c' = f * c +",
    fix: "c' = f * c + i * g",
  },
  C0108: {
    title: "reserved word used as a name",
    explanation:
      "These words cannot name anything: cell norm fn model param input target state site place stat output loss metric import from with scan over like reverse and or not, and also __proto__, which is special in JavaScript. The words batch, time, feature, last, index and none are not reserved.",
    example: "state = h @ W",
    fix: "hidden = h @ W",
  },
  C0109: {
    title: "comparisons do not chain",
    explanation:
      "A comparison gives 1 where it holds and 0 where it does not, so `a < b < c` would compare that 0 or 1 with c. It is refused, because it is never meant.",
    example: "inside = a < b < c",
    fix: "inside = a < b and b < c",
  },
  C0110: {
    title: "unreadable statement",
    explanation:
      "Either no statement begins like this, or the statement was complete and something else follows. A statement ends at the line end or at `;`. Two values side by side need an operator between them; only a number directly before a name (4H) is a product.",
    example: "y = 4 H",
    fix: "y = 4H",
  },
  C0111: {
    title: "statement outside of a declaration",
    explanation:
      "A file holds imports and the declarations of cells, norms, functions and models. Everything else belongs in the body of one of them.",
    example: "param W : [D, H] = xavier",
    fix: "cell plain(D, H) {\n  param W : [D, H] = xavier\n  …\n}",
  },
  C0112: {
    title: "unreadable header",
    explanation:
      "A declaration begins with its kind, its name and its parameters in brackets, or, for a cell or model made from another one, with `= other with`. The parameters of cells and models are dimensions (and `cell rnn = lstm` in a model); a norm first names the value it is placed on, and all its other arguments have defaults.",
    example: "norm scale(x, gain) { gain * x }",
    fix: "norm scale(x, gain = 1) { gain * x }",
  },
  C0113: {
    title: "unreadable placement",
    explanation: "`place` names one or more sites, a colon, and the norm to be placed there.",
    example: "place hh batch",
    fix: "place hh : batch(gamma = 0.1)",
  },
  C0114: {
    title: "initial value missing",
    explanation:
      "Every parameter says how it is initialised and every state what it is before the first step. There is no silent default: the results of a recurrent network depend on both.",
    example: "param Wh : [H, 4H]",
    fix: "param Wh : [H, 4H] = orthogonal",
  },
  C0115: {
    title: "shape missing",
    explanation:
      "Parameters, inputs, targets and states say their shape per example: a list of dimensions in square brackets, `[]` for a single number, or `like x`. The batch and time axes are implicit and not part of it. Whole-number inputs say `index(K)` instead.",
    example: "input x : D",
    fix: "input x : [D]",
  },
  C0116: {
    title: "axis missing or unknown",
    explanation:
      "`over` is followed by batch, time, whole, feature, first or last, or by several of them in brackets. An input is `over time` or it is constant over the sequence.",
    example: "m = mean(x, over examples)",
    fix: "m = mean(x, over batch)",
  },
  C0117: {
    title: "result missing or value unused",
    explanation:
      "The last line of a norm or function is a bare value: its result. No other line may be a bare value, because nothing could use it.",
    example: "fn double(x) { y = x + x }",
    fix: "fn double(x) { x + x }",
  },
  C0118: {
    title: "arguments out of order",
    explanation:
      "Arguments without a name come first, then the named ones and `over …`, in any order. Only reductions such as mean, sum and max take an `over`, and functions whose parameters end with one.",
    example: "m = mean(over batch, x)",
    fix: "m = mean(x, over batch)",
  },
  C0119: {
    title: "unreadable or misplaced import",
    explanation:
      "Imports come before all declarations. They list the names in braces and give the file, relative to this one, in double quotes.",
    example: 'import lstm from "./lstm.cell"',
    fix: 'import { lstm } from "./lstm.cell"',
  },
  C0120: {
    title: "prime where none is allowed",
    explanation:
      "With a prime, h' is the value that the state h has after this step. It is given left of `=` and used in values. Declarations, arguments and sites have plain names, and there is no second prime.",
    example: "state h' : [H] = 0",
    fix: "state h : [H] = 0",
  },
  C0121: {
    title: "statement too deep",
    explanation:
      "Brackets and powers nest at most 64 deep, and a statement has at most 500 operations and 2000 words. No equation needs more; such a text is usually generated by mistake.",
    example: "y = ((((((…))))))",
    fix: "a = (…)\ny = f(a)",
  },
  C0122: {
    title: "no name left of `=`",
    explanation:
      "An equation gives a name to a value: left of `=` is one name, or several separated by commas if the value has several parts. Equality is compared with ==.",
    example: "f * c = c'",
    fix: "c' = f * c",
  },
  C0123: {
    title: "hidden character",
    explanation:
      "A comment or a file name contains a control character, or one that changes the direction of writing. Such a text can look different from what the compiler reads, and can move the cursor of a terminal that shows it. The message gives the character's code.",
    example: "a = h @ Wh // \u202e",
    fix: "a = h @ Wh // the recurrence",
  },
  C0124: {
    title: "more than can be reported",
    explanation:
      "Only the first 50 mistakes in a file are reported, and how many more there are. If there are that many, most follow from the first ones, or the file is not what it was taken for.",
    example: "a0 = q0; a1 = q1; …; a999 = q999   // none of them is declared",
    fix: "param q0 : [H] = 0; …",
  },
  C0125: {
    title: "name too long",
    explanation:
      "A name has at most 128 characters. Names are repeated in messages, in generated code and in checkpoints; a longer one is usually generated by mistake.",
    example:
      "this_is_the_value_of_the_input_gate_before_it_is_normalized_and_after_the_bias_has_been_added_to_the_sum_of_the_two_products_of_weights = x @ W",
    fix: "input_gate = x @ W",
  },
  C0126: {
    title: "file too large",
    explanation:
      "A file has at most 1,048,576 characters, a hundred times as many as the longest cells have. Anything larger is not a cell, or was generated by a loop that did not end.",
    example: "cell a(D) { … }   // more than 1,048,576 characters",
    fix: 'import { a, b } from "./parts.cell" …',
  },
} as const satisfies Record<string, Message>;
