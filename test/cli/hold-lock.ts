/**
 * Takes the lock of the folder it is given, at the moment that it is given (milliseconds since 1970), says `held`, and holds it until
 * its input ends; says `refused` and why if it cannot.
 */
import { withFolderLock } from "../../cli/folder-lock.ts";

const [, , folder, moment] = process.argv;
// Busily, so that several begin within the same fraction of a millisecond.
while (Date.now() < Number(moment));
await withFolderLock(folder, async () => {
  process.stdout.write("held\n");
  for await (const _ of process.stdin);
}).catch((error: Error) => process.stdout.write(`refused: ${error.message}\n`));
