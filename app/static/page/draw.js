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
  stopped: (i, element) => {
    element.hidden = !i.stopped_by;
    return null;
  },
  stopped_by: (i) => i.stopped_by ?? "",
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

/** @param {string} state */
export function makeBadge(state) {
  const badge = make("span", stateName(state), "badge");
  badge.dataset.state = state;
  return badge;
}
