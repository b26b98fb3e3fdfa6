import { h, write } from "./dom.js";
import { Figures } from "./figures.js";
import { clock, count, page, plural, span } from "./format.js";
import { none, section, table } from "./lines.js";
import { PauseButton } from "./pausing.js";
import { pool } from "./state.js";
import { standing, timeline } from "./timeline.js";

const MOST_MAPPINGS = 200;
const WORDS = { turn: "turn", brake: "brake", ask_for_more: "ask AWS for more" };

/** What the controller did, what it left alone, and why. */
export class ControllerPage {
  title = "Controller";
  #standing = h("p", { class: "standing", role: "status" });
  #pause = new PauseButton();
  #figures = new Figures();
  #rest = h("div", { class: "view" });
  #told = null;
  #end = () => {};

  constructor() {
    this.element = h("div", { class: "view" }, 
      h("div", { class: "heading" }, h("div", {}, h("h1", {}, "Controller"), this.#standing), this.#pause.element),
      this.#figures.element, this.#rest);
  }

  enter() {
    this.#end = pool.watch(() => this.#update());
    if (pool.known) this.#update();
  }

  leave() {
    this.#end();
  }

  #update() {
    const { controller } = pool;
    const { report } = controller;
    write(this.#standing, standing(controller));
    this.#pause.show(controller);
    this.#figures.show([
      ["leader", controller.leader ?? "none", "name"],
      ["last cycle", report ? clock(1000 * report.at_s) : null],
      ["ago", report ? span(Math.max(0, pool.nowMs - 1000 * report.at_s)) : null],
      ["took", report ? span(1000 * report.cycle_s) : null],
      ["changed by others", report ? count(report.drift) : null],
    ]);
    if (controller === this.#told) return;
    this.#told = controller;
    this.#rest.replaceChildren(...(report ? sections(report) : [h("p", { class: "hint" },
      "No controller has led this pool yet. Start one with ", h("code", {}, "governor serve --controller"), ".")]));
  }
}

function sections(report) {
  return [
    report.budget ? budget(report.budget) : null,
    report.missing.length ? section("Could not be read", list(report.missing)) : null,
    section("Actions of the last cycle", report.actions.length ? actions(report.actions) : none("The last cycle had nothing to change.")),
    section("Left as it is, and why", report.non_actions.length ? nonActions(report.non_actions) : none("Nothing was left for a reason.")),
    section("What happened", timeline(report.events, pool.nowMs)),
    report.mappings.length ? section("Queues' mappings", mappings(report.mappings)) : null,
  ].filter(Boolean);
}

const list = (texts) => h("ul", {}, ...texts.map((text) => h("li", {}, text)));

/** How the account's concurrency is spoken for: a bar of its parts, and the same as numbers. */
function budget(spoken) {
  const shares = [
    ["user-facing", "user-facing demand", spoken.user_facing],
    ["ungoverned", "runs and does not check in", spoken.ungoverned],
    ["other", "background that no queue feeds", spoken.other],
    ["background", "left to the queues", spoken.background],
    ["headroom", "headroom", spoken.headroom],
  ];
  const whole = Math.max(spoken.limit, shares.reduce((sum, [, , value]) => sum + value, 0), 1);
  const bar = h("div", { class: "budget", "aria-hidden": "true" });
  for (const [kind, , value] of shares) {
    const part = h("span", { class: `swatch ${kind}` });
    part.style.width = `${(100 * value) / whole}%`;
    bar.append(part);
  }
  return section(`Budget: how ${count(spoken.limit)} are spoken for`, h("div", {}, bar,
    h("ul", { class: "legend" }, ...shares.map(([kind, text, value]) => h("li", {}, h("span", { class: `swatch ${kind}` }), `${text} `, h("strong", {}, count(value)))))));
}

const actions = (all) => table("Actions of the last cycle", ["What", "Of", "Came to", "Why"], all.map((each) => h("tr", {},
  h("td", {}, WORDS[each.kind] ?? each.kind),
  h("td", { class: "subject" }, each.subject),
  h("td", {}, h("span", { class: "badge", "data-outcome": each.outcome }, each.outcome)),
  h("td", { class: "why" }, each.reason, each.detail ? h("span", { class: "hint" }, ` ${each.detail}`) : null))));

const nonActions = (all) => table("Left as it is", ["Of", "Why"], all.map((each) => h("tr", {},
  h("td", { class: "subject" }, each.subject), h("td", { class: "why" }, each.reason))));

const mappings = (all) => h("div", {},
  table("Queues' mappings", ["Function", "Mapping", "AWS may run", "Runs"], all.slice(0, MOST_MAPPINGS).map((each) => h("tr", {},
    h("td", {}, h("a", { href: page(`function:${each.function}`) }, each.function)),
    h("td", { class: "subject" }, each.mapping),
    h("td", { class: "number" }, each.allowed === null ? "no limit" : each.allowed === 0 ? "paused" : count(each.allowed)),
    h("td", { class: "number" }, count(each.observed))))),
  all.length > MOST_MAPPINGS ? none(`and ${plural(all.length - MOST_MAPPINGS, "mapping")} more`) : null);
