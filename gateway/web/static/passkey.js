// Asks an authenticator: for a signature where a form has data-passkey-options, for a new passkey where it has data-passkey-registration.
// The form's fields are posted to that address; the answer goes into its hidden field, and the form is sent as without script.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const credentials = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const asked = (options) => ({ ...options, challenge: bytes(options.challenge), allowCredentials: credentials(options.allowCredentials) });
  const made = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: credentials(options.excludeCredentials),
  });

  const written = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "authenticatorData", "signature", "attestationObject"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };

  const tell = (form, sentence) => {
    let place = form.querySelector("[data-passkey-problem]");
    if (!place) {
      place = document.createElement("p");
      place.dataset.passkeyProblem = "";
      place.className = "problem";
      place.setAttribute("role", "alert");
      form.prepend(place);
    }
    place.textContent = sentence;
  };

  const ask = async (form, submitter, address, create) => {
    const sent = await fetch(address, { method: "POST", body: new URLSearchParams(new FormData(form, submitter)), credentials: "same-origin" });
    const answer = await sent.json();
    if (!sent.ok) return tell(form, answer.detail);
    if (answer.send) {
      form.dataset.passkeyDone = "";
      return form.requestSubmit(submitter);
    }
    try {
      const credential = create
        ? await navigator.credentials.create({ publicKey: made(answer.publicKey) })
        : await navigator.credentials.get({ publicKey: asked(answer.publicKey) });
      form.elements[create ? "credential" : "assertion"].value = written(credential);
    } catch {
      return tell(form, answer.cancelled);
    }
    form.requestSubmit(submitter);
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const create = form.dataset.passkeyRegistration;
    const address = create || form.dataset.passkeyOptions;
    const field = form.elements[create ? "credential" : "assertion"];
    const submitter = event.submitter;
    if (!address || !field || field.value || "passkeyDone" in form.dataset || form.elements.proof?.value || !window.PublicKeyCredential || (submitter && submitter.hasAttribute("formaction"))) return;
    event.preventDefault();
    ask(form, submitter, address, Boolean(create)).catch((error) => tell(form, String(error.message)));
  });
})();
