/** The parser of tables in text. `npm run build` bundles its package into this file. */
export { CsvError, parse } from "csv-parse";
