import { h } from "./dom.js";
import { clock, count, span } from "./format.js";

const KINDS = { leader: "leader", state: "state", action: "action", warning: "warning", error: "error" };

/**
 * The controller's events, the latest first.
 * @param {{at_s: number, kind: string, text: string, times: number}[]} events
 * @param {number} nowMs
 */
export function timeline(events, nowMs, most = Infinity) {
  const latest = [...events].reverse().slice(0, most);
  if (!latest.length) return h("p", { class: "hint" }, "Nothing has happened yet.");
  return h("ol", { class: "timeline" }, ...latest.map((event, index) => h("li", { "data-kind": event.kind, "data-same": alike(event, latest[index - 1]) },
    h("time", { datetime: new Date(1000 * event.at_s).toISOString(), title: `${span(Math.max(0, nowMs - 1000 * event.at_s))} ago` }, clock(1000 * event.at_s)),
    h("span", { class: "kind" }, KINDS[event.kind] ?? event.kind),
    h("span", {}, event.text, event.times > 1 ? h("span", { class: "hint" }, ` ×${count(event.times)}`) : null))));
}

/** Whether an event is of the same moment as the one above: then that need not be said again. */
const alike = (event, above) => above?.kind === event.kind && clock(1000 * above.at_s) === clock(1000 * event.at_s);

const STATES = {
  acting: "acting",
  paused: "paused by an admin: it changes nothing",
  dry_run: "dry run: it plans and changes nothing",
  disabled: "disabled by the policy",
  blind: "blind: it can't see the account, so it changes nothing",
};

/** How the controller stands, in a few words. */
export function standing(controller) {
  if (!controller.leader) return controller.report ? "no controller leads now" : "no controller runs";
  if (!controller.enabled) return STATES.disabled;
  if (controller.paused) return STATES.paused;
  return STATES[controller.report?.state] ?? "starting";
}
