import { Problem, call } from "./api.js";
import { h, write } from "./dom.js";
import { count, parts } from "./format.js";
import { tokenForm } from "./token.js";

const PREVIEW_AFTER_MS = 150;

const NUMBER = "number";
const FIELDS = {
  max_concurrency: { title: "Max Concurrency", hint: "Highest number at once. Empty: no limit. 0: nothing runs.", kind: NUMBER, of: ["account", "group", "function"] },
  headroom: { title: "Headroom", hint: "The part of it that only user-facing functions may take.", kind: NUMBER, of: ["account", "group"], empty: 0 },
  mode: { title: "Mode", hint: "shadow counts, and denies nothing.", kind: ["enforce", "shadow"], of: ["account", "group", "function"] },
  priority: { title: "Priority", hint: "Only user-facing functions may take a headroom.", kind: ["user-facing", "background"], of: ["function"] },
};

/** Changes a scope's limits: shows what the service would make of it, then has it done. */
export class Editor {
  #path;
  #fields;
  #inputs = {};
  #entry = null;
  #tag = null;
  #timer = 0;
  #turn = 0;
  #problem = h("div", { class: "problem", role: "alert" });
  #diff = h("div", { class: "diff", "aria-live": "polite" });
  #apply = h("button", { type: "submit", class: "main", disabled: true }, "Apply");
  #form;

  /** @param {string} scope */
  constructor(scope) {
    const [kind, name] = parts(scope);
    this.#path = kind === "account" ? "v1/account" : `v1/${kind}s/${encodeURIComponent(name)}`;
    this.#fields = Object.entries(FIELDS).filter(([, field]) => field.of.includes(kind));
    this.#form = h("form", { method: "dialog", novalidate: true },
      ...this.#fields.map(([id, field]) => this.#field(id, field)),
      h("h3", {}, "What changes"), this.#diff, this.#problem,
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => this.dialog.close() }, "Cancel"), this.#apply));
    this.dialog = h("dialog", { class: "editor", "aria-labelledby": "editor-title" }, h("h2", { id: "editor-title" }, `Limits of ${scope}`), this.#form);
    this.dialog.addEventListener("close", () => this.dialog.remove());
    this.#form.addEventListener("input", (event) => {
      if (event.target.closest(".problem")) return;
      clearTimeout(this.#timer);
      this.#apply.disabled = true;
      this.#timer = setTimeout(() => this.#preview(), PREVIEW_AFTER_MS);
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#apply.disabled) this.#save();
    });
  }

  async open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    await this.#try(() => this.#load());
  }

  async #load() {
    await this.#read();
    for (const [id, { kind }] of this.#fields) {
      const value = this.#entry[id];
      this.#inputs[id].value = kind === NUMBER ? (value ?? "") : value;
    }
    this.#showDiff([]);
  }

  /** Read what stands, and its version. An entry that the policy does not have is a new one. */
  async #read() {
    try {
      const response = await call(this.#path);
      this.#entry = await response.json();
      this.#tag = response.headers.get("ETag");
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      this.#entry = { max_concurrency: null, headroom: 0, mode: "enforce", priority: "user-facing" };
      this.#tag = null;
    }
  }

  async #preview() {
    const turn = ++this.#turn;
    await this.#try(async () => {
      const changes = this.#changes();
      const after = Object.keys(changes).length ? await (await this.#send("?dry_run=true", changes)).json() : this.#entry;
      if (turn === this.#turn) this.#showDiff(this.#differences(after));
    });
  }

  async #save() {
    this.#apply.disabled = true;
    await this.#try(async () => {
      await this.#send("", this.#changes());
      this.dialog.close();
    });
  }

  /** A merge patch of the entry; where there is none yet, the whole. */
  #send(query, changes) {
    return call(this.#path + query, { method: this.#tag === null ? "PUT" : "PATCH", body: changes, match: this.#tag });
  }

  #changes() {
    const changes = {};
    for (const [id, { kind, empty = null }] of this.#fields) {
      const text = this.#inputs[id].value.trim();
      const value = kind !== NUMBER ? text : text === "" ? empty : Number(text);
      if (value !== this.#entry[id]) changes[id] = Number.isNaN(value) ? text : value;
    }
    return changes;
  }

  #differences(after) {
    return this.#fields.map(([id]) => [id, this.#entry[id], after[id]]).filter(([, one, other]) => one !== other);
  }

  #showDiff(differences) {
    this.#problem.replaceChildren();
    this.#mark(null);
    this.#diff.replaceChildren(differences.length
      ? h("ul", { class: "plain" }, ...differences.map(([id, one, other]) => h("li", {},
        h("code", {}, id), " ", h("del", {}, shown(one)), " → ", h("ins", {}, shown(other)))))
      : h("p", { class: "hint" }, "Nothing."));
    this.#apply.disabled = !differences.length;
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#apply.disabled = true;
      this.#showProblem(error);
    }
  }

  #showProblem(problem) {
    this.#mark(problem.field);
    if (problem.isAboutRights) {
      const why = problem.status === 401 ? "Changing limits takes a token with the role admin." : `${problem.message}.`;
      this.#problem.replaceChildren(tokenForm(why, () => this.#try(async () => {
        await (this.#entry ? this.#preview() : this.#load());
      })));
    } else if (problem.status === 412) {
      this.#problem.replaceChildren(
        h("p", {}, "Somebody else has changed these limits since you opened them. Nothing of yours was applied."),
        h("button", { type: "button", onclick: () => this.#rebase() }, "Show what stands now, keep what I entered"));
    } else {
      this.#problem.replaceChildren(h("p", {}, `${problem.message}.`));
    }
  }

  /** Compare what was entered with what stands now; what was left alone follows what stands. */
  async #rebase() {
    const mine = this.#changes();
    await this.#try(async () => {
      await this.#read();
      for (const [id, { kind }] of this.#fields) {
        if (!(id in mine)) this.#inputs[id].value = kind === NUMBER ? (this.#entry[id] ?? "") : this.#entry[id];
      }
      await this.#preview();
    });
  }

  #mark(wrong) {
    for (const [id, input] of Object.entries(this.#inputs)) {
      if (id === wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  #field(id, { title, hint, kind }) {
    const about = { id: `edit-${id}`, name: id, "aria-describedby": `hint-${id}` };
    const input = kind === NUMBER
      ? h("input", { ...about, inputmode: "numeric", autocomplete: "off" })
      : h("select", about, ...kind.map((value) => h("option", { value }, value)));
    this.#inputs[id] = input;
    return h("div", { class: "field" }, h("label", { for: `edit-${id}` }, title), input, h("p", { class: "hint", id: `hint-${id}` }, hint));
  }
}

const shown = (value) => (typeof value === "string" ? value : count(value));
