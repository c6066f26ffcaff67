/** What describes the numbers of a column. */

/** Mean, deviation and range of a column, each without what is missing. */
export class Moments {
  count = 0;
  mean = 0;
  squares = 0;
  least = Number.POSITIVE_INFINITY;
  most = Number.NEGATIVE_INFINITY;

  /** By Welford's update, which loses nothing where the mean is far from zero. */
  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.count++;
    const from = value - this.mean;
    this.mean += from / this.count;
    this.squares += from * (value - this.mean);
    if (value < this.least) this.least = value;
    if (value > this.most) this.most = value;
  }

  get deviation(): number {
    return this.count === 0 ? 0 : Math.sqrt(this.squares / this.count);
  }
}
