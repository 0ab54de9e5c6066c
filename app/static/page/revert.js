// Reverting an import, or bringing back what a revert took: a dry run looks, a dialog shows it, one button does it.

import { ask, Problem } from "./api.js";
import { get, hideProblem, make, makeCell, messageOf, showProblem } from "./dom.js";
import { count, isFinal, isReturn, isRevert, phrases, showTime } from "./formatting.js";
import { clear, offer, say, show, showSkips, showTogether } from "./revert_dialog.js";
import { findNames, look, write } from "./revert_look.js";

/** @typedef {import("./revert_look.js").Found} Found */

const LISTED = 100; // of the imports of a revert

/** @type {Api.Import | null} */
let target = null;
let path = "";
let shownFor = -1;
/**
 * What is looked at while the dialog is open, and what was found; `forced` is how many changed rows can be forced.
 * @type {{asked: import("./revert_look.js").Asked, forced: number, found: Found | null} | null}
 */
let looking = null;

/**
 * Offer to revert what has committed, or say why that can't be.
 * @param {Api.Import} i
 * @param {boolean} [again] even if it is the same as before
 */
export async function showRevert(i, again = false) {
  if (isReturn(i) || (shownFor === i.sequence && !again)) return;
  if (i.state !== "committed" && !(isRevert(i) && isFinal(i.state))) return;
  shownFor = i.sequence;
  target = i;
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
  if (isRevert(i)) await listImports(known.imports);
  if (i.state !== "committed") return;
  const button = get("revert", HTMLButtonElement);
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
  const back = isRevert(i);
  if (i.reverted_by) why.textContent = "";
  else if (running) why.textContent = back ? "Its rows are being brought back." : "It is being reverted.";
  else if (i.source.kind === "revert" && !i.source.keep_images) why.textContent = phrases.no_copy;
  else if (!known.revertible) why.textContent = `${back ? "Its rows can’t be brought back" : "It can’t be reverted"}: ${known.reason}.`;
  else {
    const until = make("time");
    showTime(until, known.revertible_until);
    why.replaceChildren(back ? "Its rows can be brought back until " : "It can be reverted until ", until, ".");
  }
}

/**
 * What became of each import of a revert that has several.
 * @param {Api.RevertOutcome[]} imports
 */
async function listImports(imports) {
  get("reverted").hidden = imports.length < 2;
  if (imports.length < 2) return;
  const shown = imports.slice(0, LISTED);
  const names = await findNames(shown.map((one) => one.import));
  get("reverted-hint").textContent = imports.length > shown.length ? `the first ${LISTED} of ${count(imports.length)}` : count(imports.length);
  get("reverted-rows").replaceChildren(
    ...shown.map((one) => {
      const [row, cell, link] = [make("tr"), make("td"), make("a", names.get(one.import) ?? one.import)];
      link.href = `/imports/${encodeURIComponent(one.import)}`;
      cell.append(link);
      const way = Object.values(one.in_the_way).reduce((sum, number) => sum + number, 0);
      row.append(cell, ...[one.rows_deleted, one.rows_restored, way].map((number) => makeCell(count(number), "number")));
      return row;
    }),
  );
}

/** Look, with what is asked for now, and show what is found. */
async function lookNow() {
  const mine = looking;
  if (!mine || !target) return;
  const { asked } = mine;
  const isWanted = () => looking === mine && mine.asked === asked;
  const back = isRevert(target);
  mine.found = null;
  hideProblem("revert-problem");
  get("revert-go").hidden = true;
  try {
    const found = await look(path, asked, isWanted, say);
    if (!found || !isWanted()) return;
    if (!back) mine.forced = offer(found, asked) || mine.forced;
    await showTogether(found, target.id, isWanted);
    if (!isWanted()) return;
    mine.found = found;
    show(found, asked, mine.forced, back);
  } catch (error) {
    if (!isWanted()) return;
    if (get("revert-ask").hidden && get("revert-obstacles").hidden) {
      get("revert-dialog", HTMLDialogElement).close();
      showProblem(error);
    } else {
      say("The dry run found that this can’t be done.");
      showProblem(error, "revert-problem");
    }
  }
}

async function open() {
  const dialog = get("revert-dialog", HTMLDialogElement);
  const mine = { asked: { cascade: false, force: false }, forced: 0, found: null };
  looking = mine;
  hideProblem();
  clear();
  dialog.returnValue = "";
  dialog.showModal();
  const looked = lookNow();
  /** @type {Api.Reverts | null} */
  const known = await ask(`${path}/revert`).catch(() => null);
  if (known && !(target && isRevert(target))) await showSkips(known.later_skips, () => looking === mine);
  await looked;
}

/**
 * Ask for something else, and look again.
 * @param {Partial<import("./revert_look.js").Asked>} what
 */
function change(what) {
  if (!looking) return;
  looking.asked = { ...looking.asked, ...what };
  void lookNow();
}

/** @param {SubmitEvent} event */
async function submit(event) {
  const go = get("revert-go", HTMLButtonElement);
  if (event.submitter !== go) return;
  event.preventDefault(); // it stays open until the server has accepted it
  if (!looking?.found) return;
  const { asked, found } = looking;
  const reason = get("revert-reason", HTMLInputElement);
  const images = document.getElementById("revert-images");
  const json = {
    ...(found.run.rows_rejected ? { on_changed: "skip" } : {}),
    ...write(asked),
    expected: found.imports[0]?.fingerprint,
    ...(images instanceof HTMLInputElement && images.checked ? { keep_images: true } : {}),
    ...(reason.value.trim() ? { reason: reason.value.trim() } : {}),
  };
  go.disabled = true;
  hideProblem("revert-problem");
  try {
    /** @type {Api.Import} */
    const started = await ask(`${path}/revert`, { method: "POST", json });
    location.assign(started.links.page);
  } catch (error) {
    showProblem(error, "revert-problem");
    if (isAbout(error, "reason")) {
      reason.required = true;
      reason.focus();
    }
  } finally {
    go.disabled = false;
  }
}

/**
 * Whether the server has refused this field.
 * @param {unknown} error
 * @param {string} field
 */
function isAbout(error, field) {
  if (!(error instanceof Problem)) return false;
  const { errors = [] } = /** @type {{errors?: {field?: string}[]}} */ (error.document);
  return errors.some((one) => one.field === field);
}

if (document.getElementById("revert")) {
  const dialog = get("revert-dialog", HTMLDialogElement);
  const force = get("revert-force", HTMLInputElement);
  const cascade = get("revert-cascade", HTMLInputElement);
  get("revert").addEventListener("click", open);
  dialog.addEventListener("close", () => (looking = null));
  dialog.addEventListener("submit", submit);
  cascade.addEventListener("change", () => {
    force.value = "";
    change({ cascade: cascade.checked, force: false });
  });
  force.addEventListener("input", () => {
    const typed = force.value.replace(/[\s,]/g, "").toLowerCase();
    const isForced = looking !== null && (typed === String(looking.forced) || typed === "force");
    if (looking && isForced !== looking.asked.force) change({ force: isForced });
  });
  for (const field of [force, get("revert-reason")]) {
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it would press the first button
    });
  }
}
