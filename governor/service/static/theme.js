import { h } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const NAMES = { auto: "system", light: "light", dark: "dark" };

/** @type {Set<() => void>} */
const views = new Set();
const tell = () => views.forEach((view) => view());

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);

/** Have `view` called when other colours hold: for what the style sheet can't reach; returns its end. */
export function recoloured(view) {
  views.add(view);
  return () => views.delete(view);
}

/** Have `button` switch between the system's theme, light and dark, and remember the choice. */
export function switchable(button) {
  const root = document.documentElement;
  const show = () => button.replaceChildren("Theme", h("span", { class: "wide" }, `: ${NAMES[root.dataset.theme]}`));
  button.addEventListener("click", () => {
    root.dataset.theme = NEXT[root.dataset.theme];
    localStorage.setItem("theme", root.dataset.theme);
    show();
    tell();
  });
  if (!(root.dataset.theme in NAMES)) root.dataset.theme = "auto";
  show();
}
