// What a revert would do: a dry run, and what it has found.

import { ask } from "./api.js";
import { isFinal, name } from "./formatting.js";

const LISTED = 20; // of the rows in the way
const LOOK_MILLISECONDS = 400;

/**
 * What is asked of a revert: with later imports that updated its rows, and with rows that another program changed.
 * @typedef {{cascade: boolean, force: boolean}} Asked
 */
/**
 * `imports` are those that would be reverted, `classes` the rows in the way, `later` the numbers of the imports that have
 * updated some of these, as far as they are listed.
 * @typedef {{
 *   run: Api.Import, imports: Api.RevertOutcome[], classes: Record<string, number>, first: Api.Reject[], later: Set<string>
 * }} Found
 */

/**
 * Make a dry run and wait until it has ended, as long as someone wants to know.
 * @param {string} path of the import
 * @param {Asked} asked
 * @param {() => boolean} isWanted
 * @param {(words: string) => void} say
 * @returns {Promise<Found | null>}
 */
export async function look(path, asked, isWanted, say) {
  const json = { dry_run: true, ...write(asked) };
  /** @type {Api.Import} */
  let run = await ask(`${path}/revert`, { method: "POST", json });
  while (!isFinal(run.state)) {
    if (!isWanted()) {
      await ask(run.links.stop, { method: "POST" }).catch(() => null); // it has ended, or it ends soon
      return null;
    }
    say(run.state === "queued" ? "Waiting for a worker to look at the rows…" : "Looking at the rows…");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    run = await ask(run.links.self);
  }
  if (run.state !== "checked") throw new Error(run.error?.message ?? "The dry run was stopped.");
  /** @type {Api.Reverts} */
  const { imports } = await ask(`${run.links.self}/revert`);
  /** @type {{rejects: Api.Reject[]}} */
  const { rejects } = run.rows_rejected ? await ask(`${run.links.self}/rejects`) : { rejects: [] };
  const numbers = rejects.map((one) => one.reason.match(/ \(number ([\d, ]+)\)$/)?.[1]?.split(", ") ?? []);
  return { run, imports, classes: count(imports), first: rejects.slice(0, LISTED), later: new Set(numbers.flat()) };
}

/**
 * As the server wants it.
 * @param {Asked} asked
 */
export const write = ({ cascade, force }) => ({
  ...(force ? { on_changed: "force" } : {}),
  ...(cascade ? { dependents: "cascade" } : {}),
});

/** @param {Api.RevertOutcome[]} imports */
function count(imports) {
  /** @type {Record<string, number>} */
  const classes = {};
  for (const one of imports) {
    for (const [code, number] of Object.entries(one.in_the_way)) classes[code] = (classes[code] ?? 0) + number;
  }
  return classes;
}

/**
 * The names of these imports, by id.
 * @param {string[]} ids
 * @returns {Promise<Map<string, string>>}
 */
export async function findNames(ids) {
  /** @param {string} id */
  const find = async (id) => {
    /** @type {Api.Import} */
    const found = await ask(`/v1/imports/${encodeURIComponent(id)}`);
    return name(found.source);
  };
  const names = await Promise.all(ids.map((id) => find(id).catch(() => `import ${id.slice(0, 8)}`)));
  return new Map(ids.map((id, at) => [id, names[at] ?? id]));
}
