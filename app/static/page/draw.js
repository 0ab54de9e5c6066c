// Drawing: states, and an import in the elements that the server drew.

import { make } from "./dom.js";
import {
  between, count, counted, duration, gone, hasOneTarget, isFinal, isReturn, isRevert, labels, name, of, phrases, rest,
  share, shownState, size, showTime, stateName,
} from "./formatting.js";

/**
 * Let a link lead to an import, if there is one.
 * @param {HTMLElement} link
 * @param {string | null} id
 */
function lead(link, id) {
  if (link instanceof HTMLAnchorElement && id) link.href = `/imports/${encodeURIComponent(id)}`;
  return null;
}

/**
 * The name of a client, whole where the mouse is: the style sheet cuts a long one.
 * @param {HTMLElement} element
 * @param {string | null} client
 */
function nameWho(element, client) {
  element.title = client ?? "";
  return client ?? "";
}

/**
 * @param {HTMLElement} element
 * @param {string | null} client
 */
function hideWithout(element, client) {
  element.hidden = !client;
  return null;
}

const now = () => new Date().toISOString();
/** @type {Record<string, (i: Api.Import, element: HTMLElement) => string | null>} */
const VALUES = {
  state: (i, element) => {
    element.dataset.state = shownState(i);
    return stateName(shownState(i));
  },
  dry: (i, element) => {
    element.hidden = !i.dry_run;
    return null;
  },
  name: (i, element) => {
    lead(element, i.id);
    return name(i.source);
  },
  error: (i, element) => {
    if (element.tagName === "SMALL") element.hidden = !i.error;
    return i.error ? i.error.message : "";
  },
  gone: (i, element) => {
    element.hidden = !gone(i);
    return gone(i);
  },
  counted: (i, element) => {
    element.hidden = !counted(i);
    return counted(i);
  },
  reverted: (i, element) => {
    element.hidden = !i.reverted_by;
    return null;
  },
  stopped: (i, element) => hideWithout(element, i.stopped_by),
  stopped_by: (i, element) => nameWho(element, i.stopped_by),
  held: (i, element) => hideWithout(element, i.paused_by),
  paused_by: (i, element) => nameWho(element, i.paused_by),
  taken: (i, element) => hideWithout(element, i.reverted_by_client),
  reverter: (i, element) => {
    hideWithout(element, i.reverted_by_client);
    return `(${nameWho(element, i.reverted_by_client)})`;
  },
  reverted_by_client: (i, element) => nameWho(element, i.reverted_by_client),
  created_by: (i, element) => {
    if (element instanceof HTMLAnchorElement) element.href = `/?created_by=${encodeURIComponent(i.created_by ?? "")}`;
    return nameWho(element, i.created_by);
  },
  reverted_by: (i, element) => lead(element, i.reverted_by),
  target: (i, element) => {
    element.hidden = !hasOneTarget(i);
    return null;
  },
  target_link: (i, element) => {
    lead(element, i.source.kind === "revert" ? i.source.import : null);
    return phrases.show_target[isReturn(i) ? "revert" : "import"] ?? "";
  },
  rest: (i) => (hasOneTarget(i) && rest(i) ? `, ${rest(i)}` : rest(i)),
  in_the_way: (i, element) => {
    element.hidden = !isRevert(i) || !i.rows_rejected;
    return null;
  },
  label_removed: (i) => labels(i).removed,
  label_restored: (i) => labels(i).restored,
  bar: (i, element) => {
    if (element instanceof HTMLProgressElement) element.value = i.percent;
    element.setAttribute("aria-valuetext", share(i.percent));
    if (element.hasAttribute("aria-label")) element.setAttribute("aria-label", `Progress of import ${i.number}`);
    return null;
  },
  percent: (i) => share(i.percent),
  phase: (i) => i.phase,
  rows_done: (i) => count(i.rows_done),
  rows_updated: (i) => count(i.rows_updated),
  rows_total: (i) => count(i.rows_total),
  of,
  rows_rejected: (i) => count(i.rows_rejected),
  rows_kept: (i) => count(i.rows_kept),
  bytes_done: (i) => size(i.bytes_done),
  rows_per_second: (i) => count(i.rows_per_second),
  eta: (i) => duration(i.eta_seconds),
  attempts: (i) => String(i.attempt.number),
  took: (i) => between(i.started_at, isFinal(i.state) ? i.finished_at : now()),
};
/** @type {Record<string, (i: Api.Import) => string | null>} */
const TIMES = {
  created_at: (i) => i.created_at,
  started_at: (i) => i.started_at,
  finished_at: (i) => i.finished_at,
  reverted_at: (i) => i.reverted_at,
};

/**
 * Draw an import, unless a newer state of it is shown: progress never goes back. Returns whether it was drawn.
 * @param {HTMLElement} element
 * @param {Api.Import} i
 */
export function draw(element, i) {
  if (i.sequence < Number(element.dataset.sequence)) return false;
  element.dataset.sequence = String(i.sequence);
  element.dataset.id = i.id;
  element.dataset.state = i.state;
  element.toggleAttribute("data-reverted", Boolean(i.reverted_by));
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-f]"))) {
    const field = part.dataset.f ?? "";
    if (part instanceof HTMLTimeElement) {
      showTime(part, TIMES[field]?.(i) ?? null);
      continue;
    }
    const text = VALUES[field]?.(i, part) ?? null;
    if (text !== null && part.textContent !== text) part.textContent = text;
  }
  return true;
}

/** Whose doing it is, beside what was done. @param {string} client */
export function makeBy(client) {
  const by = make("span", `(${client})`, "by");
  by.title = client;
  return by;
}

/** @param {string} state */
export function makeBadge(state) {
  const badge = make("span", stateName(state), "badge");
  badge.dataset.state = state;
  return badge;
}
