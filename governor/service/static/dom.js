/**
 * Make an element.
 * @param {string} tag its name
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; false and null are left out
 * @param {...(Node | string | number | null | undefined)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter((child) => child != null).map(node));
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
}

function node(child) {
  return child instanceof Node ? child : String(child);
}

/** Show `text` in `element`; does nothing if it stands there, which is the usual case in a tick. */
export function write(element, text) {
  const value = String(text);
  if (element.firstChild?.nodeValue !== value || element.childNodes.length !== 1) element.textContent = value;
}
