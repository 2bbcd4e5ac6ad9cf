// Active time: raw is the time in which the page was looked at, capped the same without what lies over a minute since anything was done.
// It goes with the decision into the task's figures, never into a person's.
import { remember, remembered } from "./draft.js";

const IDLE = 60_000;
const LONGEST_STEP = 5_000;

let last = performance.now();
let acted = last;

function phase() {
  return document.activeElement?.closest("[data-phase]")?.dataset.phase ?? "read";
}

function looking() {
  return document.visibilityState === "visible" && document.hasFocus();
}

function told(spent) {
  return { ...spent, capped: spent.read + spent.judge + spent.edit };
}

function fill(form, spent) {
  for (const [name, seconds] of Object.entries(told(spent))) {
    const field = form.elements.namedItem(`active_${name}`);
    if (field) field.value = seconds.toFixed(1);
  }
}

// What nobody decides on was read all the same: a page that goes without sending a form tells its time itself.
function tell(id, spent) {
  const form = document.querySelector("form [name=lease]")?.form;
  if (!form || spent.raw < 1) return false;
  const body = new URLSearchParams({ csrf: form.elements.csrf.value, lease: form.elements.lease.value });
  for (const [name, seconds] of Object.entries(told(spent))) body.set(`active_${name}`, seconds.toFixed(1));
  return navigator.sendBeacon(`/review/${id}/leave`, body);
}

export function measure(id) {
  const spent = { raw: 0, read: 0, judge: 0, edit: 0, ...remembered(`time.${id}`) };
  const step = () => {
    const now = performance.now();
    const seconds = looking() ? Math.min(now - last, LONGEST_STEP) / 1000 : 0;
    spent.raw += seconds;
    if (now - acted < IDLE) spent[phase()] += seconds;
    last = now;
  };
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "touchstart"]) {
    document.addEventListener(kind, () => { acted = performance.now(); }, { passive: true });
  }
  setInterval(step, 1000);
  let sending = false;
  document.addEventListener("submit", (event) => {
    step();
    fill(event.target, spent);
    setTimeout(() => { sending = !event.defaultPrevented; });
  }, true);
  window.addEventListener("pagehide", () => {
    step();
    if (!sending && tell(id, spent)) for (const name of Object.keys(spent)) spent[name] = 0;
    remember(`time.${id}`, spent);
  });
  return () => performance.now() - acted;
}
