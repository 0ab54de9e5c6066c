// What is in a file, before anything starts: its beginning is sent to be looked at, and kept nowhere.

import { ask } from "./api.js";

const BEGINNING = 256 * 1024;
const SHOWN = 20;
const WHOLE = /\.(xlsx|parquet)(\.(gz|zst))?$/i; // these can't be read in part
const MOST_WHOLE = 64 * 1024 * 1024;
const WORDS = { "\t": "tab", "": "none", true: "names", false: "a row" };
let asking = null;

export async function preview(file, options, place) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const whole = WHOLE.test(file.name) || ["xlsx", "parquet"].includes(options.get("format"));
  if (whole && file.size > MOST_WHOLE) {
    place.replaceChildren(sentence("hint", "The file is too large to be looked at first; it can be imported as it is."));
    return;
  }
  options.set("file_name", file.name);
  options.set("rows", SHOWN + 1); // one more than is shown says whether these are all
  if (!whole && file.size > BEGINNING) options.set("partial", "true");
  place.setAttribute("aria-busy", "true");
  try {
    const body = whole ? file : file.slice(0, BEGINNING);
    const headers = { "Content-Type": "application/octet-stream" };
    show(await ask(`/v1/previews?${options}`, { method: "POST", body, headers, signal }), place);
  } catch (error) {
    if (error.name === "AbortError") return;
    place.replaceChildren(sentence("problem", error.message));
  }
  if (!signal.aborted) place.removeAttribute("aria-busy");
}

function show(answer, place) {
  const rows = answer.rows.slice(0, SHOWN);
  const goesOn = answer.cut || answer.rows.length > SHOWN;
  const found = { ...answer, rows, goesOn, rejected: rows.filter((row) => row.reject).length };
  const parts = [sentence("hint", readAs(found))];
  if (found.problem) parts.push(sentence("problem", `It would not be imported: ${found.problem.message ?? found.problem.reason}`));
  else if (found.rejected) parts.push(sentence("problem", `${found.rows.length === 1 ? "This row" : `${found.rejected} of these ${found.rows.length} rows`} would not be accepted: the last column says why.`));
  if (found.rows.length) parts.push(table(found));
  place.replaceChildren(...parts);
  tellFound(found.reading);
}

function readAs({ reading, rows, goesOn, problem }) {
  const parts = [reading.format];
  if (reading.compression && reading.compression !== "none") parts.push(reading.compression);
  if (reading.encoding) parts.push(reading.encoding);
  if (reading.delimiter !== undefined) parts.push(`delimiter ${WORDS[reading.delimiter] ?? `“${reading.delimiter}”`}`);
  return `Read as ${parts.join(", ")}. ${howMany(rows.length, goesOn, problem)}`;
}

function howMany(number, goesOn, problem) {
  if (!number) return goesOn || problem ? "" : "It has no rows.";
  if (goesOn) return number === 1 ? "The first row:" : `The first ${number} rows:`;
  return number === 1 ? "Its only row:" : `All ${number} rows:`;
}

// What was found stands in each choice that can say otherwise.
function tellFound(reading) {
  for (const select of document.querySelectorAll("#reading select")) {
    const value = reading[select.name];
    select.options[0].textContent = value === undefined ? "as found" : `as found: ${WORDS[value] ?? value}`;
  }
}

function table(found) {
  const scroll = document.createElement("div");
  scroll.className = "scroll tall";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", "Table of the first rows");
  const made = document.createElement("table");
  made.className = "rows";
  const head = made.createTHead().insertRow();
  head.append(heading("Line"));
  for (const column of found.columns) {
    const cell = heading(column.name ?? "", place(column));
    if (column.name && ["unknown", "left_out"].includes(column.status)) cell.append(chooser(column, found));
    head.append(cell);
  }
  if (found.rejected) head.append(heading("Why not"));
  const body = made.createTBody();
  for (const row of found.rows) body.append(line(row, found));
  scroll.append(made);
  return scroll;
}

function place(column) {
  if (column.status !== "mapped") return { unknown: "not known", left_out: "left out", doubled: "twice", unnamed: "no name" }[column.status];
  return column.column === column.name ? "" : `→ ${column.column}`;
}

// Where a column goes that the dataset does not know: what is chosen becomes the option `columns`.
function chooser(column, found) {
  const select = document.createElement("select");
  select.setAttribute("aria-label", `Column ${column.name} goes to`);
  const choices = [["?", "choose…"], ...found.missing.map((name) => [`=${name}`, `→ ${name}`]), ["-", "leave it out"]];
  for (const [value, text] of choices) select.add(new Option(text, value));
  select.value = column.status === "left_out" ? "-" : "?";
  select.addEventListener("change", () => {
    const field = document.querySelector("#reading [name=columns]");
    let said = {};
    try {
      said = JSON.parse(field.value || "{}");
    } catch {
      // what was typed is no mapping: it is replaced
    }
    delete said[column.name];
    if (select.value !== "?") said[column.name] = select.value === "-" ? null : select.value.slice(1);
    field.value = Object.keys(said).length ? JSON.stringify(said) : "";
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  return select;
}

function heading(text, under = "") {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.textContent = text;
  if (under) {
    const small = document.createElement("small");
    small.textContent = under;
    cell.append(small);
  }
  return cell;
}

function line(row, found) {
  const made = document.createElement("tr");
  made.className = row.reject ? "rejected" : "";
  made.append(cell(row.line, "number"));
  found.columns.forEach((column, position) => {
    const isWrong = row.reject && row.reject.column !== null && row.reject.column === column.column;
    made.append(cell(row.values[position], isWrong ? "cell wrong" : "cell"));
  });
  if (found.rejected) made.append(cell(row.reject ? row.reject.reason : "", "cell"));
  return made;
}

function cell(value, kind) {
  const made = document.createElement("td");
  const words = document.createElement("span");
  made.className = kind;
  words.textContent = value ?? "–";
  made.append(words);
  return made;
}

function sentence(kind, text) {
  const made = document.createElement("p");
  made.className = kind;
  made.textContent = text;
  return made;
}
