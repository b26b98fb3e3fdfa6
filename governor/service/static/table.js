import { h, write } from "./dom.js";
import { count, page, parts, plural } from "./format.js";

const ROW_PX = 34;
const BEYOND = 8; // rows above and below the window, so that scrolling does not show holes

const NAMES = new Intl.Collator("en", { numeric: true });
const KINDS = { account: 0, group: 1, function: 2 };

/** Part of its limit that a scope has in use; what has no limit comes after all that have one. */
const pressure = (row) => (row.max_concurrency === null ? -1 : row.in_use / Math.max(1, row.max_concurrency));

/** What denied, or would have: within the last hour. */
const denials = (entry) => (entry.denials ? entry.denials.denied + entry.denials.shadow_denied : 0);

/** The columns: what is shown, by what is sorted, and whether large comes first at the first click. */
const COLUMNS = [
  { id: "scope", title: "Scope", key: null, down: false },
  { id: "in_use", title: "In use", key: (entry) => entry.row.in_use, down: true },
  { id: "limit", title: "Limit", key: (entry) => entry.row.max_concurrency ?? Infinity, down: true },
  { id: "pressure", title: "Pressure", key: (entry) => pressure(entry.row), down: true },
  { id: "peak", title: "Peak 1 h", key: (entry) => entry.row.peak, down: true },
  { id: "denied", title: "Denied 1 h", key: denials, down: true },
  { id: "total", title: "Denied ever", key: (entry) => entry.row.denied, down: true },
];

/**
 * All scopes, of which only the rows in the window exist: the page scrolls, and 10,000 functions cost
 * no more than thirty. While a row has the focus the order stands still.
 */
export class ScopeTable {
  #pool;
  #entries = new Map();
  #order = [];
  #sort = { column: COLUMNS[3], down: true };
  #search = h("input", { type: "search", id: "search", placeholder: "Search scopes", autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/" });
  #kind = h("select", { id: "kind", "aria-label": "Kind of scope" },
    h("option", { value: "" }, "All scopes"),
    h("option", { value: "group" }, "Groups"),
    h("option", { value: "function" }, "Functions"),
    h("option", { value: "user-facing" }, "User-facing functions"),
    h("option", { value: "background" }, "Background functions"),
    h("option", { value: "shadow" }, "In shadow mode"));
  #found = h("p", { class: "hint", role: "status" });
  #heads = new Map();
  #above = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", {}));
  #below = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", {}));
  #body = h("tbody", {}, this.#above, this.#below);
  #table;
  /** @type {Line[]} */
  #lines = [];
  #current = 0;
  #frame = 0;

  /** @param {import("./state.js").pool} pool */
  constructor(pool) {
    this.#pool = pool;
    this.#table = h("table", { class: "scopes" },
      h("caption", { class: "unseen" }, "Scopes: what is in use, against the limits"),
      h("thead", {}, h("tr", { "aria-rowindex": "1" }, ...COLUMNS.map((column) => this.#head(column)))),
      this.#body);
    this.element = h("section", { class: "table", "aria-labelledby": "scopes-title" },
      h("div", { class: "heading" }, h("h2", { id: "scopes-title" }, "Scopes"), this.#found,
        h("label", { class: "unseen", for: "search" }, "Search scopes"), this.#search, this.#kind),
      this.#table);
    this.#search.addEventListener("input", () => this.#arrange());
    this.#kind.addEventListener("change", () => this.#arrange());
    this.#body.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("focusin", (event) => {
      const line = this.#lines.find((each) => each.element.contains(event.target));
      if (line) this.#current = line.index;
    });
    this.#onScroll = () => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.#show();
      });
    };
  }

  #onScroll;

  /** Begin to follow the window; call `leave` in the end. */
  enter() {
    addEventListener("scroll", this.#onScroll, { passive: true });
    addEventListener("resize", this.#onScroll, { passive: true });
  }

  leave() {
    removeEventListener("scroll", this.#onScroll);
    removeEventListener("resize", this.#onScroll);
    cancelAnimationFrame(this.#frame);
  }

  /** Move the focus to the search. */
  search() {
    this.#search.focus();
    this.#search.select();
  }

  /** Take over what has changed: "all", or the names of scopes. */
  update(changed) {
    if (changed === "all") {
      this.#entries = new Map([...this.#pool.rows.values()].map((row) => [row.scope, this.#entry(row)]));
    } else if (changed.length) {
      for (const scope of changed) {
        const row = this.#pool.rows.get(scope);
        const entry = this.#entries.get(scope);
        if (!row) this.#entries.delete(scope);
        else if (!entry) this.#entries.set(scope, this.#entry(row));
        else {
          entry.row = row;
          entry.denials = this.#pool.denials.get(scope);
        }
      }
    } else return;
    if (this.#body.contains(document.activeElement)) this.#show();
    else this.#arrange();
  }

  #entry(row) {
    const [kind, name] = parts(row.scope);
    return { row, kind, name, lower: row.scope.toLowerCase(), denials: this.#pool.denials.get(row.scope), key: 0 };
  }

  /** Find and sort the entries anew. */
  #arrange() {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = this.#kind.value;
    const fits = (entry) => words.every((word) => entry.lower.includes(word))
      && (!kind || entry.kind === kind || entry.row.priority === kind || entry.row.mode === kind);
    this.#order = words.length || kind ? [...this.#entries.values()].filter(fits) : [...this.#entries.values()];
    const { column, down } = this.#sort;
    const sign = down ? -1 : 1;
    if (column.key) {
      for (const entry of this.#order) entry.key = column.key(entry);
      this.#order.sort((one, other) => sign * (one.key - other.key) || 0);
    } else {
      this.#order.sort((one, other) => sign * (KINDS[one.kind] - KINDS[other.kind] || NAMES.compare(one.name, other.name)));
    }
    const all = this.#entries.size;
    write(this.#found, this.#order.length === all ? plural(all, "scope") : `${count(this.#order.length)} of ${plural(all, "scope")}`);
    this.#table.setAttribute("aria-rowcount", this.#order.length + 1);
    this.#show();
  }

  /** Show the rows that are in the window. */
  #show() {
    const top = this.#body.getBoundingClientRect().top;
    const first = Math.max(0, Math.min(Math.floor(-top / ROW_PX) - BEYOND, this.#order.length - 1));
    const room = Math.ceil(innerHeight / ROW_PX) + 2 * BEYOND;
    const shown = Math.max(0, Math.min(room, this.#order.length - first));
    while (this.#lines.length < shown) {
      const line = new Line();
      this.#lines.push(line);
      this.#below.before(line.element);
    }
    while (this.#lines.length > shown) this.#lines.pop().element.remove();
    // One row is in the tab order: the current one, or the nearest that is there.
    const reachable = Math.min(Math.max(this.#current, first), first + shown - 1);
    const held = this.#body.contains(document.activeElement) && this.#current;
    this.#lines.forEach((line, index) => line.show(this.#order[first + index], first + index, reachable));
    this.#above.firstChild.style.height = `${first * ROW_PX}px`;
    this.#below.firstChild.style.height = `${(this.#order.length - first - shown) * ROW_PX}px`;
    if (held !== false) this.#hold(held); // last: to focus is to lay out
  }

  /** Rows are used again for others: the focus stays with the entry that it was on. */
  #hold(index) {
    const line = this.#lines.find((each) => each.index === index);
    if (line) line.link.focus({ preventScroll: true });
    else document.activeElement.blur();
  }

  #head(column) {
    const button = h("button", { type: "button", onclick: () => this.#sortBy(column) }, column.title);
    const head = h("th", { scope: "col", class: column.id, "aria-sort": column === this.#sort.column ? "descending" : "none" }, button);
    this.#heads.set(column, head);
    return head;
  }

  #sortBy(column) {
    const again = column === this.#sort.column;
    this.#sort = { column, down: again ? !this.#sort.down : column.down };
    for (const [each, head] of this.#heads) {
      head.setAttribute("aria-sort", each === column ? (this.#sort.down ? "descending" : "ascending") : "none");
    }
    this.#current = 0;
    this.#arrange();
  }

  #key(event) {
    const last = this.#order.length - 1;
    const pageful = Math.max(1, Math.floor(innerHeight / ROW_PX) - 4);
    const to = {
      ArrowDown: this.#current + 1, ArrowUp: this.#current - 1,
      PageDown: this.#current + pageful, PageUp: this.#current - pageful, Home: 0, End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#current = Math.min(Math.max(to, 0), last);
    const at = this.#body.getBoundingClientRect().top + scrollY + this.#current * ROW_PX;
    const margin = 3 * ROW_PX; // for the head, which sticks
    if (at < scrollY + margin) scrollTo({ top: at - margin });
    else if (at > scrollY + innerHeight - margin) scrollTo({ top: at - innerHeight + margin });
    this.#show();
    this.#lines.find((line) => line.index === this.#current)?.link.focus({ preventScroll: true });
  }
}

/** A row of the table, which shows one entry after the other. */
class Line {
  index = -1;
  link = h("a", {});
  #kind = h("span", { class: "kind" });
  #badge = h("span", { class: "badge" }, "shadow");
  #fill = h("span", { class: "fill" });
  #room = h("span", { class: "room" });
  #cells = new Map(COLUMNS.map(({ id }) => [id, h("td", { class: id })]));
  #bar = h("span", { class: "bar" }, this.#room, this.#fill);
  #percent = h("span", { class: "percent" });

  constructor() {
    this.element = h("tr", {}, ...this.#cells.values());
    this.#cells.get("scope").append(this.#kind, this.link, this.#badge);
    this.#cells.get("pressure").append(this.#bar, this.#percent);
  }

  show(entry, index, current) {
    const { row } = entry;
    this.index = index;
    if (this.element.ariaRowIndex !== String(index + 2)) this.element.ariaRowIndex = String(index + 2);
    if (this.link.textContent !== entry.name) {
      write(this.link, entry.name);
      this.link.href = page(row.scope);
      this.element.dataset.scope = row.scope;
    }
    write(this.#kind, entry.kind === entry.name ? "" : entry.kind);
    this.#kind.dataset.priority = row.priority ?? "";
    this.link.tabIndex = index === current ? 0 : -1;
    this.#badge.hidden = row.mode !== "shadow";
    write(this.#cells.get("in_use"), count(row.in_use));
    write(this.#cells.get("limit"), row.max_concurrency === null ? "–" : count(row.max_concurrency));
    write(this.#cells.get("peak"), count(row.peak));
    write(this.#cells.get("denied"), this.#denied(entry));
    write(this.#cells.get("total"), count(row.denied));
    this.#pressure(row);
  }

  #denied({ denials: found }) {
    if (!found) return "0";
    const would = found.shadow_denied ? `${count(found.shadow_denied)} shadow` : "";
    return found.denied && would ? `${count(found.denied)} + ${would}` : would || count(found.denied);
  }

  #pressure(row) {
    const limited = row.max_concurrency !== null;
    this.#bar.hidden = !limited;
    const part = Math.max(0, pressure(row));
    write(this.#percent, limited ? `${Math.round(100 * part)} %` : "");
    this.#fill.style.width = `${Math.min(100, 100 * part)}%`;
    this.#room.style.width = limited && row.headroom ? `${(100 * row.headroom) / Math.max(1, row.max_concurrency)}%` : "0";
    this.#fill.dataset.full = part >= 1 ? "yes" : part >= 0.9 ? "nearly" : "no";
  }
}
