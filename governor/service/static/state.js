/**
 * @typedef {{scope: string, priority: string | null, in_use: number, max_concurrency: number | null,
 *   headroom: number, mode: string, peak: number, granted: number, denied: number,
 *   shadow_denied: number, overruns: number, expired: number}} Row
 * @typedef {{denied: number, shadow_denied: number, functions: any[]}} Denials
 */

/** What the page knows of the pool. Views are told what has changed and read the rest here. */
class Pool {
  /** @type {Map<string, Row>} */
  rows = new Map();
  /** Names of the scopes in shadow mode. */
  shadows = new Set();
  /** @type {Map<string, Denials>} of the last hour */
  denials = new Map();
  nowMs = 0;
  inUse = { user_facing: 0, background: 0 };
  store = null;
  controller = null;
  #views = new Set();
  #see = () => {};
  /** Fulfilled once the pool was seen. */
  seen = new Promise((resolve) => {
    this.#see = resolve;
  });

  /** Whether the pool was seen at all. */
  get known() {
    return this.nowMs > 0;
  }

  /** Have `view` called with what has changed ("all", or the names of scopes); returns its end. */
  watch(view) {
    this.#views.add(view);
    return () => this.#views.delete(view);
  }

  /** Take over an event of the stream that shows everything. */
  replace(status) {
    this.rows = new Map();
    this.shadows = new Set();
    for (const row of status.scopes) this.#put(row);
    this.#take(status);
    this.controller = status.controller;
    this.#see();
    this.#tell("all");
  }

  /** Take over an event that shows what has changed. */
  change(changes) {
    for (const row of changes.scopes) this.#put(row);
    for (const scope of changes.gone) {
      this.rows.delete(scope);
      this.shadows.delete(scope);
    }
    this.#take(changes);
    this.controller = changes.controller ?? this.controller;
    this.#tell([...changes.scopes.map((row) => row.scope), ...changes.gone]);
  }

  /** Take over what was denied in the last hour. */
  deny(answer) {
    const before = this.denials;
    this.denials = new Map(answer.scopes.map((each) => [each.scope, each]));
    this.#tell([...new Set([...before.keys(), ...this.denials.keys()])]);
  }

  #put(row) {
    this.rows.set(row.scope, row);
    if (row.mode === "shadow") this.shadows.add(row.scope);
    else this.shadows.delete(row.scope);
  }

  #take({ now_ms, in_use, store }) {
    this.nowMs = now_ms;
    this.inUse = in_use;
    this.store = store;
  }

  #tell(changed) {
    for (const view of this.#views) view(changed);
  }
}

export const pool = new Pool();
