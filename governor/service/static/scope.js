import { read } from "./api.js";
import { Chart } from "./chart.js";
import { h, write } from "./dom.js";
import { Editor } from "./editor.js";
import { Figures } from "./figures.js";
import { clock, count, minute, page, parts, span } from "./format.js";
import { Hour } from "./hour.js";
import { none, section, table } from "./lines.js";
import { poll } from "./polling.js";
import { pool } from "./state.js";

const LOOK_EVERY_MS = 3000;
const HISTORY_EVERY_MS = 30_000;
const MOST_HOLDERS = 100;
const NOTHING = {
  priority: null, in_use: 0, max_concurrency: null, headroom: 0, mode: "enforce", peak: 0,
  granted: 0, denied: 0, shadow_denied: 0, overruns: 0, expired: 0,
};

/** One scope: its last hour, who holds it, whom it denied, and its limits to be changed. */
export class ScopePage {
  #hour = new Hour();
  #figures = new Figures();
  #mode = h("span", { class: "badge" });
  #denied = h("div", {});
  #holders = h("div", {});
  #ends = [];

  /** @param {string} scope */
  constructor(scope) {
    const [kind, name] = parts(scope);
    this.scope = scope;
    this.title = scope;
    this.stacked = kind === "account";
    this.chart = new Chart(this.#hour, `${scope} over the last hour`, this.stacked);
    this.element = h("div", { class: "view" },
      h("p", { class: "back" }, h("a", { href: "#/" }, "← All scopes")),
      h("div", { class: "heading" },
        h("h1", {}, kind === name ? null : h("span", { class: "kind" }, kind), name), this.#mode,
        h("button", { type: "button", class: "main", id: "edit", onclick: () => new Editor(scope).open() }, "Edit limits")),
      this.#figures.element,
      section("The last hour", this.chart.element),
      section("Who was denied by it, last hour", this.#denied),
      section("Who holds it now", this.#holders));
  }

  enter() {
    this.#ends = [
      pool.watch((changed) => this.#update(changed)),
      poll(() => this.#look(), LOOK_EVERY_MS),
      poll(() => this.#load(), HISTORY_EVERY_MS),
      this.chart.follow(),
    ];
    if (pool.known) this.#update("all");
  }

  leave() {
    for (const end of this.#ends) end();
  }

  get #row() {
    return pool.rows.get(this.scope) ?? NOTHING;
  }

  #update(changed) {
    if (changed === "all" || changed.includes(this.scope)) this.#show();
    this.#draw();
  }

  #show() {
    const row = this.#row;
    const denials = pool.denials.get(this.scope);
    const isShadow = row.mode === "shadow";
    this.#mode.hidden = !isShadow;
    write(this.#mode, "shadow");
    this.#figures.show([
      ["in use", count(row.in_use), "lead"],
      ["limit", count(row.max_concurrency)],
      ["headroom", row.headroom ? count(row.headroom) : null],
      ["peak, last hour", count(row.peak)],
      ["denied, last hour", count(denials?.denied ?? 0)],
      ["would have denied, last hour", isShadow || denials?.shadow_denied ? count(denials?.shadow_denied ?? 0) : null],
      ["granted ever", count(row.granted)],
      ["denied ever", count(row.denied)],
      ["overruns", count(row.overruns)],
      ["expired", count(row.expired)],
      ["priority", row.priority, "name"],
    ]);
    this.#showDenied(denials?.functions ?? []);
  }

  #showDenied(functions) {
    if (!functions.length) {
      this.#denied.replaceChildren(none("Nobody."));
      return;
    }
    const rows = functions.map((each) => h("tr", {},
      h("td", {}, each.function === null ? "others" : h("a", { href: page(`function:${each.function}`) }, each.function)),
      h("td", { class: "number" }, count(each.denied)),
      h("td", { class: "number" }, count(each.shadow_denied)),
      h("td", { class: "number" }, minute(each.last_ms))));
    this.#denied.replaceChildren(table("Who was denied", ["Function", "Denied", "Would have been", "Last"], rows));
  }

  async #look() {
    const answer = await read(`v1/leases?limit=${MOST_HOLDERS}&scope=${encodeURIComponent(this.scope)}`);
    if (!answer.leases.length) {
      this.#holders.replaceChildren(none("Nobody."));
      return;
    }
    const rows = answer.leases.map((each) => h("tr", {},
      h("td", {}, h("a", { href: page(`function:${each.function}`) }, each.function)),
      h("td", { class: "subject" }, each.id),
      h("td", { class: "number" }, count(each.weights[this.scope])),
      h("td", { class: "number" }, clock(each.acquired_at_ms)),
      h("td", { class: "number" }, span(Math.max(0, each.expires_at_ms - pool.nowMs))),
      h("td", {}, each.overrun ? h("span", { class: "badge" }, "overrun") : "")));
    this.#holders.replaceChildren(
      table("Who holds it now", ["Function", "Lease", "Weight", "Since", "Ends within", ""], rows),
      answer.leases.length === MOST_HOLDERS ? none(`The ${MOST_HOLDERS} oldest leases.`) : h("span", {}));
  }

  async #load() {
    const history = await read(`v1/history?scope=${encodeURIComponent(this.scope)}`);
    await pool.seen;
    this.#hour.load(history, this.#row);
    this.#draw();
  }

  #draw() {
    const row = this.#row;
    if (pool.known) {
      this.#hour.advance(pool.nowMs, {
        inUse: row.in_use,
        userFacing: this.stacked ? pool.inUse.user_facing : null,
        background: this.stacked ? pool.inUse.background : null,
        limit: row.max_concurrency,
        headroom: row.headroom,
      });
    }
    this.chart.draw();
  }
}
