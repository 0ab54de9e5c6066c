// The dialog of a revert: what a dry run has found, in words, and what can be chosen then.

import { get, make } from "./dom.js";
import { count, phrases, rows } from "./formatting.js";
import { makeObstacle } from "./rejects.js";
import { findNames } from "./revert_look.js";

/** @typedef {import("./revert_look.js").Asked} Asked */
/** @typedef {import("./revert_look.js").Found} Found */

const NAMED = 5; // imports that a line names
const FORCED = ["changed", "missing"];

/** Before the first dry run has ended. */
export function clear() {
  say("Looking at the rows…");
  for (const part of ["together", "skips", "obstacles", "cascade-ask", "force-ask", "ask", "go", "problem"]) {
    get(`revert-${part}`).hidden = true;
  }
  for (const box of ["cascade", "images"]) {
    const found = document.getElementById(`revert-${box}`);
    if (found instanceof HTMLInputElement) found.checked = false;
  }
  for (const field of ["force", "reason"]) get(`revert-${field}`, HTMLInputElement).value = "";
}

/** @param {string} words */
export function say(words) {
  if (get("revert-said").textContent !== words) get("revert-said").textContent = words;
}

/**
 * @param {Found} found
 * @param {Asked} asked
 * @param {number} forced how many changed rows are forced
 * @param {boolean} isBack whether rows would come back
 */
export function show(found, asked, forced, isBack) {
  const { run } = found;
  const does = run.rows_done + run.rows_updated > 0;
  say(isBack ? sayBack(found) : sayAway(found, asked.force ? forced : 0));
  showObstacles(found, does);
  get("revert-ask").hidden = !does;
  const go = get("revert-go", HTMLButtonElement);
  go.hidden = !does;
  go.textContent = isBack ? actBack(run) : actAway(run, asked.force ? forced : 0);
}

/**
 * @param {Found} found
 * @param {boolean} does
 */
function showObstacles({ run, classes, first }, does) {
  const left = run.rows_rejected;
  get("revert-obstacles").hidden = !left;
  get("revert-left").textContent = `In the way: ${rows(left)}`;
  get("revert-classes").replaceChildren(
    ...Object.entries(classes).map(([code, number]) => make("li", `${rows(number)} ${phrases.obstacles[code] ?? code}`)),
  );
  const listed = left > first.length;
  get("revert-hint-left").textContent = `${does ? "They would stay as they are." : ""}${listed ? ` The first ${first.length} are listed here.` : ""}`;
  get("revert-file", HTMLAnchorElement).href = `/v1/imports/${run.id}/rejects?format=csv`;
  get("revert-rows").replaceChildren(...first.map(makeObstacle));
}

/**
 * What can be chosen about the rows in the way. Returns how many of them can be forced; 0 if not all can.
 * @param {Found} found
 * @param {Asked} asked
 */
export function offer({ run, classes, later }, asked) {
  const codes = Object.keys(classes);
  const cascade = get("revert-cascade-ask");
  cascade.hidden = !asked.cascade && !codes.includes("updated_by_import");
  if (!asked.cascade) {
    const which = later.size === 1 ? "the later import" : `the ${later.size > 1 ? `${later.size} ` : ""}later imports`;
    get("revert-cascade-words").textContent = `Also revert ${which} that updated these rows`;
  }
  if (asked.force) return 0;
  const forceable = codes.every((code) => FORCED.includes(code)) ? run.rows_rejected : 0;
  const ask = get("revert-force-ask");
  ask.hidden = !forceable;
  const done = codes.map((code) => (code === "changed" ? "changed" : "deleted")).join(" or ");
  get("revert-force-words").textContent =
    `To revert also the ${rows(forceable)} that another program ${done}, type ${count(forceable)}. What it wrote leaves the table; a copy stays in the database.`;
  return forceable;
}

/**
 * Which other imports would be reverted together with this one.
 * @param {Found} found
 * @param {string} id of this one
 * @param {() => boolean} isWanted
 */
export async function showTogether({ imports }, id, isWanted) {
  const others = imports.map((one) => one.import).filter((other) => other !== id);
  const many = others.length === 1 ? "1 later import" : `${count(others.length)} later imports`;
  await writeLine("revert-together", `This also reverts ${many}: `, others.map((other) => ({ id: other, words: "" })), ".", isWanted);
}

/**
 * The later imports that have skipped rows.
 * @param {Api.LaterSkip[]} skips
 * @param {() => boolean} isWanted
 */
export async function showSkips(skips, isWanted) {
  const many = skips.length === 1 ? "1 later import" : `${skips.length} later imports`;
  const named = skips.map(({ id, rows_skipped }) => ({ id, words: ` (${rows(rows_skipped)})` }));
  const end = ". A revert does not bring those rows back.";
  await writeLine("revert-skips", `${many} skipped rows, perhaps because of these: `, named, end, isWanted);
}

/**
 * A line that names imports, with links.
 * @param {string} place
 * @param {string} beginning
 * @param {{id: string, words: string}[]} imports
 * @param {string} end
 * @param {() => boolean} isWanted
 */
async function writeLine(place, beginning, imports, end, isWanted) {
  const line = get(place);
  line.hidden = true;
  const shown = imports.slice(0, NAMED);
  if (!shown.length) return;
  const names = await findNames(shown.map((one) => one.id));
  if (!isWanted()) return;
  const parts = shown.flatMap(({ id, words }, at) => {
    const link = make("a", names.get(id) ?? id);
    link.href = `/imports/${encodeURIComponent(id)}`;
    return [at ? ", " : "", link, words];
  });
  const more = imports.length > shown.length ? ` and ${imports.length - shown.length} more` : "";
  line.replaceChildren(beginning, ...parts, more + end);
  line.hidden = false;
}

/**
 * @param {Found} found
 * @param {number} forced
 */
function sayAway({ run }, forced) {
  const [removed, restored] = [run.rows_done, run.rows_updated];
  const parts = [];
  if (removed) parts.push(`${rows(removed)} would be removed`);
  if (restored) parts.push(`${rows(restored)} would get ${restored === 1 ? "its" : "their"} old values back`);
  const changed = forced ? ` Another program has changed or deleted ${rows(forced)} of the import.` : "";
  if (parts.length) return `${parts.join(", and ")}.${changed}`;
  return run.rows_rejected
    ? "Nothing would be removed or put back: all of its rows are in the way."
    : "Nothing would be removed or put back: none of its rows is in the table.";
}

/** @param {Found} found */
function sayBack({ run }) {
  const parts = [];
  if (run.rows_done) parts.push(`${rows(run.rows_done)} would be in the table again`);
  if (run.rows_updated) parts.push(`${rows(run.rows_updated)} would have the import’s values again`);
  return parts.length ? `${parts.join(", and ")}.` : "Nothing would come back: all of the rows are in the way.";
}

/**
 * What the button says.
 * @param {Api.Import} run
 * @param {number} forced
 */
function actAway(run, forced) {
  const [removed, restored] = [run.rows_done, run.rows_updated];
  const parts = removed ? [`Remove ${rows(removed)}`] : [];
  if (restored) parts.push(removed ? `put ${count(restored)} back` : `Put ${rows(restored)} back`);
  if (run.rows_skipped) parts.push(`leave ${count(run.rows_skipped)}`);
  return parts.join(", ") + (forced ? ", even changed ones" : "");
}

/** @param {Api.Import} run */
function actBack(run) {
  const left = run.rows_rejected ? `, leave ${count(run.rows_rejected)}` : "";
  return `Bring ${rows(run.rows_done + run.rows_updated)} back${left}`;
}
