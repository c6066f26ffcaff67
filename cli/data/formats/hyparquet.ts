/** The parser of Parquet files. `npm run build` bundles its package, and that of its compressions, into this file. */
export { parquetMetadataAsync, parquetScan, parquetSchema } from "hyparquet";
export { compressors } from "hyparquet-compressors";
