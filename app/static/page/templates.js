// Import templates in the form of a new import: use one, offer those for the file's header, save one.

import { ask } from "./api.js";
import { find, get, hideProblem, make, showProblem } from "./dom.js";

const PROBLEM = "start-problem";
const NOT_SAVED = ["template", "dataset", "dry_run"]; // parts of their own, or said for one import only
/** @type {string | null} */
let header = null;
/** @type {Record<string, unknown>} */
let used = {}; // the options of the selected template, some of which have no field in the form

/**
 * Fill the form with the options of the template that is selected in it, and nothing of another one.
 * @param {HTMLFormElement} options
 */
export async function useTemplate(options) {
  const select = find(options, "[name=template]", HTMLSelectElement);
  const dry = find(options, "[name=dry_run]", HTMLInputElement);
  const [name, isDry] = [select.value, dry.checked];
  options.reset();
  [select.value, dry.checked, used] = [name, isDry, {}];
  hideProblem(PROBLEM);
  if (!name) return;
  try {
    /** @type {Api.Template} */
    const template = await ask(`/v1/templates/${name}`);
    used = template.options;
    const values = { ...used, dataset: template.dataset };
    for (const [option, value] of Object.entries(values)) {
      const field = options.elements.namedItem(option);
      if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = write(value);
    }
  } catch (error) {
    showProblem(error, PROBLEM);
  }
}

/**
 * Name the templates for files with this header above the preview, each with a button that uses it.
 * @param {Api.Preview} found
 * @param {HTMLFormElement} options
 */
export function offerTemplates(found, options) {
  header = found.header;
  const select = options.elements.namedItem("template");
  if (!(select instanceof HTMLSelectElement) || select.value || !found.templates.length) return;
  const offer = make("p", "There is a template for files with this header: ", "hint");
  for (const name of found.templates) {
    const button = make("button", `Use ${name}`, "quiet");
    button.type = "button";
    button.addEventListener("click", () => {
      select.value = name;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
    offer.append(button, " ");
  }
  get("preview").prepend(offer);
}

/** @param {unknown} value */
function write(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/**
 * Let the page's form save a template.
 * @param {() => object} read the template's parts
 * @param {string} problem where a problem is shown
 */
export function savesTemplates(read, problem = PROBLEM) {
  get("save-template", HTMLFormElement).addEventListener("submit", async (event) => {
    event.preventDefault();
    hideProblem(problem);
    try {
      const name = get("template-name", HTMLInputElement).value;
      /** @type {Api.Template} */
      const saved = await ask(`/v1/templates/${name}`, { method: "PUT", json: read() });
      get("template-saved").textContent = `Saved as ${saved.name}, version ${saved.version}.`;
    } catch (error) {
      showProblem(error, problem);
    }
  });
}

/**
 * The options in the form, as a template.
 * @param {HTMLFormElement} options
 */
export function readTemplate(options) {
  const said = [...new FormData(options)].filter(([name, value]) => value && !NOT_SAVED.includes(name));
  const dataset = find(options, "[name=dataset]", HTMLSelectElement).value;
  /** @type {Record<string, unknown>} */
  const merged = { ...(new FormData(options).get("template") ? used : {}), ...Object.fromEntries(said) };
  if (merged.on_error !== "reject") delete merged.max_rejects; // as an import would do
  return { dataset, options: merged, header };
}
