/** The trees of the prelude's files. Here they are parsed; the build puts a module in this one's place that holds them (`test/house/distribution.ts`). */
import { parse } from "../../syntax/parse.ts";

export const preludeTree: typeof parse = parse;
