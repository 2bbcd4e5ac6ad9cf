// The case page: drafts, active time, lease, the guard against a double press, and the way to the signature.
import { keep } from "./draft.js";
import { follow } from "./difference.js";
import { hold } from "./lease.js";
import { measure } from "./time.js";

const page = document.querySelector("[data-case]");
const form = document.getElementById("decide");

// A second press that was meant for the last case must not decide this one.
function guard(seconds) {
  if (!seconds) return;
  page.classList.add("arming");
  const until = performance.now() + seconds * 1000;
  const early = (event) => {
    if (performance.now() >= until || !event.target.closest?.("[data-arm]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  for (const kind of ["click", "submit"]) document.addEventListener(kind, early, true);
  setTimeout(() => page.classList.remove("arming"), seconds * 1000);
}

function say(id) {
  const note = document.getElementById(id);
  if (note) note.hidden = false;
  return note;
}

// What is missing is asked for here, so that nothing has to be typed twice.
function ask(event) {
  if (!navigator.onLine) {
    event.preventDefault();
    say("offline")?.scrollIntoView({ block: "nearest" });
    return;
  }
  const choices = form.querySelectorAll("[name=decision]");
  if (choices.length && ![...choices].some((one) => one.checked)) {
    event.preventDefault();
    say("no-choice");
    choices[0].focus();
    return;
  }
  const proof = form.elements.proof;
  if (proof?.type === "password" && !proof.value && !form.elements.assertion) {
    event.preventDefault();
    proof.focus();
  }
}

if (page) {
  guard(Number(page.dataset.guard));
  if (keep(page.dataset.case, page.dataset.shown)) say("draft-found");
  const idleFor = measure(page.dataset.case);
  if (form) {
    hold(page, form, idleFor);
    follow(form);
    form.addEventListener("submit", ask);
    form.addEventListener("change", () => { const note = document.getElementById("no-choice"); if (note) note.hidden = true; });
  }
}
