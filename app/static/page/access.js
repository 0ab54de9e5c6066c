// Who may use the server: tokens are created, rotated and revoked here, sessions ended. A new token is in this page only
// until it is hidden or left: no address, storage or answer that a browser keeps has it.

import { ask } from "./api.js";
import { copyOnClick } from "./copy.js";
import { find, get, hideProblem, make, showProblem } from "./dom.js";
import { phrases, showTime } from "./formatting.js";
import { speak } from "./frame.js";

const words = phrases.access;
const form = get("create", HTMLFormElement);
const role = find(form, "[name=role]", HTMLSelectElement);
const sure = get("sure", HTMLDialogElement);
const rotation = get("rotate", HTMLDialogElement);
const secret = get("secret");
const tokens = get("tokens", HTMLTableSectionElement);
const sessions = get("sessions", HTMLTableSectionElement);
let shown = "";

async function show() {
  /** @type {[Api.TokenList, Api.SessionList]} */
  const [known, signedIn] = await Promise.all([ask("/v1/tokens"), ask("/v1/sessions")]);
  const text = JSON.stringify([known, signedIn]);
  if (text === shown) return; // what is in focus stays there
  shown = text;
  fill(tokens, known.tokens.map(drawToken), "no-tokens");
  fill(sessions, signedIn.sessions.map(drawSession), "no-sessions");
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {HTMLTableRowElement[]} lines
 * @param {string} empty the id of what stands for no line
 */
function fill(body, lines, empty) {
  body.replaceChildren(...lines);
  if (body.parentElement) body.parentElement.hidden = !lines.length;
  get(empty).hidden = lines.length > 0;
}

/** @param {Api.Token} token */
function drawToken(token) {
  const line = make("tr");
  line.dataset.id = token.id;
  const state = token.revoked_at ? "revoked" : token.live ? "live" : "expired";
  const datasets = token.datasets?.join(", ") ?? words.all_datasets;
  const last = makeTime(token.last_used_at);
  if (!token.last_used_at) last.textContent = words.never;
  const by = token.revoked_by ? `(${token.revoked_by})` : "";
  line.append(makeHead(token.name), makeText(roleOf(token.scopes)), makeText(datasets), makeState(state, by));
  line.append(makeTime(token.expires_at), last, makeTime(token.created_at), makeText(token.created_by), makeText(token.id));
  const actions = make("td");
  if (token.live) {
    const both = make("div", null, "together");
    both.append(
      makeButton(words.actions.rotate, token.name, () => rotate(token)),
      makeButton(words.actions.revoke, token.name, () =>
        question(words.revoke, token.name, token.id, `/v1/tokens/${encodeURIComponent(token.id)}`),
      ),
    );
    actions.append(both);
  }
  line.append(actions);
  return line;
}

/** @param {Api.Session} session */
function drawSession(session) {
  const line = make("tr");
  line.dataset.id = session.id;
  const isOver = Boolean(session.ended_at) || Date.parse(session.expires_at) <= Date.now();
  const isOwn = session.id === sessions.dataset.own;
  const more = isOwn ? words.this_browser : session.ended_by ? `(${session.ended_by})` : "";
  line.append(makeHead(session.client), makeState(isOver ? "ended" : "open", more), makeText(session.address));
  line.append(makeTime(session.created_at), makeTime(session.expires_at), makeText(session.groups?.join(", ") ?? session.token ?? words.key));
  const actions = make("td");
  if (!isOver) {
    const path = `/v1/sessions/${encodeURIComponent(session.id)}`;
    actions.append(makeButton(words.actions.end, session.client, () => question(words.end, session.client, session.address, path)));
  }
  line.append(actions);
  return line;
}

/** The role that stands for these scopes, or else the scopes. @param {string[]} scopes */
function roleOf(scopes) {
  const all = Object.entries(words.roles);
  const found = all.find(([, has]) => has.length === scopes.length && has.every((scope) => scopes.includes(scope)));
  return found?.[0] ?? scopes.join(" ");
}

/** @param {string} text */
function makeText(text) {
  const cell = make("td", null, "cell");
  const span = make("span", text);
  span.title = text;
  cell.append(span);
  return cell;
}

/** @param {string} client */
function makeHead(client) {
  const head = make("th", null, "cell");
  head.scope = "row";
  const span = make("span", client);
  span.title = client;
  head.append(span);
  return head;
}

/**
 * @param {string} state
 * @param {string} more
 */
function makeState(state, more) {
  const cell = make("td", words.states[state] ?? state);
  if (!more) return cell;
  const by = make("span", more, "by hint");
  by.title = more;
  cell.append(" ", by);
  return cell;
}

/** @param {string | null} instant */
function makeTime(instant) {
  const cell = make("td");
  if (!instant) return cell;
  const time = make("time");
  showTime(time, instant);
  cell.append(time);
  return cell;
}

/**
 * @param {string} text
 * @param {string} client of whom, for who does not see the line
 * @param {() => void} act
 */
function makeButton(text, client, act) {
  const button = make("button", text);
  button.type = "button";
  button.setAttribute("aria-label", `${text} ${client}`);
  button.addEventListener("click", () => {
    hideProblem();
    act();
  });
  return button;
}

/**
 * Ask whether to end something, and do it.
 * @param {Record<string, string>} said the words of the question
 * @param {string} client
 * @param {string} id
 * @param {string} path
 */
function question(said, client, id, path) {
  const write = (/** @type {string} */ text) => text.replace("{name}", () => client).replace("{id}", () => id);
  for (const part of ["title", "text", "safe", "go"]) get(`sure-${part}`).textContent = write(said[part] ?? "");
  open(sure, async () => {
    await ask(path, { method: "DELETE" });
    await show();
    get("main").focus();
    speak(write(said.done ?? ""));
  });
}

/** @param {Api.Token} token */
function rotate(token) {
  get("rotate-name").textContent = token.name;
  open(rotation, async () => {
    const [days, hours] = ["rotate-days", "rotate-overlap"].map((id) => Number(get(id, HTMLInputElement).value));
    const path = `/v1/tokens/${encodeURIComponent(token.id)}/rotate`;
    showSecret(await ask(path, { method: "POST", json: { expires_days: days, overlap_hours: hours } }));
    await show();
  });
}

/**
 * Open a dialog, and act if its other answer than the safe one is given.
 * @param {HTMLDialogElement} dialog
 * @param {() => Promise<void>} act
 */
function open(dialog, act) {
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "go" && act().catch(showProblem), { once: true });
  dialog.showModal();
}

/** @param {Api.NewToken} made */
function showSecret(made) {
  get("made-name").textContent = made.name;
  secret.textContent = made.token;
  get("made").hidden = false;
  get("made-title").focus();
}

function forget() {
  secret.textContent = "";
  get("made").hidden = true;
}

/** @param {string} field */
const ticked = (field) => new FormData(form).getAll(field).map(String);

function fitForm() {
  get("scopes").hidden = Boolean(role.value);
  get("only").hidden = role.value === "admin"; // it can't be bound to datasets
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  hideProblem();
  const data = new FormData(form);
  const json = {
    name: data.get("name"),
    scopes: role.value ? [role.value] : ticked("scope"),
    expires_days: Number(data.get("days")),
    ...(role.value !== "admin" && ticked("dataset").length ? { datasets: ticked("dataset") } : {}),
  };
  try {
    showSecret(await ask("/v1/tokens", { method: "POST", json }));
    form.reset();
    fitForm();
    await show();
  } catch (error) {
    showProblem(error);
  }
});
role.addEventListener("change", fitForm);
get("made-close").addEventListener("click", () => {
  forget();
  get("main").focus();
});
addEventListener("pagehide", forget); // a browser may keep a page that one goes back to
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && show().catch(showProblem));

copyOnClick();
fitForm();
await show().catch(showProblem);
