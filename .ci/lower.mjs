// Makes of the document, brought down to OpenAPI 3.0, what a generator of 2020 reads: of schemas that are one of several it takes the first, which for
// a write is the response without dryRun; null beside it is `nullable`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const yaml = createRequire(process.argv[2] + "/")("js-yaml");
const isNull = (schema) => schema.type === "null" || schema.type === null;
const lower = (node) => {
  if (Array.isArray(node)) return node.map(lower);
  if (node === null || typeof node !== "object") return node;
  const choice = node.oneOf ?? node.anyOf;
  if (!Array.isArray(choice)) return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, lower(value)]));
  const first = lower(choice.find((schema) => !isNull(schema)));
  return choice.some(isNull) ? { allOf: [first], nullable: true } : first;
};
process.stdout.write(JSON.stringify(lower(yaml.load(readFileSync(process.argv[3], "utf8")))));
