// Letters press what they are printed on: never while somebody types, never with a modifier, never repeated by a held key.

const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=submit], [type=button])";

function seen(element) {
  return element.getClientRects().length > 0 && !element.closest("[hidden]");
}

function press(element) {
  element.click();
  if (element.matches("input")) element.focus();
  const details = element.closest("summary")?.parentElement;
  // What has just been opened can take the focus only once it is drawn.
  if (details?.open) setTimeout(() => details.querySelector("div button, div input:not([type=hidden]), div select, div textarea")?.focus());
  const next = element.dataset.focus && document.querySelector(element.dataset.focus);
  if (next && seen(next)) next.focus();
}

function focusOn(element) {
  element.focus();
  return element.matches("textarea, input");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing || event.key.length !== 1) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.target.closest?.(TYPING)) return;
  const letter = event.key.toLowerCase();
  if (letter < "a" || letter > "z") return;
  const found = [...document.querySelectorAll(`[data-key="${letter}"]`)].find(seen);
  if (!found) return;
  event.preventDefault();
  found.matches("textarea, select, input[type=text]") ? focusOn(found) : press(found);
});
