// While somebody works on a case it stays theirs; who does nothing is told before the time is over.

const EVERY = 10_000;
const WARNING = 60_000;

function tell(id, text) {
  const note = document.getElementById(id);
  if (!note) return;
  note.hidden = false;
  if (text) note.querySelector("[data-text]").textContent = text;
}

async function extend(form, address) {
  const body = new URLSearchParams({ csrf: form.elements.csrf.value, lease: form.elements.lease.value });
  const answer = await fetch(address, { method: "POST", body, headers: { accept: "application/json" } });
  return { ok: answer.ok, ...(await answer.json()) };
}

export function hold(page, form, idleFor) {
  const span = Number(page.dataset.leaseSeconds) * 1000;
  let until = performance.now() + Number(page.dataset.leaseLeft) * 1000;
  let over = false;

  async function again() {
    try {
      const answer = await extend(form, page.dataset.lease);
      if (answer.ok) until = performance.now() + answer.seconds * 1000;
      else { over = true; tell("lease-lost", answer.message); }
      document.getElementById("lease-soon").hidden = true;
    } catch {
      // No connection: the next turn tries again; the draft is kept.
    }
  }

  setInterval(() => {
    if (over || !page.dataset.lease) return;
    const left = until - performance.now();
    if (left < span / 2 && idleFor() < EVERY * 2) again();
    else if (left < 0) { over = true; tell("lease-lost"); }
    else if (left < WARNING) tell("lease-soon");
  }, EVERY);
  document.getElementById("lease-more")?.addEventListener("click", again);
}
