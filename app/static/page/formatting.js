// Numbers, sizes, durations and times as people read them, as the server writes them at first (app/routes/pages/formatting.py).

import { get } from "./dom.js";

/**
 * What the server and the scripts both say.
 * @type {{
 *   states: Record<string, string>, final: string[], stoppable: string[], events: Record<string, string>,
 *   why_no_stop: Record<string, string>, retry: Record<string, string>, still_paused: string, generated: string,
 *   unnamed: string,
 * }}
 */
export const phrases = JSON.parse(get("phrases").textContent);

/** @param {string} state */
export const isFinal = (state) => phrases.final.includes(state);

/** @param {string} state */
export const stateName = (state) => phrases.states[state] ?? state;

/** What became of its rows after the commit. @param {Api.Import} i */
export const gone = (i) =>
  i.rows_deleted
    ? `${i.rows_deleted >= i.rows_done ? "all" : count(i.rows_deleted)} of its ${count(i.rows_done)} rows were deleted since`
    : "";

/** The state that people see: a pause holds some of the queued imports. @param {Api.Import} i */
export const shownState = (i) => (i.paused ? "paused" : i.state);

/** @param {number | null} number */
export const count = (number) => (number == null ? "–" : Math.round(number).toLocaleString("en-US"));

/** @param {number | null} bytes */
export function size(bytes) {
  if (bytes == null) return "–";
  let amount = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (amount < 1000) return unit === "B" ? `${Math.round(amount)} B` : `${amount.toFixed(1)} ${unit}`;
    amount /= 1000;
  }
  return `${amount.toFixed(1)} TB`;
}

/** @param {number | null} seconds */
export function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * How long it was from one ISO instant to another.
 * @param {string | null} start
 * @param {string | null} end
 */
export const between = (start, end) => (start && end ? duration((Date.parse(end) - Date.parse(start)) / 1000) : "–");

/** @param {number} percent */
export const share = (percent) => `${percent} %`;

/** @param {Api.Import["source"]} source */
export const name = (source) =>
  source.kind === "generated" ? `${count(source.rows)} ${phrases.generated}` : source.name || phrases.unnamed;

/**
 * Show an instant in this browser's zone, and in UTC when the mouse is over it.
 * @param {HTMLTimeElement} element
 * @param {string | null} instant
 */
export function showTime(element, instant = element.dateTime) {
  if (!instant) return;
  const at = new Date(instant);
  const now = new Date();
  const today = at.toDateString() === now.toDateString();
  element.dateTime = instant;
  element.title = `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC`;
  element.textContent = at.toLocaleString(undefined, {
    ...(today ? {} : { year: "numeric", month: "short", day: "numeric" }),
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}
