const NUMBER = new Intl.NumberFormat("en-US");
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

/** 12,345; what is null has no limit. */
export const count = (value) => (value == null ? "no limit" : NUMBER.format(value));

/** 14:05:09, in the reader's time zone. */
export const clock = (ms) => TIME.format(ms);

/** 14:05 */
export const minute = (ms) => MINUTE.format(ms);

/** How long, in the one unit that tells most: 340 ms, 12 s, 5 min, 2 h. */
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const units = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];
  const [size, unit] = units.find(([size]) => ms >= size);
  return `${Math.floor(ms / size)} ${unit}`;
}

/** "1 scope", "2 scopes" */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** The kind and the name of a scope: ["group", "etl"]; the account is both. */
export function parts(scope) {
  const colon = scope.indexOf(":");
  return colon < 0 ? [scope, scope] : [scope.slice(0, colon), scope.slice(colon + 1)];
}

/** The address of a scope's page. */
export const page = (scope) => `#/scope/${encodeURIComponent(scope)}`;
