// The preview of a file before its upload: its first part is sent to the server, which does not keep it.

import { ask, isAbort } from "./api.js";
import { find, get, make, makeCell, messageOf } from "./dom.js";

const FIRST_PART = 256 * 1024;
const MAX_ROWS = 20;
const WHOLE = /\.((xlsx|ods|parquet)(\.(gz|zst))?|zip)$/i; // these can't be read in part
const MAX_WHOLE = 64 * 1024 * 1024;
/** @type {Record<string, string>} */
const VALUES = { "\t": "tab", "": "none", true: "column names", false: "a data row" };
/** @type {Record<string, string>} */
const STATUSES = { unknown: "unknown", left_out: "ignored", doubled: "duplicate", unnamed: "no name" };
/** @type {AbortController | null} */
let asking = null;

/** @typedef {Api.Preview & {goesOn: boolean}} Found rows has at most MAX_ROWS; rejected counts those */

/**
 * @param {File} file
 * @param {URLSearchParams} options
 * @param {HTMLElement} place
 * @returns {Promise<Api.Preview | null>} what was shown; null if nothing could be
 */
export async function preview(file, options, place) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const whole = WHOLE.test(file.name) || ["xlsx", "ods", "parquet"].includes(options.get("format") ?? "");
  if (whole && file.size > MAX_WHOLE) {
    place.replaceChildren(make("p", "The file is too large for a preview. You can import it as it is.", "hint"));
    return null;
  }
  options.set("file_name", file.name);
  options.set("rows", String(MAX_ROWS + 1)); // one more than is shown: then the page knows whether these are all
  if (!whole && file.size > FIRST_PART) options.set("partial", "true");
  place.setAttribute("aria-busy", "true");
  /** @type {Api.Preview | null} */
  let shown = null;
  try {
    const body = whole ? file : file.slice(0, FIRST_PART);
    const headers = { "Content-Type": "application/octet-stream" };
    shown = show(await ask(`/v1/previews?${options}`, { method: "POST", body, headers, signal }), place);
  } catch (error) {
    if (isAbort(error)) return null;
    place.replaceChildren(make("p", messageOf(error), "problem"));
  }
  if (!signal.aborted) place.removeAttribute("aria-busy");
  return shown;
}

/**
 * @param {Api.Preview} answer
 * @param {HTMLElement} place
 */
function show(answer, place) {
  const rows = answer.rows.slice(0, MAX_ROWS);
  const goesOn = answer.cut || answer.rows.length > MAX_ROWS;
  const found = { ...answer, rows, goesOn, rejected: rows.filter((row) => row.reject).length };
  const parts = [make("p", summary(found), "hint"), ...warnings(found)];
  place.replaceChildren(...parts, ...suggestions(found), ...(rows.length ? [table(found)] : []), ...constants(found));
  showDetected(found.file_format);
  return answer;
}

/** @param {Found} found */
function warnings({ problem, rejected, rows }) {
  if (problem) return [make("p", `This import would fail: ${problem.message ?? problem.reason}`, "problem")];
  if (!rejected) return [];
  const which = rows.length === 1 ? "This row is" : `${rejected} of these ${rows.length} rows ${rejected === 1 ? "is" : "are"}`;
  return [make("p", `${which} invalid: the last column says why.`, "problem")];
}

/** @param {Found} found */
function summary({ file_format: fileFormat, rows, goesOn, problem }) {
  const parts = [fileFormat.format];
  if (fileFormat.compression && fileFormat.compression !== "none") parts.push(fileFormat.compression);
  if (fileFormat.encoding) parts.push(String(fileFormat.encoding));
  if (fileFormat.delimiter !== undefined) {
    const delimiter = String(fileFormat.delimiter);
    parts.push(`delimiter ${VALUES[delimiter] ?? `“${delimiter}”`}`);
  }
  if (fileFormat.sheet) parts.push(fileFormat.sheet === "*" ? "all sheets" : `sheet “${fileFormat.sheet}”`);
  return `Read as ${parts.join(", ")}. ${howMany(rows.length, goesOn, problem !== null)}`;
}

/**
 * @param {number} number
 * @param {boolean} goesOn
 * @param {boolean} fails
 */
function howMany(number, goesOn, fails) {
  if (!number) return goesOn || fails ? "" : "The file has no rows.";
  if (goesOn) return number === 1 ? "The first row:" : `The first ${number} rows:`;
  return number === 1 ? "Its only row:" : `All ${number} rows:`;
}

/**
 * Show what was detected in the choices that can override it.
 * @param {Api.PreviewFileFormat} fileFormat
 */
function showDetected(fileFormat) {
  for (const select of get("file-format").querySelectorAll("select")) {
    const value = fileFormat[select.name];
    const text = value === undefined ? "auto-detected" : `auto: ${VALUES[String(value)] ?? value}`;
    if (select.options[0]) select.options[0].textContent = text;
  }
}

/** @param {Found} found */
function table(found) {
  const scroll = make("div", null, "scroll tall");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", "Table of the first rows");
  const made = make("table", null, "rows");
  const head = made.createTHead().insertRow();
  head.append(heading("Line"));
  for (const column of found.columns) {
    const top = heading(column.name ?? "", target(column));
    if (column.name && ["unknown", "left_out"].includes(column.status)) top.append(chooser(column.name, column.status, found));
    head.append(top);
  }
  if (found.rejected) head.append(heading("Reason"));
  const body = made.createTBody();
  for (const row of found.rows) body.append(line(row, found));
  scroll.append(made);
  return scroll;
}

/** @param {Api.PreviewColumn} column */
function target(column) {
  if (column.status !== "mapped") return STATUSES[column.status];
  return column.column === column.name ? "" : `→ ${column.column}`;
}

/**
 * The choice of a dataset's column for one that the dataset does not know; it becomes the option `columns`.
 * @param {string} name
 * @param {string} status
 * @param {Found} found
 */
function chooser(name, status, found) {
  const select = make("select");
  select.setAttribute("aria-label", `Column ${name} goes to`);
  select.add(new Option("choose…", "?"));
  for (const missing of found.missing) select.add(new Option(`→ ${missing}`, `=${missing}`));
  select.add(new Option("ignore it", "-"));
  select.value = status === "left_out" ? "-" : "?";
  select.addEventListener("change", () => {
    changeMapping((mapping) => {
      delete mapping[name];
      if (select.value !== "?") mapping[name] = select.value === "-" ? null : select.value.slice(1);
    });
  });
  return select;
}

/**
 * The columns that the server suggests, with a button that puts them into the option `columns`.
 * @param {Found} found
 */
function suggestions(found) {
  const suggested = found.suggested_columns;
  if (!found.suggestions.length || !suggested) return [];
  const list = found.suggestions.map((each) => `${each.name} → ${each.column} (${each.reason})`).join(", ");
  const use = make("button", "Use these columns", "quiet");
  use.type = "button";
  use.addEventListener("click", () => setColumns(JSON.stringify(suggested)));
  const hint = make("p", `Suggested, not used yet: ${list}. `, "hint");
  hint.append(use);
  return [hint];
}

/**
 * A field for each column that the file lacks: its constant, the value that every row gets.
 * @param {Found} found
 */
function constants(found) {
  const names = [...new Set([...Object.keys(found.constants), ...found.missing])];
  if (!names.length) return [];
  const fields = make("fieldset", null, "fields");
  fields.append(make("legend", "Columns that the file lacks"));
  for (const name of names) {
    const label = make("label", `${name}, for every row `);
    const input = make("input");
    input.autocomplete = "off";
    input.placeholder = "a constant";
    input.value = found.constants[name] ?? "";
    input.addEventListener("change", () => setConstant(name, input.value));
    label.append(input);
    fields.append(label);
  }
  return [fields];
}

/**
 * @param {string} name
 * @param {string} value empty for no constant
 */
function setConstant(name, value) {
  const text = columnsField().value.trim();
  if (!text || text.startsWith("{")) {
    changeMapping((mapping) => {
      delete mapping[name];
      if (value) mapping[name] = { value };
    });
    return;
  }
  // a list of the file's columns, to which a constant is added
  const list = readJson(text.startsWith("[") ? text : JSON.stringify(text.split(",").map((each) => each.trim() || null)));
  const others = Array.isArray(list) ? list.filter((each) => each?.name !== name || each.value === undefined) : [];
  setColumns(JSON.stringify(value ? [...others, { name, value }] : others));
}

/** @param {(mapping: Record<string, unknown>) => void} change */
function changeMapping(change) {
  const found = readJson(columnsField().value || "{}");
  const mapping = found && !Array.isArray(found) ? found : {}; // what the user typed is no mapping: it is replaced
  change(mapping);
  setColumns(Object.keys(mapping).length ? JSON.stringify(mapping) : "");
}

function columnsField() {
  return find(get("file-format"), "[name=columns]", HTMLInputElement);
}

/** @param {string} text */
function setColumns(text) {
  const field = columnsField();
  field.value = text;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** @param {string} text */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {string} text
 * @param {string} [under]
 */
function heading(text, under) {
  const made = make("th", text);
  made.scope = "col";
  if (under) made.append(make("small", under));
  return made;
}

/**
 * @param {Api.PreviewRow} row
 * @param {Found} found
 */
function line(row, found) {
  const made = make("tr", null, row.reject ? "rejected" : "");
  made.append(makeCell(row.line, "number"));
  found.columns.forEach((column, position) => {
    const isWrong = row.reject && row.reject.column !== null && row.reject.column === column.column;
    made.append(makeCell(row.values[position], isWrong ? "cell wrong" : "cell"));
  });
  if (found.rejected) made.append(makeCell(row.reject ? row.reject.reason : "", "cell"));
  return made;
}
