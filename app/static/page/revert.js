// Reverting an import: a dry run looks what would happen, a dialog shows it, one button does it.

import { ask } from "./api.js";
import { get, hideProblem, make, messageOf, showProblem } from "./dom.js";
import { count, isFinal, isRevert, phrases, rows, showTime } from "./formatting.js";
import { makeObstacle } from "./rejects.js";

const LISTED = 20; // of the rows in the way
const LOOK_MILLISECONDS = 400;

/** @typedef {{outcome: Api.RevertOutcome, first: Api.Reject[]}} Found */

let path = "";
let shownFor = -1;
/** What is looked at while the dialog is open, and what was found. @type {{found: Found | null} | null} */
let looking = null;

/**
 * Offer to revert an import that has committed, or say why that can't be.
 * @param {Api.Import} i
 * @param {boolean} [again] even if the import is the same as before
 */
export async function showRevert(i, again = false) {
  if (isRevert(i)) return;
  const button = get("revert", HTMLButtonElement);
  if (i.state !== "committed" || (shownFor === i.sequence && !again)) return;
  shownFor = i.sequence;
  path = `/v1/imports/${encodeURIComponent(i.id)}`;
  /** @type {Api.Reverts} */
  let known;
  try {
    known = await ask(`${path}/revert`);
  } catch (error) {
    shownFor = -1;
    get("revert-why").textContent = `Whether it can be reverted is not known: ${messageOf(error)}`;
    return;
  }
  if (!known.revertible && document.activeElement === button) get("main").focus();
  button.hidden = !known.revertible;
  explain(i, known);
}

/**
 * @param {Api.Import} i
 * @param {Api.Reverts} known
 */
function explain(i, known) {
  const running = known.reverts.find((one) => !one.dry_run && !isFinal(one.state));
  const link = get("revert-link", HTMLAnchorElement);
  link.hidden = !running;
  if (running) link.href = `/imports/${encodeURIComponent(running.id)}`;
  const why = get("revert-why");
  if (i.reverted_by) why.textContent = "";
  else if (running) why.textContent = "It is being reverted.";
  else if (!known.revertible) why.textContent = `It can’t be reverted: ${known.reason}.`;
  else {
    const until = make("time");
    showTime(until, known.revertible_until);
    why.replaceChildren("It can be reverted until ", until, ".");
  }
}

/**
 * What a dry run finds. Waits until it has ended, as long as the dialog is open.
 * @param {object} mine
 * @returns {Promise<Found | null>}
 */
async function look(mine) {
  /** @type {Api.Import} */
  let run = await ask(`${path}/revert`, { method: "POST", json: { dry_run: true } });
  while (!isFinal(run.state)) {
    if (looking !== mine) {
      await ask(run.links.stop, { method: "POST" }).catch(() => null); // it has ended, or it ends soon
      return null;
    }
    const waits = run.state === "queued" ? "Waiting for a worker to look at the rows…" : "Looking at the rows…";
    if (get("revert-said").textContent !== waits) get("revert-said").textContent = waits;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    run = await ask(run.links.self);
  }
  if (run.state !== "checked") throw new Error(run.error?.message ?? "The dry run was stopped.");
  /** @type {Api.Reverts} */
  const { reverts } = await ask(`${path}/revert`);
  const outcome = reverts.find((one) => one.id === run.id);
  if (!outcome) throw new Error("The result of the dry run is gone.");
  const listed = run.rows_rejected ? await ask(`${run.links.self}/rejects`) : { rejects: [] };
  return { outcome, first: /** @type {Api.RejectList} */ (listed).rejects.slice(0, LISTED) };
}

/** @param {Found} found */
function show(found) {
  const { outcome, first } = found;
  const [removed, restored, kept] = [outcome.rows_deleted ?? 0, outcome.rows_restored ?? 0, outcome.rows_left ?? 0];
  const classes = Object.entries(outcome.in_the_way);
  const left = classes.reduce((sum, [, number]) => sum + number, 0);
  const does = removed + restored > 0;
  get("revert-said").textContent = say(removed, restored, left);
  get("revert-obstacles").hidden = !left;
  get("revert-left").textContent = `In the way: ${rows(left)}`;
  get("revert-classes").replaceChildren(
    ...classes.map(([code, number]) => make("li", `${rows(number)} ${phrases.obstacles[code] ?? code}`)),
  );
  const listed = left > first.length;
  get("revert-hint-left").textContent = `${does ? "They would stay as they are." : ""}${listed ? ` The first ${first.length} are listed here.` : ""}`;
  get("revert-file", HTMLAnchorElement).href = `/v1/imports/${outcome.id}/rejects?format=csv`;
  get("revert-rows").replaceChildren(...first.map(makeObstacle));
  get("revert-ask").hidden = !does;
  const go = get("revert-go", HTMLButtonElement);
  go.hidden = !does;
  go.textContent = act(removed, restored, kept);
}

/**
 * @param {number} removed
 * @param {number} restored
 * @param {number} left
 */
function say(removed, restored, left) {
  const parts = [];
  if (removed) parts.push(`${rows(removed)} would be removed`);
  if (restored) parts.push(`${rows(restored)} would get ${restored === 1 ? "its" : "their"} old values back`);
  if (parts.length) return `${parts.join(", and ")}.`;
  return left
    ? "Nothing would be removed or put back: all of its rows are in the way."
    : "Nothing would be removed or put back: none of its rows is in the table.";
}

/**
 * What the button says.
 * @param {number} removed
 * @param {number} restored
 * @param {number} kept
 */
function act(removed, restored, kept) {
  const parts = removed ? [`Remove ${rows(removed)}`] : [];
  if (restored) parts.push(removed ? `put ${count(restored)} back` : `Put ${rows(restored)} back`);
  if (kept) parts.push(`leave ${count(kept)}`);
  return parts.join(", ");
}

async function open() {
  const dialog = get("revert-dialog", HTMLDialogElement);
  const mine = { found: null };
  looking = mine;
  hideProblem();
  dialog.returnValue = "";
  get("revert-said").textContent = "Looking at the rows…";
  for (const id of ["revert-obstacles", "revert-ask", "revert-go"]) get(id).hidden = true;
  get("revert-reason", HTMLInputElement).value = "";
  dialog.showModal();
  try {
    const found = await look(mine);
    if (!found || looking !== mine) return;
    looking.found = found;
    show(found);
  } catch (error) {
    if (looking !== mine) return;
    dialog.close();
    showProblem(error);
  }
}

async function close() {
  const found = looking?.found;
  looking = null;
  if (get("revert-dialog", HTMLDialogElement).returnValue !== "revert" || !found) return;
  const button = get("revert", HTMLButtonElement);
  button.disabled = true;
  try {
    const on_changed = Object.keys(found.outcome.in_the_way).length ? "skip" : "fail";
    const reason = get("revert-reason", HTMLInputElement).value.trim();
    const json = { on_changed, ...(reason ? { reason } : {}) };
    /** @type {Api.Import} */
    const started = await ask(`${path}/revert`, { method: "POST", json });
    location.assign(started.links.page);
  } catch (error) {
    showProblem(error);
  } finally {
    button.disabled = false;
  }
}

if (document.getElementById("revert")) {
  get("revert").addEventListener("click", open);
  get("revert-dialog").addEventListener("close", close);
  get("revert-reason").addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would press the first button
  });
}
