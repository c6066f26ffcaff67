/** How large a text and its statements may be. No cell written by hand comes near; a text made to exhaust the parser is refused. */

/** Characters of a file: a hundred times the longest cell that a person has written. Reading this many takes a few seconds. */
export const maxText = 2 ** 20;
/** Nesting of brackets and powers: the grammar and the stages after it walk the tree recursively. */
export const maxNesting = 64;
/** Operations of a statement, for the same reason: the tree of `a + b + …` is as deep as it is long. */
export const maxOperations = 500;
/** Words of a statement, which limits how many sites one `place` can name. */
export const maxWords = 2000;
/** Characters of a name, which is repeated in messages, kernels and checkpoints. */
export const maxName = 128;
