// Numbers, sizes, durations and times as people read them, as the server writes them at first (app/routes/pages/formatting.py).

import { get } from "./dom.js";

/**
 * What the server and the scripts both say.
 * @type {{
 *   states: Record<string, string>, final: string[], stoppable: string[], never_commit: string[],
 *   events: Record<string, string>, events_of_reverts: Record<string, string>,
 *   events_of_returns: Record<string, string>, event_links: Record<string, [string, string]>,
 *   why_no_stop: Record<string, string>, retry: Record<string, string>, still_paused: string, generated: string,
 *   unnamed: string, revert_of: string, revert_labels: Record<string, {removed: string, restored: string, left: string}>,
 *   return_labels: Record<string, {removed: string, restored: string, left: string}>, returned: string, no_copy: string,
 *   stopped_by: string, brought_back: string, show_target: Record<string, string>, put_back: string,
 *   rows_gone: {in_table: string, deleted: string, missing: string, counted: string}, obstacles: Record<string, string>,
 *   access: {
 *     roles: Record<string, string[]>, all_datasets: string, key: string, never: string, this_browser: string,
 *     states: Record<string, string>, actions: {rotate: string, revoke: string, end: string},
 *     revoke: Record<string, string>, end: Record<string, string>,
 *   },
 * }}
 */
export const phrases = JSON.parse(get("phrases").textContent);

/** @param {string} state */
export const isFinal = (state) => phrases.final.includes(state);

/** @param {string} state */
export const stateName = (state) => phrases.states[state] ?? state;

/** @param {number} number */
export const rows = (number) => (number === 1 ? "1 row" : `${count(number)} rows`);

/** Whether what the ledger of imports has here is a revert. @param {Api.Import} i */
export const isRevert = (i) => i.source.kind === "revert";

/** Whether it is a revert of one import, or of one revert. @param {Api.Import} i */
export const hasOneTarget = (i) => i.source.kind === "revert" && i.source.imports === 1;

/** Whether it is a revert that brings back what another revert took. @param {Api.Import} i */
export const isReturn = (i) => i.source.kind === "revert" && i.source.of_revert;

/** What became of its rows after the commit. @param {Api.Import} i */
export function gone(i) {
  if (isRevert(i)) return i.reverted_by ? phrases.returned : "";
  const parts = [];
  const missing = i.rows_counted_at ? i.rows_done - i.rows_deleted - i.rows_kept : 0;
  if (missing > 0) {
    const causes = i.rows_deleted ? [`${count(i.rows_deleted)} ${phrases.rows_gone.deleted}`] : [];
    causes.push(`${count(missing)} ${phrases.rows_gone.missing}, ${counted(i)}`);
    parts.push(`${count(i.rows_kept)} of its ${rows(i.rows_done)} ${phrases.rows_gone.in_table} (${causes.join(", ")})`);
  } else if (i.rows_deleted) {
    const whole = i.rows_done === 1 ? "its 1 row" : `all of its ${rows(i.rows_done)}`;
    const which = i.rows_deleted >= i.rows_done ? whole : `${count(i.rows_deleted)} of its ${rows(i.rows_done)}`;
    parts.push(`${which} ${i.rows_deleted === 1 ? "was" : "were"} ${i.reverted_by ? "removed" : "deleted since"}`);
  }
  if (i.reverted_by && i.rows_updated) parts.push(phrases.put_back);
  return parts.join("; ");
}

/** When its rows were last counted. @param {Api.Import} i */
export const counted = (i) => (i.rows_counted_at ? `${phrases.rows_gone.counted} ${timeText(i.rows_counted_at)}` : "");

/**
 * How the rows of a revert are called that it removes and that it puts back.
 * @param {Api.Import} i
 */
export function labels(i) {
  const undone = phrases.never_commit.includes(i.state) && i.rows_done + i.rows_updated ? "undone" : "done";
  const all = isReturn(i) ? phrases.return_labels : phrases.revert_labels;
  return all[i.dry_run ? "would" : undone] ?? { removed: "", restored: "", left: "" };
}

/** What stands beside the rows in the list: how many there are in all, or what a revert did to them. @param {Api.Import} i */
export const of = (i) => (isRevert(i) ? ` ${labels(i).removed}` : ` of ${count(i.rows_total)}`);

/** What a revert did beside removing rows: it put some back, and left some. @param {Api.Import} i */
export function rest(i) {
  if (!isRevert(i)) return "";
  const restored = i.rows_updated ? [`${rows(i.rows_updated)} ${labels(i).restored}`] : [];
  return [...restored, ...(i.rows_skipped ? [`${rows(i.rows_skipped)} ${labels(i).left}`] : [])].join(", ");
}

/**
 * A line of a timeline.
 * @param {Api.Event} line
 * @param {Api.Import} i
 */
export function eventText(line, i) {
  const detail = line.detail ?? {};
  const special = isReturn(i) ? phrases.events_of_returns : phrases.events_of_reverts;
  const text = (isRevert(i) && special[line.event]) || (phrases.events[line.event] ?? line.event);
  if (line.event === "revert_shortened") return `${text} ${utc(String(detail.until))}`;
  let more = line.event === "queued" ? detail.reason : "";
  if (line.event === "returned") more = rows(Number(detail.rows));
  if (line.event === "reverted" && !isRevert(i)) {
    const counts = { removed: detail.rows_deleted, "put back": detail.rows_restored, "in the way": detail.rows_left };
    const said = Object.entries(counts).filter(([, number]) => number);
    more = said.map(([word, number]) => `${rows(Number(number))} ${word}`).join(", ");
  }
  return more ? `${text}: ${more}` : text;
}

/** The state that people see: a pause holds some queued imports, and a revert has taken some back. @param {Api.Import} i */
export const shownState = (i) => (i.paused ? "paused" : i.reverted_by ? "reverted" : i.state);

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
export function name(source) {
  if (source.kind === "generated") return `${count(source.rows)} ${phrases.generated}`;
  if (source.kind !== "revert") return source.name || phrases.unnamed;
  const target = source.import.slice(0, 8);
  if (source.of_revert) return `${phrases.brought_back} ${source.name || `revert ${target}`}`;
  const one = source.name || `import ${target}`;
  return `${phrases.revert_of} ${source.imports > 1 ? `${count(source.imports)} imports` : one}`;
}

/** @param {string} at an ISO instant */
const utc = (at) => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

/**
 * Show an instant in this browser's zone, and in UTC when the mouse is over it.
 * @param {HTMLTimeElement} element
 * @param {string | null} instant
 */
export function showTime(element, instant = element.dateTime) {
  if (!instant) return;
  element.dateTime = instant;
  element.title = utc(instant);
  element.textContent = timeText(instant);
}

/**
 * An instant in this browser's zone, without the day if that is today.
 * @param {string} instant
 */
function timeText(instant) {
  const at = new Date(instant);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(undefined, {
    ...(today ? {} : { year: "numeric", month: "short", day: "numeric" }),
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}
