/**
 * The parts of chevrotain that the syntax uses. `npm run build` bundles it and its library of 640 files into this one.
 */
export {
  CstParser,
  createToken,
  createTokenInstance,
  EMPTY_ALT,
  EOF,
  Lexer,
  tokenLabel,
  tokenMatcher,
} from "chevrotain";
