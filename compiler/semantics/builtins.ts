/** The built-in functions, a row each. Functions that can be written in the language are in the prelude instead. */
import type { Builtin } from "./builtin.ts";
import { convolutions } from "./builtins/convolutions.ts";
import { elementwiseFunctions } from "./builtins/elementwise.ts";
import { indexFunctions } from "./builtins/indices.ts";
import { joins } from "./builtins/joins.ts";
import { moves } from "./builtins/moves.ts";
import { products } from "./builtins/products.ts";
import { randomFunctions } from "./builtins/random.ts";
import { ranges } from "./builtins/ranges.ts";
import { reductions } from "./builtins/reductions.ts";
import { rounds } from "./builtins/rounds.ts";
import { sequenceFunctions } from "./builtins/sequences.ts";
import { shapeFunctions } from "./builtins/shapes.ts";
import { trainingFunctions } from "./builtins/training.ts";

export const builtins: Readonly<Record<string, Builtin>> = {
  ...elementwiseFunctions,
  ...reductions,
  ...ranges,
  ...sequenceFunctions,
  ...shapeFunctions,
  ...joins,
  ...moves,
  ...products,
  ...convolutions,
  ...indexFunctions,
  ...randomFunctions,
  ...rounds,
  ...trainingFunctions,
};
