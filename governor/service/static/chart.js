import { h, s, write } from "./dom.js";
import { clock, count, minute } from "./format.js";

const HEIGHT = 200;
const LEFT = 44;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 22;
/** Beyond so many times the highest peak a limit is named at the upper edge and not drawn to scale. */
const FAR = 5;
const PX_A_TIME = 90;
const TIMES_MS = [1, 2, 5, 10, 20].map((minutes) => minutes * 60_000);

/**
 * The last hour of a scope: what was in use in steps of 10 s, stacked where it is known by priority,
 * the peak within each step, and the limits of that time. An area chart of two series is little
 * enough to draw here; so the page needs no library, and its colours are the style sheet's.
 */
export class Chart {
  #hour;
  #svg = s("svg", { class: "chart", height: HEIGHT, role: "img", tabindex: "0" });
  #readout = h("p", { class: "readout" });
  #cursor = null;
  #steps = [];
  #width = 600;

  /**
   * @param {import("./hour.js").Hour} hour
   * @param {string} name what it shows
   * @param {boolean} stacked whether steps are known by priority
   */
  constructor(hour, name, stacked) {
    this.#hour = hour;
    this.stacked = stacked;
    this.name = name;
    this.#svg.setAttribute("aria-label", name);
    this.element = h("figure", { class: "hour" }, this.#legend(), this.#svg, this.#readout);
    new ResizeObserver(([entry]) => {
      this.#width = Math.max(280, Math.floor(entry.contentRect.width));
      this.draw();
    }).observe(this.element);
    this.#svg.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    this.#svg.addEventListener("pointerleave", () => this.#move(null));
    this.#svg.addEventListener("blur", () => this.#move(null));
    this.#svg.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Draw the hour as it is now. */
  draw() {
    const steps = this.#hour.shown;
    this.#steps = steps;
    if (!steps.length) return;
    const width = this.#width;
    const highest = Math.max(1, ...steps.map((step) => step.peak));
    const limits = steps.map((step) => step.limit ?? 0);
    const near = Math.max(0, ...limits.filter((limit) => limit <= FAR * highest));
    const top = Math.max(near, highest) * 1.06;
    const x = (index) => LEFT + (index / steps.length) * (width - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - (Math.min(value, top) / top) * (HEIGHT - TOP - BOTTOM);
    const below = (step) => step.userFacing;
    const all = (step) => (step.userFacing === null ? null : step.userFacing + step.background);
    const far = steps.at(-1).limit > FAR * highest;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", width);
    this.#svg.setAttribute("aria-label", `${this.name}: ${this.#sentence(steps.at(-1))}. Arrow keys read earlier values.`);
    this.#svg.replaceChildren(
      ...ticks(top).flatMap((value) => [
        s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        s("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, count(value)),
      ]),
      ...this.#times(x, width),
      s("path", { class: this.stacked ? "peak" : "peak alone", d: area(steps, x, y, () => 0, (step) => step.peak) }),
      ...(this.stacked ? [
        s("path", { class: "background", d: area(steps, x, y, below, all) }),
        s("path", { class: "user-facing", d: area(steps, x, y, () => 0, below) }),
      ] : []),
      s("path", { class: "headroom", d: line(steps, x, y, (step) => (step.headroom && step.limit <= top ? step.limit - step.headroom : null)) }),
      s("path", { class: "limit", d: line(steps, x, y, (step) => (step.limit !== null && step.limit <= top ? step.limit : null)) }),
      far ? s("text", { class: "tick", x: width - RIGHT, y: 10, "text-anchor": "end" }, `limit ${count(steps.at(-1).limit)}, far above ↑`) : s("g"),
      this.#crosshair(x),
    );
    write(this.#readout, this.#sentence(steps[this.#cursor ?? steps.length - 1] ?? steps.at(-1)));
    this.element.classList.toggle("has-headroom", steps.some((step) => step.headroom));
  }

  #crosshair(x) {
    if (this.#cursor === null) return s("g");
    const at = x(this.#cursor + 0.5);
    return s("line", { class: "crosshair", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM });
  }

  #times(x, width) {
    const steps = this.#steps;
    const { stepMs } = this.#hour;
    const most = (steps.length * stepMs) / (width / PX_A_TIME);
    const every = TIMES_MS.find((each) => each >= most) ?? TIMES_MS.at(-1);
    return steps.flatMap((step, index) => {
      if (Math.floor(step.at / every) === Math.floor((step.at - stepMs) / every)) return [];
      const anchor = x(index) > width - 30 ? "end" : "middle";
      return [s("text", { class: "tick", x: x(index), y: HEIGHT - 6, "text-anchor": anchor }, minute(step.at))];
    });
  }

  #legend() {
    const entry = (kind, text) => h("li", {}, h("span", { class: `swatch ${kind}` }), text);
    return h("ul", { class: "legend" },
      this.stacked ? entry("user-facing", "user-facing") : null,
      this.stacked ? entry("background", "background") : null,
      entry(this.stacked ? "peak" : "peak alone", this.stacked ? "peak within 10 s" : "peak of each 10 s"),
      entry("limit", "limit"),
      entry("headroom", "what background work may fill"));
  }

  #sentence(step) {
    const values = [clock(step.at)];
    if (this.stacked) {
      values.push(step.userFacing === null
        ? "no sample: no service ran"
        : `${count(step.userFacing)} user-facing + ${count(step.background)} background`);
    }
    values.push(`peak ${count(step.peak)}`, step.limit === null ? "no limit" : `limit ${count(step.limit)}`);
    if (step.headroom) values.push(`headroom ${count(step.headroom)}`);
    return values.join(" · ");
  }

  #point(offset) {
    const part = (offset - LEFT) / (this.#width - LEFT - RIGHT);
    const index = Math.floor(part * this.#steps.length);
    this.#move(Math.min(Math.max(index, 0), this.#steps.length - 1));
  }

  #key(event) {
    const last = this.#steps.length - 1;
    const from = this.#cursor ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, PageUp: from - 30, PageDown: from + 30, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#move(to === null ? null : Math.min(Math.max(to, 0), last));
  }

  #move(cursor) {
    this.#cursor = cursor;
    this.draw();
  }
}

/** Round values up to `top`, three to five of them. */
function ticks(top) {
  const size = 10 ** Math.floor(Math.log10(top));
  const step = [0.2, 0.5, 1, 2].map((part) => part * size).find((each) => top / each <= 5 && (each >= 1)) ?? Math.max(1, size);
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
}

/** The outline between two heights of steps; where the upper one is null there is a gap. */
function area(steps, x, y, low, high) {
  return runs(steps, high).map(([from, to]) => {
    const upper = [], lower = [];
    for (let index = from; index < to; index += 1) {
      upper.push(`${x(index)},${y(high(steps[index]))}`, `${x(index + 1)},${y(high(steps[index]))}`);
      lower.push(`${x(index)},${y(low(steps[index]))}`, `${x(index + 1)},${y(low(steps[index]))}`);
    }
    return `M${upper.join("L")}L${lower.reverse().join("L")}Z`;
  }).join("");
}

function line(steps, x, y, height) {
  return runs(steps, height).map(([from, to]) => {
    const points = [];
    for (let index = from; index < to; index += 1) {
      points.push(`${x(index)},${y(height(steps[index]))}`, `${x(index + 1)},${y(height(steps[index]))}`);
    }
    return `M${points.join("L")}`;
  }).join("");
}

/** Where steps with a value follow each other: [first, after the last]. */
function runs(steps, value) {
  const found = [];
  for (let index = 0; index < steps.length; index += 1) {
    if (value(steps[index]) === null) continue;
    if (found.at(-1)?.[1] === index) found.at(-1)[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}
