// The first rejected rows of an import: their number while it runs, the rows when it has ended.

import { ask } from "./api.js";
import { find, get, makeCell, messageOf } from "./dom.js";
import { count, isFinal, isRevert, phrases } from "./formatting.js";

const section = get("rejects");
const body = find(section, "tbody");
const shown = Number(section.dataset.shown);
/** @type {number | null} */
let shownFor = null;

/**
 * The server has the rows when the import is decided.
 * @param {Api.Import} i
 */
export async function showRejects(i) {
  if (!i.rows_rejected) return;
  section.hidden = false;
  const hint = get("rejects-hint");
  hint.textContent = i.rows_rejected > shown ? `the first ${shown} of ${count(i.rows_rejected)}` : count(i.rows_rejected);
  if (!isFinal(i.state) || shownFor === i.sequence) return;
  shownFor = i.sequence;
  try {
    /** @type {Api.RejectList} */
    const { rejects } = await ask(`/v1/imports/${i.id}/rejects`);
    body.replaceChildren(...rejects.slice(0, shown).map(isRevert(i) ? makeObstacle : makeLine));
  } catch (error) {
    hint.textContent = messageOf(error);
    get("rejects-file").hidden = true;
  }
}

/** @param {Api.Reject} reject */
function makeLine(reject) {
  const row = document.createElement("tr");
  row.append(makeCell(reject.line ?? reject.row, "number"));
  for (const text of [reject.column, reject.value, reject.reason, originalRow(reject)]) row.append(makeCell(text, "cell"));
  return row;
}

/**
 * A row that stands in the way of a revert.
 * @param {Api.Reject} reject
 */
export function makeObstacle(reject) {
  const row = document.createElement("tr");
  const where = reject.reason.split(":", 1)[0];
  const later = reject.reason.match(/ \(number [\d, ]+\)$/)?.[0] ?? "";
  for (const text of [`${phrases.obstacles[reject.code] ?? reject.code}${later}`, where]) row.append(makeCell(text, "cell"));
  return row;
}

/** @param {Api.Reject} reject */
function originalRow({ values, text }) {
  return values == null ? text : values.map((value) => value ?? "").join(" | ");
}
