// On every page: keys, focus on what went wrong, no stale page from the browser's memory, drafts of decided cases gone.
import "./keys.js";
import { forget, forgetAll, forgetOthers } from "./draft.js";

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

document.getElementById("errors")?.focus();
forgetOthers(document.body.dataset.person ?? "");
if ("signedOut" in document.body.dataset) forgetAll();
for (const done of document.querySelectorAll("[data-done]")) forget(done.dataset.done);
