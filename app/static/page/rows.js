// The rows of a dataset: how many there are, and deleting them.

import { ask } from "./api.js";
import { find, get, hideProblem, messageOf, showProblem } from "./dom.js";
import { count } from "./formatting.js";

const panel = get("rows-panel");
const remove = get("delete", HTMLButtonElement);
const confirm = get("sure-delete", HTMLButtonElement);
const dialog = get("sure", HTMLDialogElement);
const typed = get("typed", HTMLInputElement);
/** @type {number | null} */
let toDelete = null;

/** @param {HTMLElement} element whose `data-count` is the path that counts */
async function countRows(element) {
  /** @type {Api.RowCount} */
  const answer = await ask(element.dataset.count ?? "");
  return answer.count;
}

async function showCount() {
  get("rows-count").textContent = `${count(await countRows(panel))} rows`;
}

showCount().catch((error) => (get("rows-count").textContent = messageOf(error)));

remove.addEventListener("click", async () => {
  hideProblem();
  get("deleted").textContent = "";
  try {
    toDelete = await countRows(remove); // of the filter only the import matters here
  } catch (error) {
    showProblem(error);
    return;
  }
  get("sure-count").textContent = count(toDelete);
  typed.value = "";
  dialog.returnValue = "";
  confirm.disabled = true;
  dialog.showModal();
});

const isRight = () => typed.value.replace(/[\s,.]/g, "") === String(toDelete);

typed.addEventListener("input", () => (confirm.disabled = !isRight()));
typed.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // it would press the first button, which keeps the rows
  if (isRight()) confirm.click();
});

dialog.addEventListener("close", async () => {
  if (dialog.returnValue !== "delete" || !isRight()) return;
  remove.disabled = true;
  try {
    /** @type {Api.RowsDeleted} */
    const { rows_deleted } = await ask(panel.dataset.delete ?? "", { method: "DELETE" });
    get("deleted").textContent = `${count(rows_deleted)} rows were deleted.`;
    find(panel, ".rows tbody").replaceChildren();
    await showCount();
  } catch (error) {
    showProblem(error);
  } finally {
    remove.disabled = false;
  }
});
