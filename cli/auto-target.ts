/** `--target auto`, for commands that run what they compile. */
import type { Command } from "commander";
import { forTerminal } from "./terminal.ts";

/** The word that stands for the target whose backend runs best here. */
export const auto = "auto";

/**
 * Lets a command's `--target` be `auto`: the command gets the target that was chosen, and stderr says which and why. The choice is that
 * of `openBackend` in `cellc/runtime`.
 */
export function withAutoTarget(command: Command): Command {
  return command.hook("preAction", async (_, action) => {
    if (action.getOptionValue("target") !== auto) return;
    const { openBackend } = await import("../runtime/choose-backend.ts");
    const { name, reason, close } = await openBackend();
    close();
    action.setOptionValueWithSource("target", name, "cli");
    const { writeErr } = action.configureOutput();
    writeErr?.(forTerminal(`target ${name}${reason === "" ? "" : ` (${reason})`}\n`));
  });
}
