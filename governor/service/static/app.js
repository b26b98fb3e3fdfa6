import { Connection } from "./connection.js";
import { ControllerPage } from "./controller.js";
import { Overview } from "./overview.js";
import { ScopePage } from "./scope.js";
import { switchable } from "./theme.js";
import { askForToken } from "./token.js";

const main = document.getElementById("main");
const overview = new Overview();
const controller = new ControllerPage();
let shown = null;
let left = 0; // where the overview was scrolled to

function view() {
  const [, name, scope] = location.hash.split("/");
  if (name === "controller") return controller;
  if (name === "scope" && scope) return new ScopePage(decodeURIComponent(scope));
  return overview;
}

function show() {
  const next = view();
  if (next === shown) return;
  const first = shown === null;
  if (shown === overview) left = scrollY;
  shown?.leave();
  shown = next;
  main.replaceChildren(shown.element);
  shown.enter();
  document.title = `${shown.title} · Concurrency governor`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === (shown === controller ? "controller" : "overview")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!first) main.focus({ preventScroll: true });
  scrollTo(0, shown === overview ? left : 0);
}

addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, dialog")) return;
  event.preventDefault();
  if (shown !== overview) location.hash = "#/";
  show();
  overview.search();
});

switchable(document.getElementById("theme"));
const connection = new Connection(document.getElementById("connection"));
document.getElementById("token").addEventListener("click", () => {
  askForToken("A token is needed where the governor has tokens: reader to look, admin to change limits.", () => connection.again());
});
show();
connection.run();
