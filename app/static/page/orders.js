// Orders: found, chosen, handled; each handling followed live.

import { ask } from "./api.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";
import { count, share, tellTime } from "./formatting.js";

const PAGE = 50;
const REFRESH_MILLISECONDS = 1000;
const RESTING = ["done", "failed", "stopped"];
const HANDLEABLE = ["pending", "paid"];
const WORDS = {
  queued: "Queued", running: "Running", stopping: "Stopping", stopped: "Stopped", done: "Done", failed: "Failed",
  pending: "Waiting", interrupted: "Interrupted",
};
const get = (id) => document.getElementById(id);
const filter = get("filter");
const remembered = `orders:${location.search}`; // another tab and a reload have the same selection

let page = { count: 0, active: 0, orders: [], next: null };
let path = null;
let chosen = read(); // {ids: [...]} or {all: true}
let refreshing = null;
const followed = new Map();

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(remembered));
    return kept && (kept.all || Array.isArray(kept.ids)) ? kept : { ids: [] };
  } catch {
    return { ids: [] };
  }
}

function choose(next) {
  chosen = next;
  localStorage.setItem(remembered, JSON.stringify(chosen));
  drawChoice();
}

// --- orders -----------------------------------------------------------------------------------------------------------

function filters() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(["search", "status", "marketplace", "import"].flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])));
}

const firstPath = () => `/v1/orders?${new URLSearchParams({ ...filters(), limit: PAGE })}`;

async function load() {
  page = await ask(path || firstPath());
  const there = new Set(page.orders.map((order) => order.id));
  if (!chosen.all) chosen.ids = chosen.ids.filter((id) => there.has(id));
  drawOrders();
}

function cell(tag, text, kind) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.textContent = text ?? "";
  return element;
}

function badge(state, text) {
  const element = cell("span", text || WORDS[state] || state, "badge");
  element.dataset.state = state;
  return element;
}

function drawOrders() {
  const focused = document.activeElement?.dataset?.key;
  get("orders").tBodies[0].replaceChildren(...page.orders.map(drawOrder));
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  get("orders").hidden = !page.orders.length;
  get("no-orders").hidden = page.orders.length > 0;
  get("count").textContent = `${count(page.count)} match`;
  get("more").hidden = !page.next;
  get("first").hidden = !path;
  drawChoice();
}

function drawOrder(order) {
  const line = document.createElement("tr");
  line.dataset.id = order.id;
  const tick = document.createElement("td");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.dataset.key = `tick-${order.id}`;
  box.setAttribute("aria-label", `Select order ${order.order_number}`);
  box.disabled = !HANDLEABLE.includes(order.status);
  box.checked = !box.disabled && (chosen.all || chosen.ids.includes(order.id));
  box.addEventListener("change", () => {
    const ids = new Set(chosen.all ? selectable().map((one) => one.id) : chosen.ids);
    if (box.checked) ids.add(order.id);
    else ids.delete(order.id);
    choose({ ids: [...ids] });
  });
  tick.append(box);
  const number = cell("th", order.order_number);
  number.scope = "row";
  const handling = document.createElement("td");
  const button = cell("button", "", "quiet");
  button.type = "button";
  button.dataset.key = `history-${order.id}`;
  button.setAttribute("aria-haspopup", "dialog");
  button.append(order.handling ? badge(order.handling.state) : "none yet");
  if (order.handling?.error) button.title = order.handling.error;
  button.addEventListener("click", () => showHistory(order));
  handling.append(button);
  const article = `${order.quantity} × ${order.sku}`;
  const price = `${order.unit_price} ${order.currency}`;
  line.append(tick, number, cell("td", order.marketplace), cell("td", order.customer), cell("td", article), cell("td", price, "number"), cell("td", order.status), handling);
  return line;
}

// --- what is chosen ---------------------------------------------------------------------------------------------------

const selectable = () => page.orders.filter((order) => HANDLEABLE.includes(order.status));
const canTakeAll = () => HANDLEABLE.includes(filters().status);

function drawChoice() {
  const ids = new Set(chosen.ids || []);
  for (const box of get("orders").querySelectorAll("tbody input")) {
    box.checked = !box.disabled && (chosen.all || ids.has(box.closest("tr").dataset.id));
  }
  const number = chosen.all ? page.count : ids.size;
  const busy = chosen.all ? page.active > 0 : page.orders.some((order) => ids.has(order.id) && order.handling?.active);
  get("handle").disabled = !number || busy;
  get("handle").textContent = number ? `Handle ${count(number)}` : "Handle";
  get("why").textContent = busy ? "Of these, some are being handled already: wait until that has ended." : "";
  get("page-all").checked = selectable().length > 0 && (chosen.all || selectable().every((order) => ids.has(order.id)));
  get("all").hidden = !canTakeAll() || chosen.all || page.count <= selectable().length;
  get("all").textContent = `Select all ${count(page.count)} that match`;
  get("concurrency").disabled = get("mode").value === "ordered";
}

get("page-all").addEventListener("change", (event) => choose({ ids: event.target.checked ? selectable().map((order) => order.id) : [] }));
get("all").addEventListener("click", () => choose({ all: true }));
get("mode").addEventListener("change", drawChoice);
addEventListener("storage", (event) => {
  if (event.key !== remembered) return;
  chosen = read();
  drawChoice();
});
get("more").addEventListener("click", () => turn(page.next));
get("first").addEventListener("click", () => turn(null));

function turn(next) {
  path = next;
  chosen = { ids: [] };
  load().catch(complain);
}

// --- handling ---------------------------------------------------------------------------------------------------------

function complain(error) {
  const problem = get("problem");
  problem.textContent = error.message;
  problem.hidden = false;
}

get("handle").addEventListener("click", () => {
  get("problem").hidden = true;
  const number = get("handle").textContent.replace("Handle ", "");
  get("sure-count").textContent = number === "1" ? "1 order" : `${number} orders`;
  get("sure").returnValue = "";
  get("sure").showModal();
});

get("sure").addEventListener("close", async () => {
  if (get("sure").returnValue !== "handle") return;
  get("handle").disabled = true;
  const mode = get("mode").value;
  const wish = { mode, ...(chosen.all ? { filter: filters() } : { orders: page.orders.filter((order) => chosen.ids.includes(order.id)).map((order) => order.id) }) };
  if (mode === "parallel") wish.concurrency = Number(get("concurrency").value);
  try {
    put(await ask("/v1/handlings", { method: "POST", json: wish }));
    speak("The handling was accepted");
  } catch (error) {
    complain(error);
  }
  await load().catch(complain);
});

get("generate").addEventListener("submit", async (event) => {
  event.preventDefault();
  get("problem").hidden = true;
  try {
    const row = await ask("/v1/imports", { method: "POST", json: { generate: Number(event.target.rows.valueAsNumber ?? event.target.elements.rows.value) } });
    location.assign(row.links.page);
  } catch (error) {
    complain(error);
  }
});

// --- handlings --------------------------------------------------------------------------------------------------------

async function list() {
  const { handlings } = await ask("/v1/handlings?limit=10");
  for (const handling of handlings.reverse()) put(handling);
}

function put(handling) {
  const body = get("handlings").tBodies[0];
  let line = body.querySelector(`tr[data-id="${CSS.escape(handling.id)}"]`);
  if (line && Number(line.dataset.sequence) > handling.sequence) return;
  if (!line) {
    line = document.createElement("tr");
    line.dataset.id = handling.id;
    for (let place = 0; place < 7; place += 1) line.append(document.createElement("td"));
    body.prepend(line);
    while (body.rows.length > 10) body.rows[10].remove();
    get("handlings").hidden = false;
    get("no-handlings").hidden = true;
  }
  const before = line.dataset.state;
  line.dataset.sequence = handling.sequence;
  line.dataset.state = handling.state;
  // given up before an order failed, it has the rest to go on with, as after a stop
  line.dataset.rests = handling.state === "stopped" || !handling.orders_failed;
  drawHandling(line, handling);
  if (before && before !== handling.state && RESTING.includes(handling.state)) speak(`Handling: ${WORDS[handling.state]}`);
  if (RESTING.includes(handling.state)) followed.delete(handling.id);
  else watch(line, handling);
}

function drawHandling(line, handling) {
  const [state, begun, bar, done, failed, left, actions] = line.cells;
  if (!actions.firstChild) makeActions(actions, handling);
  state.replaceChildren(badge(handling.state));
  const time = document.createElement("time");
  tellTime(time, handling.created_at);
  begun.replaceChildren(time);
  const progress = document.createElement("progress");
  progress.max = 100;
  progress.value = handling.percent;
  progress.setAttribute("aria-label", `Progress of the handling of ${handling.orders_total} orders`);
  bar.replaceChildren(progress, ` ${share(handling.percent)}`);
  for (const [place, number] of [[done, handling.orders_done], [failed, handling.orders_failed], [left, handling.orders_pending]]) {
    place.className = "number";
    place.textContent = count(number);
  }
  const [stop, retry, slips] = actions.children;
  stop.hidden = !["queued", "running"].includes(handling.state);
  retry.hidden = !["failed", "stopped"].includes(handling.state);
  retry.textContent = line.dataset.rests === "true" ? "Go on with the rest" : "Retry what failed";
  slips.hidden = !handling.orders_done;
}

function makeActions(place, handling) {
  const act = (name, verb, json) => {
    const button = cell("button", name);
    button.type = "button";
    button.addEventListener("click", async () => {
      get("problem").hidden = true;
      try {
        put(await ask(`/v1/handlings/${handling.id}/${verb}`, { method: "POST", json: json() }));
      } catch (error) {
        complain(error);
      }
    });
    return button;
  };
  const slips = cell("a", "Slips");
  slips.href = handling.links.slips;
  const liveness = cell("span", "", "liveness");
  place.className = "together";
  const rests = () => place.closest("tr").dataset.rests === "true";
  place.append(act("Stop", "stop", () => undefined), act("Retry", "retry", () => ({ pending: rests() })), slips, liveness);
}

function watch(line, handling) {
  if (followed.has(handling.id)) return;
  followed.set(handling.id, true);
  follow({
    url: (last) => `${handling.links.events}?after=${last ?? line.dataset.sequence}`,
    on: { handling: (now) => { put(now); refresh(); }, end: () => { list().catch(complain); refresh(); } },
    poll: async () => { put(await ask(handling.links.self)); refresh(); },
    indicator: line.querySelector(".liveness"),
  });
}

function refresh() {
  refreshing ??= setTimeout(() => {
    refreshing = null;
    load().catch(complain);
  }, REFRESH_MILLISECONDS);
}

// --- history ----------------------------------------------------------------------------------------------------------

async function showHistory(order) {
  get("history-order").textContent = `${order.order_number} (${order.id})`;
  get("steps").replaceChildren();
  get("slip").hidden = true;
  try {
    const { steps } = await ask(order.links.history);
    get("no-steps").hidden = steps.length > 0;
    get("steps").replaceChildren(...steps.map(drawStep));
    get("slip").hidden = !steps.some((step) => step.step === "create_shipment" && step.state === "done");
    get("slip").href = `/v1/orders/${order.id}/slip`;
    get("history").showModal();
  } catch (error) {
    complain(error);
  }
}

function drawStep(step) {
  const line = document.createElement("tr");
  const name = cell("th", step.step.replaceAll("_", " "));
  name.scope = "row";
  const state = document.createElement("td");
  state.append(badge(step.state));
  const ended = document.createElement("td");
  const time = document.createElement("time");
  if (step.ended_at) tellTime(time, step.ended_at);
  ended.append(time);
  const answer = step.error || Object.values(step.answer || {}).join(", ");
  line.append(name, state, cell("td", step.tries, "number"), ended, cell("td", answer), cell("td", step.asked_by));
  return line;
}

for (const [name, value] of Object.entries(filters())) filter.elements[name].value = value;
load().catch(complain);
list().catch(complain);
// what another tab begins is seen here too
setInterval(() => document.hidden || list().then(() => load()).catch(complain), 2000);
