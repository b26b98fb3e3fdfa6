import { h, write } from "./dom.js";
import { clock, count, minute } from "./format.js";
import { recoloured } from "./theme.js";

/** uPlot, a script of its own (uplot.js), which is there once the governor was built. */
const { uPlot } = globalThis;

const HEIGHT = 200;
const LEFT = 44;
const RIGHT = 16;
/** Beyond so many times the highest peak a limit is named in the legend and not drawn to scale. */
const FAR = 5;
const TICKS = [1, 2, 5].flatMap((digit) => Array.from({ length: 7 }, (_, zeros) => digit * 10 ** zeros)).sort((one, other) => one - other);
const TIMES_MS = [1, 2, 5, 10, 20].map((minutes) => minutes * 60_000);
const OUTSIDE = { left: -10, top: -10 };

/**
 * @typedef {import("./hour.js").Step} Step
 * @typedef {{colour: string, value: (step: Step) => number | null, area?: boolean, width?: number, dash?: number[]}} Series
 */

/**
 * What is drawn, the undermost first: areas that cover each other, so each is drawn down to zero.
 * @type {Record<string, Series>}
 */
const SERIES = {
  peak: { colour: "--peak", area: true, value: (step) => step.peak },
  background: { colour: "--background", area: true, value: (step) => (step.userFacing === null ? null : step.userFacing + step.background) },
  userFacing: { colour: "--user-facing", area: true, value: (step) => step.userFacing },
  edge: { colour: "--paper", width: 3, value: mayFill }, // so that the dashes stand out of any area
  headroom: { colour: "--limit", dash: [5, 4], value: mayFill },
  limit: { colour: "--limit", value: (step) => step.limit },
};

/** @type {Series[]} */
const STACKED = Object.values(SERIES);
/** @type {Series[]} */
const ALONE = [{ ...SERIES.peak, colour: "--steady" }, SERIES.edge, SERIES.headroom, SERIES.limit];

/** @param {Step} step */
function mayFill({ limit, headroom }) {
  return headroom && limit !== null ? limit - headroom : null;
}

/**
 * The last hour of a scope: what was in use in steps of 10 s, stacked where it is known by priority,
 * the peak within each step, and the limits of that time.
 */
export class Chart {
  #hour;
  #series;
  #frame = h("div", { class: "chart", role: "img", tabindex: "0" });
  #readout = h("p", { class: "readout" });
  #far = h("span", {});
  #plot = null;
  /** @type {Step[]} */
  #steps = [];
  #top = 1;

  /**
   * @param {import("./hour.js").Hour} hour
   * @param {string} name what it shows
   * @param {boolean} stacked whether steps are known by priority
   */
  constructor(hour, name, stacked) {
    this.#hour = hour;
    this.#series = stacked ? STACKED : ALONE;
    this.stacked = stacked;
    this.name = name;
    this.#frame.setAttribute("aria-label", name);
    this.element = h("figure", { class: "hour" }, this.#legend(), uPlot ? this.#frame : missing(), this.#readout);
    this.#frame.addEventListener("blur", () => this.#plot?.setCursor(OUTSIDE));
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Follow the width that there is and the theme; returns the end of it. */
  follow() {
    const observer = new ResizeObserver(() => this.#fit());
    observer.observe(this.#frame);
    const end = recoloured(() => this.draw());
    return () => {
      observer.disconnect();
      end();
      this.#plot?.destroy();
      this.#plot = null;
    };
  }

  /** Draw the hour as it is now. */
  draw() {
    this.#steps = this.#hour.shown;
    const last = this.#steps.at(-1);
    if (!last) return;
    const highest = Math.max(1, ...this.#steps.map((step) => step.peak));
    const near = Math.max(0, ...this.#steps.map((step) => step.limit ?? 0).filter((limit) => limit <= FAR * highest));
    this.#top = Math.max(near, highest) * 1.06;
    this.#plot?.setData(this.#columns());
    this.#frame.setAttribute("aria-label", `${this.name}: ${this.#sentence(last)}. Arrow keys read earlier values.`);
    write(this.#far, last.limit > this.#top ? ` ${count(last.limit)}, far above` : "");
    this.element.classList.toggle("has-headroom", this.#steps.some((step) => step.headroom));
    this.#read();
  }

  #fit() {
    const width = this.#frame.clientWidth;
    if (!width || !uPlot) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#plot = this.#made(width);
    this.draw();
  }

  #made(width) {
    const styled = (name) => getComputedStyle(this.#frame).getPropertyValue(name);
    const { fontFamily } = getComputedStyle(this.#frame);
    const axis = { font: `11px ${fontFamily}`, stroke: () => styled("--soft"), ticks: { show: false } };
    const plot = new uPlot({
      width,
      height: HEIGHT,
      ms: 1,
      padding: [8, RIGHT, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { range: (_, first, last) => [first, last] }, y: { range: () => [0, this.#top] } },
      axes: [
        { ...axis, size: 24, gap: 6, space: 70, incrs: TIMES_MS, grid: { show: false }, values: (_, splits) => splits.map(minute) },
        { ...axis, size: LEFT, gap: 8, incrs: TICKS, grid: { stroke: () => styled("--rule"), width: 1 }, values: (_, splits) => splits.map(count) },
      ],
      series: [{}, ...this.#series.map(({ colour, area, width: thick = 1.5, dash }) => ({
        [area ? "fill" : "stroke"]: () => styled(colour),
        width: area ? 0 : thick,
        dash,
        points: { show: false },
        paths: uPlot.paths.stepped({ align: 1, alignGaps: 1 }), // a value holds until the next
      }))],
      hooks: { setCursor: [() => this.#read()] },
    }, [[]], this.#frame);
    plot.over.addEventListener("pointermove", (event) => { // uPlot itself heeds the mouse alone
      if (event.pointerType === "touch") plot.setCursor({ left: event.offsetX, top: event.offsetY });
    });
    return plot;
  }

  /** The times and each series' values; the last step's twice, so that it has a width. */
  #columns() {
    const steps = [...this.#steps, { ...this.#steps.at(-1), at: this.#steps.at(-1).at + this.#hour.stepMs }];
    const drawn = (value) => (value !== null && value <= this.#top ? value : null);
    return [steps.map((step) => step.at), ...this.#series.map(({ value }) => steps.map((step) => drawn(value(step))))];
  }

  #legend() {
    const entry = (kind, ...text) => h("li", {}, h("span", { class: `swatch ${kind}` }), ...text);
    return h("ul", { class: "legend" },
      this.stacked ? entry("user-facing", "user-facing") : null,
      this.stacked ? entry("background", "background") : null,
      entry(this.stacked ? "peak" : "peak alone", this.stacked ? "peak within 10 s" : "peak of each 10 s"),
      entry("limit", "limit", this.#far),
      entry("headroom", "what background work may fill"));
  }

  #sentence(step) {
    const values = [clock(step.at)];
    if (this.stacked) {
      values.push(step.userFacing === null
        ? "no sample: no service ran"
        : `${count(step.userFacing)} user-facing + ${count(step.background)} background`);
    }
    values.push(`peak ${count(step.peak)}`);
    if (step.limit !== null) values.push(`limit ${count(step.limit)}`);
    else if (!this.stacked || step.userFacing !== null) values.push("no limit");
    if (step.headroom) values.push(`headroom ${count(step.headroom)}`);
    return values.join(" · ");
  }

  /** The step that the cursor is on, or null. */
  get #pointed() {
    const left = this.#plot?.cursor.left ?? -1;
    if (left < 0) return null;
    const index = Math.floor((this.#plot.posToVal(left, "x") - this.#steps[0].at) / this.#hour.stepMs);
    return within(index, this.#steps.length);
  }

  #read() {
    const step = this.#steps[this.#pointed ?? this.#steps.length - 1];
    if (step) write(this.#readout, this.#sentence(step));
  }

  #key(event) {
    const last = this.#steps.length - 1;
    const from = this.#pointed ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, PageUp: from - 30, PageDown: from + 30, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined || !this.#plot || last < 0) return;
    event.preventDefault();
    const middle = (index) => this.#plot.valToPos(this.#steps[index].at + this.#hour.stepMs / 2, "x");
    this.#plot.setCursor(to === null ? OUTSIDE : { left: middle(within(to, last + 1)), top: 0 });
  }
}

const within = (index, length) => Math.min(Math.max(index, 0), length - 1);

const missing = () => h("p", { class: "notice" },
  "The chart's library is missing: this governor runs in a checkout that was not installed. Run ",
  h("code", {}, "pip install --editable ."), " there, and start it again.");
