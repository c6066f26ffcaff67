/** What a model has that PyTorch modules are not printed with. */
export class NotInPytorch extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}
