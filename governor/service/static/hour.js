/**
 * @typedef {{at: number, userFacing: number | null, background: number | null, peak: number,
 *   limit: number | null, headroom: number}} Step
 */

const LEAST_STEPS = 30; // five minutes
/** Of an account, or of a scope that nothing is known of. */
export const NO_LIMITS = { max_concurrency: null, headroom: 0 };

/** The last hour in steps of 10 s. The last step is running, and follows what is live. */
export class Hour {
  /** @type {Step[]} */
  steps = [];
  #stepMs = 10_000;

  /**
   * Take over what `GET /v1/history` answers. Limits that no sample tells are those of the last one
   * before; without any samples those that stand `now`.
   */
  load(history, now) {
    this.#stepMs = history.step_ms;
    const samples = new Map(history.samples.map((each) => [Math.floor(each.at_ms / history.step_ms), each]));
    let limits = samples.size ? NO_LIMITS : now;
    this.steps = history.peaks.map((peak, index) => {
      const at = history.since_ms + index * history.step_ms;
      const sample = samples.get(at / history.step_ms);
      limits = sample ?? limits;
      return {
        at,
        userFacing: sample?.user_facing ?? null,
        background: sample?.background ?? null,
        peak,
        limit: limits.max_concurrency,
        headroom: limits.headroom,
      };
    });
  }

  /**
   * Let the running step be what is in use now.
   * @param {{inUse: number, userFacing: number | null, background: number | null, limit: number | null, headroom: number}} live
   */
  advance(nowMs, live) {
    if (!this.steps.length) return;
    for (let last = this.steps.at(-1); last.at + this.#stepMs <= nowMs; last = this.steps.at(-1)) {
      this.steps.push({ ...last, at: last.at + this.#stepMs, peak: live.inUse });
      this.steps.shift();
    }
    const running = this.steps.at(-1);
    running.userFacing = live.userFacing;
    running.background = live.background;
    running.peak = Math.max(running.peak, live.inUse);
    running.limit = live.limit;
    running.headroom = live.headroom;
  }

  /** The steps to show: a pool that is younger than an hour is shown from its beginning. */
  get shown() {
    const first = this.steps.findIndex((step) => step.userFacing !== null || step.peak > 0);
    const young = first < 0 ? this.steps.length : first;
    return this.steps.slice(Math.min(young, Math.max(0, this.steps.length - LEAST_STEPS)));
  }

  get stepMs() {
    return this.#stepMs;
  }
}
