// Starting an import: a file, looked at before it is sent, or generated rows.

import { Problem, ask, randomText, send } from "./api.js";
import { speak } from "./frame.js";
import { preview } from "./preview.js";
import { size } from "./formatting.js";

const by = (id) => document.getElementById(id);
const options = by("options");
const problem = by("start-problem");
let file = null;
let sending = null;

function complain(error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

function open(import_) {
  location.assign(import_.links.page);
}

// --- generated rows

by("generate").addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const button = event.submitter || by("generate").querySelector("button");
  button.disabled = true;
  try {
    const headers = { "Idempotency-Key": `page-${randomText()}` };
    open(await ask("/v1/imports", { method: "POST", json: { dataset: "orders", generate: by("rows").valueAsNumber }, headers }));
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
});

// --- a file

function choose(chosen) {
  if (!chosen || sending) return;
  file = chosen;
  problem.hidden = true;
  by("chosen").textContent = file.name;
  by("chosen-size").textContent = size(file.size);
  by("choice").hidden = false;
  options.reset();
  name();
  by("chosen").focus();
  look();
}

const said = () => new URLSearchParams(Array.from(new FormData(options)).filter(([, value]) => value !== ""));
const look = () => preview(file, said(), by("preview"));

function name() {
  by("go").textContent = options.elements.dry_run.checked ? "Check it" : "Start the import";
  options.elements.max_rejects.disabled = options.elements.on_error.value !== "reject";
}

by("file").addEventListener("change", () => choose(by("file").files[0]));
by("forget").addEventListener("click", () => {
  by("choice").hidden = true;
  by("file").value = "";
  by("file").focus();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  by("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    by("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") choose(event.dataTransfer.files[0]);
  });
}
options.addEventListener("change", (event) => {
  name();
  if (by("reading").contains(event.target) || event.target.name === "dataset") look();
});

options.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const query = said();
  query.set("file_name", file.name);
  const bar = by("sent");
  bar.value = 0;
  by("sent-words").textContent = "";
  by("upload").hidden = false;
  by("go").disabled = true;
  let quarter = 0;
  sending = send(`/v1/imports?${query}`, file, (sent, total) => {
    const percent = Math.floor((sent / total) * 100);
    bar.value = percent;
    by("sent-words").textContent = `${percent} %, ${size(sent)} of ${size(total)}`;
    if (Math.floor(percent / 25) > quarter) speak(`${percent} % of the file sent`);
    quarter = Math.max(quarter, Math.floor(percent / 25));
  });
  try {
    open(await sending.done);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(error);
    by("upload").hidden = true;
  } finally {
    sending = null;
    by("go").disabled = false;
  }
});

by("cancel").addEventListener("click", () => sending?.cancel());
