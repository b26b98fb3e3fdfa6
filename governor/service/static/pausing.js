import { Problem, call } from "./api.js";
import { h, write } from "./dom.js";
import { tokenForm } from "./token.js";

const KINDS = {
  pause: {
    title: "Pause the controller?",
    what: "It changes nothing at AWS until somebody resumes it. What it has changed stays as it is, and queues that it holds back stay held back.",
    button: "Pause",
  },
  resume: {
    title: "Resume the controller?",
    what: "It goes on with its next cycle, and may change queues and functions at AWS then.",
    button: "Resume",
  },
};

/** A button that pauses the controller or lets it go on, once that was confirmed. */
export class PauseButton {
  #verb = "pause";
  element = h("button", { type: "button", hidden: true, onclick: () => confirm(this.#verb) });

  /** @param {{paused: boolean, leader: string | null, report: object | null}} controller */
  show({ paused, leader, report }) {
    this.#verb = paused ? "resume" : "pause";
    this.element.hidden = !leader && !report && !paused;
    write(this.element, `${KINDS[this.#verb].button} the controller`);
  }
}

/** @param {"pause" | "resume"} verb */
function confirm(verb) {
  const { title, what, button } = KINDS[verb];
  const problem = h("div", { class: "problem", role: "alert" });
  const dialog = h("dialog", { "aria-labelledby": "confirm-title", "aria-describedby": "confirm-what" });
  const act = async () => {
    try {
      await call(`v1/controller/${verb}`, { method: "POST" });
      dialog.close();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.replaceChildren(error.isAboutRights
        ? tokenForm(error.status === 401 ? "This takes a token with the role admin." : `${error.message}.`, act)
        : h("p", {}, `${error.message}.`));
    }
  };
  dialog.append(
    h("h2", { id: "confirm-title" }, title), h("p", { id: "confirm-what" }, what), problem,
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "button", class: "main", onclick: act }, button)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
