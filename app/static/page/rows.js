// The rows of a dataset: how many there are, and deleting them.

import { ask } from "./api.js";
import { count } from "./formatting.js";

const by = (id) => document.getElementById(id);
const panel = by("rows-panel");
const sure = by("sure");
const typed = by("typed");
let there = null;

async function look() {
  there = (await ask(panel.dataset.count)).count;
  return there;
}

function complain(error) {
  by("problem").textContent = error.message;
  by("problem").hidden = false;
}

look().then(
  (number) => (by("rows-count").textContent = `${count(number)} rows`),
  (error) => (by("rows-count").textContent = error.message),
);

by("delete").addEventListener("click", async () => {
  by("problem").hidden = true;
  by("deleted").textContent = "";
  try {
    // of the filter only the import counts here
    there = (await ask(by("delete").dataset.count)).count;
  } catch (error) {
    return complain(error);
  }
  by("sure-count").textContent = count(there);
  typed.value = "";
  sure.returnValue = "";
  by("sure-delete").disabled = true;
  sure.showModal();
});

const isRight = () => typed.value.replace(/[\s,.]/g, "") === String(there);

typed.addEventListener("input", () => (by("sure-delete").disabled = !isRight()));
typed.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // the first button, which keeps them, would be pressed
  if (isRight()) by("sure-delete").click();
});

sure.addEventListener("close", async () => {
  if (sure.returnValue !== "delete" || !isRight()) return;
  by("delete").disabled = true;
  try {
    const { rows_deleted } = await ask(panel.dataset.delete, { method: "DELETE" });
    by("deleted").textContent = `${count(rows_deleted)} rows were deleted.`;
    document.querySelector(".rows tbody").replaceChildren();
    by("rows-count").textContent = `${count(await look())} rows`;
  } catch (error) {
    complain(error);
  } finally {
    by("delete").disabled = false;
  }
});
