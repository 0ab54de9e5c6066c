// The history of an order: the dialog with the steps of its handlings.

import { ask } from "./api.js";
import { get, make } from "./dom.js";
import { makeBadge } from "./draw.js";
import { showTime } from "./formatting.js";

const asksWho = Boolean(get("history").querySelector("table[data-who]"));
const link = get("slip", HTMLAnchorElement);

/** @param {Api.ListedOrder} order */
export async function showHistory(order) {
  /** @type {Api.OrderHistory} */
  const { steps } = await ask(order.links.history);
  get("history-order").textContent = `${order.order_number} (${order.id})`;
  get("no-steps").hidden = steps.length > 0;
  get("steps").replaceChildren(...steps.map(drawStep));
  link.hidden = !steps.some((step) => step.step === "create_shipment" && step.state === "done");
  link.href = `/v1/orders/${order.id}/slip`;
  get("history", HTMLDialogElement).showModal();
}

/** @param {Api.OrderHistory["steps"][number]} step */
function drawStep(step) {
  const line = make("tr");
  const name = make("th", step.step.replaceAll("_", " "));
  name.scope = "row";
  const state = make("td");
  state.append(makeBadge(step.state));
  const ended = make("td");
  const time = make("time");
  showTime(time, step.ended_at);
  ended.append(time);
  const response = step.error || Object.values(step.answer ?? {}).join(", ");
  line.append(name, state, make("td", step.tries, "number"), ended, make("td", response));
  if (asksWho) line.append(make("td", step.asked_by));
  return line;
}
