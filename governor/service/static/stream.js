import { call } from "./api.js";

/** Events come once a second; after so long without one the connection is taken for dead. */
const SILENCE_MS = 5000;

/**
 * Follow the pool over one connection, until it breaks: then this throws.
 * (EventSource would be less code, and can't send a token.)
 * @param {(name: string, data: any) => void} heed
 * @param {AbortSignal} signal ends it
 */
export async function follow(heed, signal) {
  const silent = new AbortController();
  const either = AbortSignal.any([signal, silent.signal]);
  let timer = 0;
  const rewind = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENCE_MS);
  };
  try {
    rewind();
    const response = await call("v1/stream?changes=true", { signal: either });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events(heed);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rewind();
      events.take(part.value);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Puts events together from the parts in which they arrive. */
export class Events {
  #heed;
  #parts = [];

  constructor(heed) {
    this.#heed = heed;
  }

  /** @param {string} text */
  take(text) {
    let rest = text;
    // An event ends with an empty line, whose two line feeds may come apart.
    if (rest.startsWith("\n") && this.#parts.at(-1)?.endsWith("\n")) {
      this.#end("");
      rest = rest.slice(1);
    }
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      this.#end(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
    if (rest) this.#parts.push(rest);
  }

  #end(last) {
    const event = this.#parts.join("") + last;
    this.#parts = [];
    const [first, second] = [event.indexOf("event: "), event.indexOf("\ndata: ")];
    this.#heed(event.slice(first + 7, second), JSON.parse(event.slice(second + 7)));
  }
}
