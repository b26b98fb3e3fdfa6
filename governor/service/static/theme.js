import { h } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const NAMES = { auto: "system", light: "light", dark: "dark" };

/** Have `button` switch between the system's theme, light and dark, and remember the choice. */
export function switchable(button) {
  const root = document.documentElement;
  const show = () => button.replaceChildren("Theme", h("span", { class: "wide" }, `: ${NAMES[root.dataset.theme]}`));
  button.addEventListener("click", () => {
    root.dataset.theme = NEXT[root.dataset.theme];
    localStorage.setItem("theme", root.dataset.theme);
    show();
  });
  if (!(root.dataset.theme in NAMES)) root.dataset.theme = "auto";
  show();
}
