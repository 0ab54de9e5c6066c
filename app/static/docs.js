// Shows /openapi.json; `validatorUrl: null` because the viewer would ask a public server otherwise.
const place = document.querySelector("#interface");
SwaggerUIBundle({ domNode: place, url: place.dataset.document, validatorUrl: null, deepLinking: true });
