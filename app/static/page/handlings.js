// The latest handlings, each followed live, with their buttons: stop, retry, packing slips.

import { ask } from "./api.js";
import { find, get, hideProblem, make, showProblem } from "./dom.js";
import { makeBadge } from "./draw.js";
import { count, phrases, share, showTime, stateName } from "./formatting.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";

const MAX_LINES = 10;
const asksWho = "who" in get("handlings").dataset;
const AT_REST = ["done", "failed", "stopped"];
const table = get("handlings", HTMLTableElement);
const body = find(table, "tbody", HTMLTableSectionElement);
/** @type {Set<string>} */
const followed = new Set();
let react = () => {};

/**
 * @param {() => void} reaction to progress of a handling
 */
export function onProgress(reaction) {
  react = reaction;
}

export async function showHandlings() {
  /** @type {Api.HandlingList} */
  const { handlings } = await ask(`/v1/handlings?limit=${MAX_LINES}`);
  for (const handling of handlings.reverse()) showHandling(handling);
}

/** @param {Api.Handling} handling */
export function showHandling(handling) {
  const line = Array.from(body.rows).find((row) => row.dataset.id === handling.id) ?? addLine(handling);
  if (Number(line.dataset.sequence) > handling.sequence) return;
  const before = line.dataset.state;
  line.dataset.sequence = String(handling.sequence);
  line.dataset.state = handling.state;
  drawHandling(line, handling);
  if (!AT_REST.includes(handling.state)) followHandling(line, handling);
  else {
    followed.delete(handling.id);
    if (before && before !== handling.state) speak(`Handling: ${stateName(handling.state)}`);
  }
}

/** @param {Api.Handling} handling */
function addLine(handling) {
  const line = make("tr");
  line.dataset.id = handling.id;
  const parts = { state: "", started: "", bar: "", done: "number", failed: "number", left: "number", ...(asksWho ? { who: "" } : {}) };
  for (const [part, kind] of Object.entries(parts)) {
    const cell = make("td", null, kind);
    cell.dataset.part = part;
    line.append(cell);
  }
  line.append(makeActions(handling, line));
  body.prepend(line);
  while (body.rows.length > MAX_LINES) body.deleteRow(-1);
  table.hidden = false;
  get("no-handlings").hidden = true;
  return line;
}

/**
 * Whether a retry continues with the orders that are left, as after a stop, or takes those that failed.
 * @param {Api.Handling} handling
 */
const hasRest = (handling) => handling.state === "stopped" || !handling.orders_failed;

/**
 * @param {HTMLTableRowElement} line
 * @param {Api.Handling} handling
 */
function drawHandling(line, handling) {
  const part = (/** @type {string} */ name) => find(line, `[data-part=${name}]`);
  const time = make("time");
  showTime(time, handling.created_at);
  const progress = make("progress");
  progress.max = 100;
  progress.value = handling.percent;
  progress.setAttribute("aria-label", `Progress of the handling of ${handling.orders_total} orders`);
  part("state").replaceChildren(makeBadge(handling.state));
  part("started").replaceChildren(time);
  part("bar").replaceChildren(progress, ` ${share(handling.percent)}`);
  part("done").textContent = count(handling.orders_done);
  part("failed").textContent = count(handling.orders_failed);
  part("left").textContent = count(handling.orders_pending);
  if (asksWho) part("who").replaceChildren(...drawWho(handling));
  part("stop").hidden = !["queued", "running"].includes(handling.state);
  part("retry").hidden = !["failed", "stopped"].includes(handling.state);
  part("retry").textContent = hasRest(handling) ? "Continue with the rest" : "Retry the failed orders";
  line.dataset.rest = String(hasRest(handling));
  part("slips").hidden = !handling.orders_done;
}

/** @param {Api.Handling} handling */
function drawWho({ created_by: maker, stopped_by: stopper }) {
  const said = [[maker, ""], [stopper, `${phrases.stopped_by} `]].filter(([name]) => name);
  return said.flatMap(([name, words], at) => {
    const by = make("span", `${words}${name}`, "by");
    by.title = name ?? "";
    return at ? [", ", by] : [by];
  });
}

/**
 * @param {Api.Handling} handling
 * @param {HTMLTableRowElement} line
 */
function makeActions(handling, line) {
  const cell = make("td", null, "together");
  const stop = makeButton("Stop", () => ask(handling.links.stop, { method: "POST" }));
  stop.dataset.part = "stop";
  const retry = makeButton("Retry", () =>
    ask(handling.links.retry, { method: "POST", json: { pending: line.dataset.rest === "true" } }),
  );
  retry.dataset.part = "retry";
  const slips = make("a", "Slips");
  slips.dataset.part = "slips";
  slips.href = handling.links.slips;
  cell.append(stop, retry, slips, make("span", null, "liveness"));
  return cell;
}

/**
 * @param {string} text
 * @param {() => Promise<Api.Handling>} act
 */
function makeButton(text, act) {
  const button = make("button", text);
  button.type = "button";
  button.addEventListener("click", async () => {
    hideProblem();
    try {
      showHandling(await act());
    } catch (error) {
      showProblem(error);
    }
  });
  return button;
}

/**
 * @param {HTMLTableRowElement} line
 * @param {Api.Handling} handling
 */
function followHandling(line, handling) {
  if (followed.has(handling.id)) return;
  followed.add(handling.id);
  follow({
    url: (last) => `${handling.links.events}?after=${last ?? line.dataset.sequence}`,
    on: {
      handling: (/** @type {Api.Handling} */ now) => {
        showHandling(now);
        react();
      },
      end: () => {
        showHandlings().catch(showProblem);
        react();
      },
    },
    poll: async () => {
      showHandling(await ask(handling.links.self));
      react();
    },
    indicator: find(line, ".liveness"),
  });
}
