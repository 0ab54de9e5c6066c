// Starting an import: of a file, with a preview before the upload, or of generated rows.

import { Problem, ask, randomText, send } from "./api.js";
import { find, get, hideProblem, showProblem } from "./dom.js";
import { size } from "./formatting.js";
import { speak } from "./frame.js";
import { preview } from "./preview.js";
import { offerTemplates, readTemplate, savesTemplates, useTemplate } from "./templates.js";

const PROBLEM = "start-problem";
const options = get("options", HTMLFormElement);
const picker = get("file", HTMLInputElement);
const go = get("go", HTMLButtonElement);
/** @type {File | null} */
let file = null;
/** @type {ReturnType<typeof send> | null} */
let upload = null;

/** @param {Api.Import} started */
function open(started) {
  location.assign(started.links.page);
}

// --- generated rows

const generator = get("generate", HTMLFormElement);
generator.addEventListener("submit", async (event) => {
  event.preventDefault();
  hideProblem(PROBLEM);
  const button = find(generator, "button", HTMLButtonElement);
  button.disabled = true;
  try {
    const headers = { "Idempotency-Key": `page-${randomText()}` };
    const json = { dataset: "orders", generate: get("rows", HTMLInputElement).valueAsNumber };
    open(await ask("/v1/imports", { method: "POST", json, headers }));
  } catch (error) {
    showProblem(error, PROBLEM);
  } finally {
    button.disabled = false;
  }
});

// --- a file

/** @param {File | undefined} chosen */
function choose(chosen) {
  if (!chosen || upload) return;
  file = chosen;
  hideProblem(PROBLEM);
  get("chosen").textContent = file.name;
  get("chosen-size").textContent = size(file.size);
  get("choice").hidden = false;
  options.reset();
  showEffects();
  get("chosen").focus();
  showPreview();
}

function readOptions() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(options)) if (typeof value === "string" && value) query.set(name, value);
  return query;
}

async function showPreview() {
  if (!file) return;
  const found = await preview(file, readOptions(), get("preview"));
  if (found) offerTemplates(found, options);
}

function showTemplate() {
  showEffects();
  showPreview();
}

function showEffects() {
  const query = readOptions();
  go.textContent = query.has("dry_run") ? "Check the file" : "Start the import";
  find(options, "[name=max_rejects]", HTMLInputElement).disabled = query.get("on_error") !== "reject";
}

picker.addEventListener("change", () => choose(picker.files?.[0]));
get("forget").addEventListener("click", () => {
  get("choice").hidden = true;
  picker.value = "";
  picker.focus();
});
for (const kind of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
  get("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    get("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") choose(event.dataTransfer?.files[0]);
  });
}
options.addEventListener("change", (event) => {
  showEffects();
  const changed = event.target;
  const isRead = changed instanceof Node && get("file-format").contains(changed);
  if (changed instanceof HTMLSelectElement && changed.name === "template") useTemplate(options).then(showTemplate);
  else if (isRead || (changed instanceof HTMLSelectElement && changed.name === "dataset")) showPreview();
});

options.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!file) return;
  hideProblem(PROBLEM);
  const query = readOptions();
  query.set("file_name", file.name);
  const bar = get("sent", HTMLProgressElement);
  bar.value = 0;
  get("sent-words").textContent = "";
  get("upload").hidden = false;
  go.disabled = true;
  let quarter = 0;
  upload = send(`/v1/imports?${query}`, file, (sent, total) => {
    const percent = Math.floor((sent / total) * 100);
    bar.value = percent;
    get("sent-words").textContent = `${percent} %, ${size(sent)} of ${size(total)}`;
    if (Math.floor(percent / 25) > quarter) speak(`${percent} % of the file uploaded`);
    quarter = Math.max(quarter, Math.floor(percent / 25));
  });
  try {
    open(await upload.done);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(error, PROBLEM);
    get("upload").hidden = true;
  } finally {
    upload = null;
    go.disabled = false;
  }
});

savesTemplates(() => readTemplate(options));
get("cancel").addEventListener("click", () => upload?.cancel());
