import { h } from "./dom.js";

/**
 * A short table, which scrolls by itself where the window is too narrow for it.
 * @param {string} name
 * @param {string[]} heads
 * @param {Node[]} rows
 */
export function table(name, heads, rows) {
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": name },
    h("table", { class: "lines" },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows)));
}

/** A part of a page under a title of its own. */
export function section(title, content) {
  const id = `part-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), content);
}

/** What stands where there is nothing to list. */
export const none = (text) => h("p", { class: "hint" }, text);
