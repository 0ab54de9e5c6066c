// The first rejected rows of an import, as it goes on and at its end.

import { ask } from "./api.js";
import { FINAL, count } from "./formatting.js";

const section = document.getElementById("rejects");
const body = section.querySelector("tbody");
const most = Number(section.dataset.shown);
let shownFor = null;

// They are on the disk when the import is decided.
export async function showRejects(i) {
  if (!i.rows_rejected) return;
  section.hidden = false;
  document.getElementById("rejects-hint").textContent =
    i.rows_rejected > most ? `the first ${most} of ${count(i.rows_rejected)}` : count(i.rows_rejected);
  if (!FINAL.includes(i.state) || shownFor === i.sequence) return;
  shownFor = i.sequence;
  try {
    const { rejects } = await ask(`/v1/imports/${i.id}/rejects`);
    body.replaceChildren(...rejects.slice(0, most).map(line));
  } catch (error) {
    document.getElementById("rejects-hint").textContent = error.message;
    document.getElementById("rejects-file").hidden = true;
  }
}

function line(reject) {
  const row = document.createElement("tr");
  for (const text of [reject.line ?? reject.row, reject.column, reject.value, reject.reason, raw(reject)]) {
    const cell = document.createElement("td");
    const words = document.createElement("span"); // of a long one the beginning; the file has all of it
    words.textContent = text ?? "–";
    cell.className = row.childElementCount ? "cell" : "number";
    cell.append(words);
    row.append(cell);
  }
  return row;
}

function raw({ values, text }) {
  return values == null ? text : values.map((value) => value ?? "").join(" | ");
}
