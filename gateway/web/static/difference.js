// The word difference follows the typing, so that it has been seen before the signature.

const PAUSE = 350;

export function follow(form) {
  const place = document.getElementById("difference");
  if (!place) return;
  let waiting = 0;
  let turn = 0;

  async function ask() {
    const mine = ++turn;
    const body = new URLSearchParams(new FormData(form));
    for (const secret of ["proof", "assertion"]) body.delete(secret);
    try {
      const answer = await fetch(place.dataset.address, { method: "POST", body });
      const html = await answer.text();
      if (mine !== turn || !answer.ok) return;
      place.innerHTML = html;
      form.elements.seen.value = place.querySelector("[data-seen]")?.dataset.seen ?? "";
    } catch {
      // Without a connection the difference comes with the next page, before the signature.
    }
  }

  document.addEventListener("input", (event) => {
    if (!event.target.closest("[data-phase=edit]")) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
  });
}
