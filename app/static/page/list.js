// The list of imports, kept up to date.

import { ask } from "./api.js";
import { find, get } from "./dom.js";
import { draw } from "./draw.js";
import { isFinal, name, shownState, stateName } from "./formatting.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";

const MAX_LINES = 50;
const list = get("list");
const body = find(list, "tbody", HTMLTableSectionElement);
const template = get("line", HTMLTemplateElement);
const wanted = list.dataset.state ? list.dataset.state.split(",") : null;
const client = list.dataset.client;
const isFirst = list.dataset.first === "1";
/** @type {Map<string, string>} */
const states = new Map(); // by import, for what is spoken

for (const line of body.rows) states.set(line.dataset.id ?? "", find(line, ".badge").dataset.state ?? "");

/** @param {HTMLTableRowElement} line */
const createdAt = (line) => find(line, "time[data-f=created_at]", HTMLTimeElement).dateTime;

/** @param {Api.Import} i */
function update(i) {
  let line = Array.from(body.rows).find((one) => one.dataset.id === i.id);
  const fits = (!wanted || wanted.includes(i.state)) && (!client || i.created_by === client);
  if (!line && fits && isFirst && isNewest(i)) line = add(i);
  if (!line || !draw(line, i)) return;
  const before = states.get(i.id);
  const state = shownState(i);
  states.set(i.id, state);
  if (before !== state && isFinal(i.state)) speak(`${name(i.source)}: ${stateName(state)}`);
}

/** @param {Api.Import} i */
function isNewest(i) {
  const last = body.rows[body.rows.length - 1];
  return body.rows.length < MAX_LINES || !last || i.created_at > createdAt(last);
}

/** @param {Api.Import} i */
function add(i) {
  const line = document.importNode(template.content, true).querySelector("tr");
  if (!line) throw new Error("the template has no line");
  const older = Array.from(body.rows).find((other) => createdAt(other) < i.created_at);
  body.insertBefore(line, older ?? null);
  if (body.rows.length > MAX_LINES) body.deleteRow(-1);
  find(list, "table").hidden = false;
  get("empty").hidden = true;
  return line;
}

async function poll() {
  const query = new URLSearchParams(location.search);
  query.set("limit", String(MAX_LINES));
  /** @type {Api.ImportList} */
  const { imports } = await ask(`/v1/imports?${query}`);
  for (const i of imports.reverse()) update(i);
}

follow({
  url: (last) => `/v1/events?after=${encodeURIComponent(last ?? list.dataset.after ?? "")}`,
  on: { imports: (/** @type {Api.Changed} */ data) => data.imports.forEach(update), reset: poll },
  poll,
  indicator: get("liveness"),
});
