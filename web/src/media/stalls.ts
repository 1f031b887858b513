/** Notices that a number which should grow has stopped growing. */

export class Stall {
  private last: number | null = null;
  private since = 0;
  private grew = false;

  /** `patienceMs` once it has grown, `firstMs` until it does. */
  constructor(
    private readonly patienceMs: number,
    private readonly firstMs: number,
  ) {}

  /** Whether `count` has stood still for too long by now. While nothing is expected, nothing stalls. */
  note(count: number, expected: boolean, now: number): boolean {
    if (!expected || this.last === null) {
      this.last = count;
      this.since = now;
      if (!expected) this.grew = false;
      return false;
    }
    if (count !== this.last) {
      this.last = count;
      this.since = now;
      this.grew = true;
      return false;
    }
    return now - this.since > (this.grew ? this.patienceMs : this.firstMs);
  }

  reset(): void {
    this.last = null;
    this.grew = false;
  }
}
