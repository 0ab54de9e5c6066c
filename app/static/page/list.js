// The list of imports, kept up to date.

import { ask } from "./api.js";
import { draw } from "./draw.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";
import { FINAL, STATES, name } from "./formatting.js";

const list = document.getElementById("list");
const body = list.querySelector("tbody");
const template = document.getElementById("line");
const wanted = list.dataset.state ? list.dataset.state.split(",") : null;
const isFirst = list.dataset.first === "1";
const most = 50;
const known = new Map(); // states, for what is spoken

for (const line of body.rows) known.set(line.dataset.id, line.querySelector(".badge").dataset.state);

const find = (id) => Array.from(body.rows).find((line) => line.dataset.id === id);

function put(i) {
  let line = find(i.id);
  const fits = !wanted || wanted.includes(i.state);
  if (!line && fits && isFirst && isNewest(i)) line = add(i);
  if (!line) return;
  if (!draw(line, i)) return;
  const before = known.get(i.id);
  known.set(i.id, i.state);
  if (before !== i.state && FINAL.includes(i.state)) speak(`${name(i.source)}: ${STATES[i.state]}`);
}

function isNewest(i) {
  const last = body.rows[body.rows.length - 1];
  return body.rows.length < most || !last || i.created_at > last.querySelector("time").dateTime;
}

function add(i) {
  const line = template.content.firstElementChild.cloneNode(true);
  const older = Array.from(body.rows).find((other) => other.querySelector("time").dateTime < i.created_at);
  body.insertBefore(line, older || null);
  if (body.rows.length > most) body.rows[body.rows.length - 1].remove();
  list.querySelector("table").hidden = false;
  document.getElementById("empty").hidden = true;
  return line;
}

async function poll() {
  const query = new URLSearchParams(location.search);
  query.set("limit", most);
  const { imports } = await ask(`/v1/imports?${query}`);
  for (const i of imports.reverse()) put(i);
}

follow({
  url: (last) => `/v1/events?after=${encodeURIComponent(last ?? list.dataset.after)}`,
  on: { imports: (data) => data.imports.forEach(put), reset: poll },
  poll,
  indicator: document.getElementById("liveness"),
});
