import { read } from "./api.js";
import { Chart } from "./chart.js";
import { h } from "./dom.js";
import { Figures } from "./figures.js";
import { count } from "./format.js";
import { Hour, NO_LIMITS } from "./hour.js";
import { poll } from "./polling.js";
import { Shadow } from "./shadow.js";
import { pool } from "./state.js";
import { ScopeTable } from "./table.js";
import { standing, timeline } from "./timeline.js";

const HISTORY_EVERY_MS = 30_000;
const LATEST = 4;

/** The pool at a glance: the last hour, who is full, what shadow scopes say, what was done. */
export class Overview {
  title = "Overview";
  #hour = new Hour();
  #figures = new Figures();
  #chart = new Chart(this.#hour, "The pool over the last hour", true);
  #shadow = new Shadow();
  #controller = h("section", { class: "panel", "aria-labelledby": "latest-title" });
  #told = null;
  #table = new ScopeTable(pool);
  #ends = [];

  constructor() {
    this.element = h("div", { class: "view" },
      h("h1", { class: "unseen" }, "The pool"),
      this.#figures.element,
      h("section", { "aria-labelledby": "hour-title" }, h("h2", { id: "hour-title" }, "The pool over the last hour"), this.#chart.element),
      h("div", { class: "panels" }, this.#shadow.element, this.#controller),
      this.#table.element);
  }

  enter() {
    this.#table.enter();
    this.#ends = [
      pool.watch((changed) => this.#update(changed)),
      poll(() => this.#load(), HISTORY_EVERY_MS),
      this.#chart.follow(),
    ];
    if (pool.known) this.#update("all");
  }

  leave() {
    this.#table.leave();
    for (const end of this.#ends) end();
  }

  search() {
    this.#table.search();
  }

  async #load() {
    const history = await read("v1/history");
    await pool.seen;
    this.#hour.load(history, pool.rows.get("account") ?? NO_LIMITS);
    this.#drawHour();
  }

  #update(changed) {
    this.#table.update(changed);
    this.#showFigures();
    this.#drawHour();
    this.#shadow.update(pool);
    this.#showController();
  }

  #drawHour() {
    const account = pool.rows.get("account");
    if (pool.known) {
      this.#hour.advance(pool.nowMs, {
        inUse: account?.in_use ?? 0,
        userFacing: pool.inUse.user_facing,
        background: pool.inUse.background,
        limit: account?.max_concurrency ?? null,
        headroom: account?.headroom ?? 0,
      });
    }
    this.#chart.draw();
  }

  #showFigures() {
    const account = pool.rows.get("account");
    let denied = 0, would = 0;
    for (const each of pool.denials.values()) {
      denied += each.denied;
      would += each.shadow_denied;
    }
    this.#figures.show([
      ["in use", count(account?.in_use ?? 0), "lead"],
      ["limit", count(account?.max_concurrency)],
      ["headroom", account?.headroom ? count(account.headroom) : null],
      ["user-facing", count(pool.inUse.user_facing), "user-facing"],
      ["background", count(pool.inUse.background), "background"],
      ["peak, last hour", count(account?.peak ?? 0)],
      ["denied, last hour", count(denied)],
      ["would have been denied", pool.shadows.size || would ? count(would) : null],
    ]);
  }

  #showController() {
    const { controller } = pool;
    if (controller === this.#told) return;
    this.#told = controller;
    this.#controller.replaceChildren(
      h("h2", { id: "latest-title" }, h("a", { href: "#/controller" }, "Controller")),
      h("p", { class: "hint" }, standing(controller)),
      controller.report ? timeline(controller.report.events, pool.nowMs, LATEST) : h("span", {}));
  }
}
