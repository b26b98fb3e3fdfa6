import { h } from "./dom.js";

// The token lives as long as this tab does, and nowhere else.
const KEY = "token";

export const token = () => sessionStorage.getItem(KEY);

/** Forget the token. */
export const forget = () => sessionStorage.removeItem(KEY);

/**
 * A form that asks for a token and keeps it.
 * @param {string} why what it is needed for
 * @param {() => void} then called once there is one
 */
export function tokenForm(why, then) {
  const field = h("input", { type: "password", id: "token-field", name: "token", autocomplete: "off", required: true, spellcheck: "false" });
  const form = h("form", { class: "token" },
    h("p", { id: "token-why" }, why),
    h("label", { for: "token-field" }, "Token"),
    h("div", { class: "together" }, field, h("button", { type: "submit", class: "main" }, "Use it")),
    h("p", { class: "hint" }, "Kept in this tab until you close it."));
  field.setAttribute("aria-describedby", "token-why");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    then();
  });
  return form;
}

/** Ask for a token in a dialog of its own, and call `then` if one is given. */
export function askForToken(why, then) {
  if (document.querySelector("dialog.asks")) return;
  const dialog = h("dialog", { class: "asks", "aria-labelledby": "token-title" });
  dialog.append(
    h("h2", { id: "token-title" }, "Token"),
    tokenForm(why, () => { dialog.close(); then(); }),
    h("div", { class: "buttons" },
      token() ? h("button", { type: "button", onclick: () => { forget(); dialog.close(); then(); } }, "Forget it") : null,
      h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
