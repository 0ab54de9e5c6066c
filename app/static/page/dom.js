// Elements of the page: finding those of the template, making new ones. Data goes in as text, never as markup.

/**
 * The element with this id, which the template has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function get(id, kind = /** @type {new () => any} */ (HTMLElement)) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`this page has no ${kind.name} #${id}`);
  return element;
}

/**
 * The first element in another one that fits the selector.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {HTMLElement} parent
 * @param {string} selector
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function find(parent, selector, kind = /** @type {new () => any} */ (HTMLElement)) {
  const element = parent.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`this page has no ${kind.name} ${selector}`);
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string | number | null} [text]
 * @param {string} [kind] its class
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, text, kind) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text != null) element.textContent = String(text);
  return element;
}

/**
 * A table's cell of which a long value is cut by the style sheet.
 * @param {string | number | null | undefined} value
 * @param {string} kind
 */
export function makeCell(value, kind) {
  const cell = make("td", null, kind);
  cell.append(make("span", value ?? "–"));
  return cell;
}

/**
 * @param {unknown} error
 * @param {string} id where it is shown
 */
export function showProblem(error, id = "problem") {
  get(id).textContent = messageOf(error);
  get(id).hidden = false;
}

export function hideProblem(id = "problem") {
  get(id).hidden = true;
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
