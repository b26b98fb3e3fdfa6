import { h } from "./dom.js";
import { count, page, plural } from "./format.js";

const NAMED = 5;

/** What the scopes in shadow mode would have denied in the last hour: nothing if there are none. */
export class Shadow {
  element = h("section", { class: "panel", "aria-labelledby": "shadow-title", hidden: true });
  #shown = "";

  /** @param {import("./state.js").pool} pool */
  update(pool) {
    const found = [...pool.shadows].map((scope) => ({ scope, denials: pool.denials.get(scope) }));
    const key = JSON.stringify(found);
    if (key === this.#shown) return;
    this.#shown = key;
    found.sort((one, other) => (other.denials?.shadow_denied ?? 0) - (one.denials?.shadow_denied ?? 0));
    this.element.hidden = !found.length;
    this.element.replaceChildren(
      h("h2", { id: "shadow-title" }, "Shadow mode"),
      h("p", { class: "hint" }, `${plural(found.length, "scope")} counted, denying nothing`),
      h("ul", { class: "plain" }, ...found.slice(0, NAMED).map(({ scope, denials }) => this.#item(scope, denials))),
      found.length > NAMED ? h("p", { class: "hint" }, `and ${count(found.length - NAMED)} more: see the table, “In shadow mode”`) : h("span", {}));
  }

  #item(scope, denials) {
    const functions = (denials?.functions ?? []).filter((each) => each.shadow_denied).slice(0, 3);
    return h("li", {},
      h("a", { href: page(scope) }, scope),
      denials?.shadow_denied
        ? h("span", {}, " would have denied ", h("strong", {}, count(denials.shadow_denied)), " in the last hour")
        : " would have denied nothing in the last hour",
      functions.length ? h("span", { class: "hint" }, ` (${functions.map((each) => `${each.function ?? "others"} ${count(each.shadow_denied)}`).join(", ")})`) : null);
  }
}
