import { h, write } from "./dom.js";

/** A row of figures, each a number and what it is; those that have no number are not shown. */
export class Figures {
  element = h("dl", { class: "figures" });
  #shown = new Map();

  /** @param {[name: string, value: string | number | null, kind?: string][]} figures */
  show(figures) {
    for (const [name, value, kind] of figures) {
      const shown = this.#shown.get(name) ?? this.#add(name, kind);
      shown.parentElement.hidden = value === null;
      if (value !== null) write(shown, value);
    }
  }

  #add(name, kind) {
    const value = h("dd", {});
    this.element.append(h("div", { class: kind ?? "" }, h("dt", {}, name), value));
    this.#shown.set(name, value);
    return value;
  }
}
