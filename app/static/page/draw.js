// Draw: puts an import into the elements that the server drew. Data goes in as text, never as markup.

import { FINAL, STATES, between, count, duration, name, share, size, tellTime } from "./formatting.js";

const now = () => new Date().toISOString();
const VALUES = {
  state: (i, element) => {
    element.dataset.state = i.state;
    return STATES[i.state] || i.state;
  },
  dry: (i, element) => {
    element.hidden = !i.dry_run;
    return "dry run";
  },
  name: (i, element) => {
    if (element.tagName === "A") element.href = `/imports/${encodeURIComponent(i.id)}`;
    return name(i.source);
  },
  error: (i, element) => {
    if (element.tagName === "SMALL") element.hidden = !i.error;
    return i.error ? i.error.message : "";
  },
  bar: (i, element) => {
    element.value = i.percent;
    element.setAttribute("aria-valuetext", share(i.percent));
    if (element.hasAttribute("aria-label")) element.setAttribute("aria-label", `Progress of import ${i.number}`);
    return null;
  },
  percent: (i) => share(i.percent),
  phase: (i) => i.phase,
  rows_done: (i) => count(i.rows_done),
  rows_total: (i) => count(i.rows_total),
  rows_rejected: (i) => count(i.rows_rejected),
  rows_kept: (i) => count(i.rows_kept),
  bytes_done: (i) => size(i.bytes_done),
  rows_per_second: (i) => count(i.rows_per_second),
  eta: (i) => duration(i.eta_seconds),
  attempts: (i) => String(i.attempt.number),
  took: (i) => (FINAL.includes(i.state) ? between(i.started_at, i.finished_at) : between(i.started_at, now())),
};

// False for what is older than what is shown: progress never goes back.
export function draw(element, i) {
  if (i.sequence < Number(element.dataset.sequence)) return false;
  element.dataset.sequence = i.sequence;
  element.dataset.id = i.id;
  element.dataset.state = i.state;
  for (const part of element.querySelectorAll("[data-f]")) {
    const field = part.dataset.f;
    if (part.tagName === "TIME") {
      tellTime(part, i[field]);
      continue;
    }
    const text = VALUES[field](i, part);
    if (text !== null && part.textContent !== text) part.textContent = text;
  }
  return true;
}
