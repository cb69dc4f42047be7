// Shows the OpenAPI document of the server that this page came from, and calls that server alone. The token that is typed in is kept in this
// page only.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

SwaggerUIBundle({
  dom_id: "#ui",
  url: "openapi.yaml",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
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
