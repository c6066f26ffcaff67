/** How large a text and its statements may be. No cell made by hand comes near; what does not end must not be followed. */

/** Characters of a file: a hundred times the longest cell that a person has written. It is read in some seconds. */
export const maxText = 2 ** 20;
/** Brackets and powers deeper than this are refused: the grammar and the stages after it walk the tree recursively. */
export const maxNesting = 64;
/** Operations of a statement, for the same reason: `a + b + …` is as deep as it is long. */
export const maxOperations = 500;
/** Words of a statement: that is how many sites one `place` can name. */
export const maxWords = 2000;
/** Characters of a name: it is repeated in messages, kernels and files of parameters. */
export const maxName = 128;
