import { Problem, read } from "./api.js";
import { write } from "./dom.js";
import { pool } from "./state.js";
import { follow } from "./stream.js";
import { askForToken } from "./token.js";
import { poll } from "./polling.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const DENIALS_EVERY_MS = 5000;

/** Keeps the page live: follows the stream, and follows it again whenever it breaks. */
export class Connection {
  #shown;
  #current = new AbortController();
  #wake = () => {};

  /** @param {HTMLElement} shown where to say how it stands */
  constructor(shown) {
    this.#shown = shown;
  }

  /** Follow for as long as the page is open. */
  async run() {
    poll(async () => pool.deny(await read("v1/denials")), DENIALS_EVERY_MS);
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      this.#current = new AbortController();
      try {
        await follow((name, data) => {
          pauseMs = FIRST_PAUSE_MS;
          this.#heed(name, data);
        }, this.#current.signal);
        this.#say("lost", "Reconnecting…");
      } catch (error) {
        if (error instanceof Problem && error.isAboutRights) {
          this.#say("lost", "A token is needed");
          askForToken(error.status === 401
            ? "This governor asks for a token. The role reader can look, the role admin can change limits."
            : `${error.message}.`, () => this.again());
          pauseMs = LONGEST_PAUSE_MS;
        } else {
          this.#say("lost", pool.known ? "Connection lost, reconnecting…" : "No connection, trying again…");
        }
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  /** Connect anew now: there is another token. */
  again() {
    this.#current.abort();
    this.#wake();
  }

  #heed(name, data) {
    if (name === "unavailable") {
      this.#say("lost", "The store can't be reached");
      return;
    }
    if (name === "status") pool.replace(data);
    else pool.change(data);
    this.#say("live", "Live");
  }

  #say(state, text) {
    this.#shown.dataset.state = state;
    write(this.#shown, text);
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
