// Shows the OpenAPI document of the server that this page came from, and calls that server alone. The token that is typed in is kept in this
// page only.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// Swagger UI resolves references lazily, and draws an operation that it is opened at before it has resolved the parameters of its path: the
// fields have no names, and requests go to /{account}. So the document gets them in place of the references before Swagger UI reads it.
const resolveParameters = (doc) => {
  const resolve = (p) => (p.$ref ? doc.components.parameters[p.$ref.split("/").pop()] : p);
  for (const item of Object.values(doc.paths)) {
    for (const holder of [item, ...Object.values(item)]) {
      if (holder.parameters) holder.parameters = holder.parameters.map(resolve);
    }
  }
  return doc;
};
const parametersInPlace = {
  statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (doc) => update(resolveParameters(structuredClone(doc))) } } },
};

SwaggerUIBundle({
  dom_id: "#ui",
  url: "openapi.json", // browsers read JSON ten times faster than YAML
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [parametersInPlace],
  validatorUrl: null, // it would tell another site of this one
  persistAuthorization: false,
  queryConfigEnabled: false, // no address may make this page show another document
  deepLinking: true,
  filter: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
