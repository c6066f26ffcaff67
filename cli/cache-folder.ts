/** The folder for files that can be made or fetched again. */
import { join } from "node:path";
import envPaths from "env-paths";

/**
 * The user's cache folder for cellc: inside `XDG_CACHE_HOME` if that is set, on any system; otherwise where the system keeps caches,
 * such as `~/.cache/cellc`, `~/Library/Caches/cellc` or `%LOCALAPPDATA%\cellc\Cache`.
 */
export function cacheFolder({ XDG_CACHE_HOME }: Readonly<Record<string, string | undefined>>): string {
  return XDG_CACHE_HOME ? join(XDG_CACHE_HOME, "cellc") : envPaths("cellc", { suffix: "" }).cache;
}
