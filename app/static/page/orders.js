// Orders: search, selection, and the question before they are handled. The selection is the same in all tabs.

import { ask } from "./api.js";
import { find, get, hideProblem, make, showProblem } from "./dom.js";
import { makeBadge } from "./draw.js";
import { count } from "./formatting.js";
import { speak } from "./frame.js";
import { onProgress, showHandling, showHandlings } from "./handlings.js";
import { showHistory } from "./history.js";

const PAGE = 50;
const REFRESH_MILLISECONDS = 1000;
const POLL_MILLISECONDS = 2000;
const HANDLEABLE = ["pending", "paid"];
const FILTERS = ["search", "status", "marketplace", "import"];
const table = get("orders", HTMLTableElement);
const handle = get("handle", HTMLButtonElement);
const mode = get("mode", HTMLSelectElement);
const concurrency = get("concurrency", HTMLInputElement);
const pageAll = get("page-all", HTMLInputElement);
const dialog = get("sure", HTMLDialogElement);
const STORED = `orders:${location.search}`; // where the selection is kept, for other tabs and a reload

/** @typedef {{all: boolean, ids: string[]}} Selection all that match, or these */

/** @type {Api.OrderList} */
let page = { count: 0, active: 0, orders: [], next: null };
/** @type {string | null} */
let path = null; // of a page that is not the first
let selection = readSelection();
/** @type {number | undefined} */
let refreshing;

// --- orders

function filters() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]).filter(([, value]) => value));
}

async function load() {
  page = await ask(path ?? `/v1/orders?${new URLSearchParams({ ...filters(), limit: String(PAGE) })}`);
  const shown = new Set(page.orders.map((order) => order.id));
  selection.ids = selection.ids.filter((id) => shown.has(id));
  drawOrders();
}

/** @param {string | null} next */
function turnTo(next) {
  path = next;
  selection = { all: false, ids: [] };
  load().catch(showProblem);
}

function drawOrders() {
  const focused = document.activeElement instanceof HTMLElement && document.activeElement.dataset.key;
  find(table, "tbody").replaceChildren(...page.orders.map(drawOrder));
  if (focused) /** @type {HTMLElement | null} */ (table.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  table.hidden = !page.orders.length;
  get("no-orders").hidden = page.orders.length > 0;
  get("count").textContent = `${count(page.count)} match`;
  get("more").hidden = !page.next;
  get("first").hidden = !path;
  drawSelection();
}

/** @param {Api.ListedOrder} order */
function drawOrder(order) {
  const line = make("tr");
  const box = make("input");
  box.type = "checkbox";
  box.value = order.id;
  box.dataset.key = `tick-${order.id}`;
  box.setAttribute("aria-label", `Select order ${order.order_number}`);
  box.disabled = !HANDLEABLE.includes(order.status);
  box.addEventListener("change", () => {
    const ids = new Set(selection.all ? selectable() : selection.ids);
    if (box.checked) ids.add(order.id);
    else ids.delete(order.id);
    select({ all: false, ids: [...ids] });
  });
  const tick = make("td");
  tick.append(box);
  const number = make("th", order.order_number);
  number.scope = "row";
  const button = make("button", null, "quiet");
  button.type = "button";
  button.dataset.key = `history-${order.id}`;
  button.setAttribute("aria-haspopup", "dialog");
  button.append(order.handling ? makeBadge(order.handling.state) : "none yet");
  if (order.handling?.error) button.title = order.handling.error;
  button.addEventListener("click", () => showHistory(order).catch(showProblem));
  const handling = make("td");
  handling.append(button);
  line.append(
    tick,
    number,
    make("td", order.marketplace),
    make("td", order.customer),
    make("td", `${order.quantity} × ${order.sku}`),
    make("td", `${order.unit_price} ${order.currency}`, "number"),
    make("td", order.status),
    handling,
  );
  return line;
}

// --- selection

/** @returns {Selection} */
function readSelection() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return { all: stored.all === true, ids: Array.isArray(stored.ids) ? stored.ids : [] };
  } catch {
    return { all: false, ids: [] };
  }
}

/** @param {Selection} next */
function select(next) {
  selection = next;
  localStorage.setItem(STORED, JSON.stringify(selection));
  drawSelection();
}

const selectable = () => page.orders.filter((order) => HANDLEABLE.includes(order.status)).map((order) => order.id);

function drawSelection() {
  const { all } = selection;
  const ids = new Set(selection.ids);
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (table.querySelectorAll("tbody input"))) {
    box.checked = !box.disabled && (all || ids.has(box.value));
  }
  const number = all ? page.count : ids.size;
  const busy = all ? page.active > 0 : page.orders.some((order) => ids.has(order.id) && order.handling?.active);
  handle.disabled = !number || busy;
  handle.textContent = number ? `Handle ${count(number)}` : "Handle";
  get("sure-count").textContent = number === 1 ? "1 order" : `${count(number)} orders`;
  get("why").textContent = busy ? "Some of these orders are being handled already. Wait until that has ended." : "";
  pageAll.checked = selectable().length > 0 && (all || selectable().every((id) => ids.has(id)));
  const canTakeAll = HANDLEABLE.includes(filters().status ?? "");
  get("all").hidden = !canTakeAll || all || page.count <= selectable().length;
  get("all").textContent = `Select all ${count(page.count)} that match`;
  concurrency.disabled = mode.value === "ordered";
}

// --- handling

function chosenOrders() {
  if (selection.all) return { filter: filters() };
  return { orders: page.orders.map((order) => order.id).filter((id) => selection.ids.includes(id)) };
}

async function startHandling() {
  handle.disabled = true;
  const parallel = mode.value === "ordered" ? {} : { concurrency: Number(concurrency.value) };
  try {
    const json = { mode: mode.value, ...chosenOrders(), ...parallel };
    showHandling(await ask("/v1/handlings", { method: "POST", json }));
    speak("The handling was accepted");
  } catch (error) {
    showProblem(error);
  }
  await load().catch(showProblem);
}

function refresh() {
  refreshing ??= setTimeout(() => {
    refreshing = undefined;
    load().catch(showProblem);
  }, REFRESH_MILLISECONDS);
}

pageAll.addEventListener("change", () => select({ all: false, ids: pageAll.checked ? selectable() : [] }));
get("all").addEventListener("click", () => select({ all: true, ids: [] }));
mode.addEventListener("change", drawSelection);
addEventListener("storage", (event) => {
  if (event.key !== STORED) return;
  selection = readSelection();
  drawSelection();
});
get("more").addEventListener("click", () => turnTo(page.next));
get("first").addEventListener("click", () => turnTo(null));
handle.addEventListener("click", () => {
  hideProblem();
  dialog.returnValue = "";
  dialog.showModal();
});
dialog.addEventListener("close", () => {
  if (dialog.returnValue === "handle") startHandling();
});

const generator = get("generate", HTMLFormElement);
generator.addEventListener("submit", async (event) => {
  event.preventDefault();
  hideProblem();
  try {
    const json = { generate: find(generator, "[name=rows]", HTMLInputElement).valueAsNumber };
    /** @type {Api.Import} */
    const started = await ask("/v1/imports", { method: "POST", json });
    location.assign(started.links.page);
  } catch (error) {
    showProblem(error);
  }
});

for (const [name, value] of Object.entries(filters())) {
  const field = get("filter", HTMLFormElement).elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
}
onProgress(refresh);
load().catch(showProblem);
showHandlings().catch(showProblem);
// what another tab starts is seen here too
setInterval(() => document.hidden || showHandlings().then(load).catch(showProblem), POLL_MILLISECONDS);
