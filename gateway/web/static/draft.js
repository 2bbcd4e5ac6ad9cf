// What was typed and not yet sent survives a reload, an expired lease, a refused decision and a new sign-in: in this tab alone, for this person alone.

const PREFIX = "garant.";
const FIELDS = "form[data-draft] textarea[name]:not([hidden]), form[data-draft] input[type=text][name], [form][data-keep]";

const person = () => document.body.dataset.person ?? "";
const place = (id) => `${PREFIX}${person()}.draft.${id}`;

export function forget(id) {
  sessionStorage.removeItem(place(id));
  sessionStorage.removeItem(`${PREFIX}${person()}.time.${id}`);
}

export function forgetOthers(mine) {
  if (!mine) return;
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(PREFIX) && !name.startsWith(`${PREFIX}${mine}.`)) sessionStorage.removeItem(name);
  }
}

// Whoever signs out leaves nothing to the next person at this workstation; a session that only ended keeps its drafts for its owner.
export function forgetAll() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
}

export function remembered(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`${PREFIX}${person()}.${name}`)) ?? {};
  } catch {
    return {};
  }
}

export function remember(name, value) {
  try {
    sessionStorage.setItem(`${PREFIX}${person()}.${name}`, JSON.stringify(value));
  } catch {
    // A full store loses the draft, never the page.
  }
}

function save(id, shown) {
  const texts = {};
  for (const field of document.querySelectorAll(FIELDS)) {
    if (field.value !== field.defaultValue) texts[field.name] = field.value;
  }
  remember(`draft.${id}`, { shown, texts });
}

function restore(id, shown) {
  const { shown: then, texts = {} } = remembered(`draft.${id}`);
  let found = false;
  for (const field of document.querySelectorAll(FIELDS)) {
    const text = texts[field.name];
    // Edits belong to the text they were made on; what was shown then may be another now.
    const fits = !field.name.includes(":") || then === shown;
    if (text === undefined || !fits || field.value === text || field.value !== field.defaultValue) continue;
    field.value = text;
    found = true;
  }
  return found;
}

// Keep the texts of a case; true if some were found again.
export function keep(id, shown) {
  const found = restore(id, shown);
  let waiting = 0;
  document.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => save(id, shown), 250);
  });
  window.addEventListener("pagehide", () => save(id, shown));
  return found;
}
