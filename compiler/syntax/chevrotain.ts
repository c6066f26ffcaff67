/**
 * What the syntax uses of chevrotain. `npm run build` puts it and its library of 640 files into this one: read one by one they
 * took most of the time that loading the compiler took.
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
