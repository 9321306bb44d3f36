// Passkeys in the browser (WebAuthn Level 2, §5.1). The page holds one box that says what to do; without this script it
// stays as it is, and the password works. Every word that is shown stands in the box, in the language of its reader.
"use strict";

(() => {
  const box = document.querySelector("[data-passkey]");
  if (!box) return;
  const button = box.querySelector("button");
  const problem = box.querySelector("[role=alert]");
  const token = document.querySelector("input[name=csrf]").value;
  const opens = box.dataset.passkey === "open"; // an account, with what stands in the form around the box
  const form = opens ? box.closest("form") : null;
  const makes = opens || box.dataset.passkey === "add";
  let offered = null; // what the browser offers in the e-mail field, until the button is pressed

  class Refused extends Error {
    constructor(reason) {
      super(reason);
      this.reason = reason;
    }
  }

  const decoded = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const encoded = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  async function post(address, body) {
    const answer = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-Form-Token": token },
      body: JSON.stringify(body),
      redirect: "error",
    });
    const said = await answer.json();
    if (!answer.ok) throw new Refused(said.reason);
    return said;
  }

  const written = (...names) =>
    Object.fromEntries(names.filter((name) => form.elements[name]).map((name) => [name, form.elements[name].value]));

  async function options() {
    const given = await post(box.dataset.options, opens ? written("name", "email", "pod", "link") : {});
    given.challenge = decoded(given.challenge);
    if (given.user) given.user.id = decoded(given.user.id);
    for (const list of [given.excludeCredentials, given.allowCredentials]) {
      for (const one of list || []) one.id = decoded(one.id);
    }
    return given;
  }

  // RegistrationResponseJSON or AuthenticationResponseJSON (WebAuthn Level 3, §5.1); browsers that cannot make it
  // themselves are still about.
  function answered(credential) {
    const from = credential.response;
    const response = { clientDataJSON: encoded(from.clientDataJSON) };
    if (from.attestationObject) {
      response.attestationObject = encoded(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = encoded(from.authenticatorData);
      response.signature = encoded(from.signature);
      if (from.userHandle) response.userHandle = encoded(from.userHandle);
    }
    return { id: credential.id, rawId: encoded(credential.rawId), type: credential.type, response };
  }

  async function send(credential) {
    const name = document.getElementById("name");
    const more = opens ? written("link") : { name: name ? name.value : "" };
    const body = { credential: answered(credential), next: box.dataset.next || "", ...more };
    const said = await post(box.dataset.answer, body);
    location.assign(said.next);
  }

  // A passkey that was made and is not wanted here: the device may forget it (WebAuthn Level 3, §5.1.10).
  async function forget(rpId, credential, error) {
    const can = window.PublicKeyCredential.signalUnknownCredential;
    if (!can || !error.reason || error.reason === "passkey-known") return;
    await can.call(window.PublicKeyCredential, { rpId, credentialId: credential.id }).catch(() => {});
  }

  function say(error) {
    if (error.reason === "sign-up-fields") {
      // The page has the words for what is wrong, and asks for no password of who makes a passkey.
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "way", value: "passkey" }));
      form.submit();
      return;
    }
    if (["signed-out", "step-up", "link-over", "sign-up-closed"].includes(error.reason)) {
      location.reload(); // the page itself knows whom to ask for what
      return;
    }
    const byName = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
    const byReason = {
      "passkey-refused": "refused",
      "passkey-challenge": "late",
      "passkey-known": "known",
      "passkeys-full": "full",
      "sign-up-taken": "taken",
      "sign-in-tries": "tries",
      "too-many-requests": "tries",
      "form-token": "late",
    };
    problem.textContent = box.dataset[byReason[error.reason] || byName[error.name]] || box.dataset.failed;
  }

  async function pressed() {
    if (button.hasAttribute("aria-busy")) return;
    problem.textContent = "";
    button.setAttribute("aria-busy", "true");
    if (offered) offered.abort();
    let publicKey, made;
    try {
      publicKey = await options();
      made = makes ? await navigator.credentials.create({ publicKey }) : null;
      await send(made || (await navigator.credentials.get({ publicKey })));
    } catch (error) {
      if (made) await forget(publicKey.rp.id, made, error);
      say(error);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  // Passkeys among what the browser offers for the e-mail field ("conditional mediation", WebAuthn Level 3 §5.1.4).
  async function offer() {
    const can = window.PublicKeyCredential.isConditionalMediationAvailable;
    if (!can || !(await can.call(window.PublicKeyCredential))) return;
    offered = new AbortController();
    const { signal } = offered;
    try {
      const publicKey = await options();
      if (signal.aborted) return;
      await send(await navigator.credentials.get({ publicKey, mediation: "conditional", signal }));
    } catch (error) {
      if (!signal.aborted && error.reason) say(error);
    }
  }

  if (!window.PublicKeyCredential) {
    problem.textContent = box.dataset.unsupported;
    return;
  }
  button.addEventListener("click", pressed);
  // Enter in a field means the first choice; in the field of the password it means the password.
  form?.addEventListener("submit", (event) => {
    form.elements.way?.remove(); // of an earlier time, when the browser went back to this page
    const field = document.activeElement;
    if (field?.tagName !== "INPUT" || field.type === "password") return;
    event.preventDefault();
    pressed();
  });
  button.hidden = false;
  if (box.dataset.passkey === "sign-in") offer();
})();
