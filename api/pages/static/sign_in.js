// Sign in by name and password, and go on to the page that was asked for.
"use strict";

const form = document.querySelector("form");
const told = form.querySelector(".error");
const button = form.querySelector("button");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  told.hidden = true;
  try {
    const answer = await fetch("/v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang },
      body: JSON.stringify({ login: form.login.value, password: form.password.value }),
    });
    if (answer.ok) {
      location.assign(form.dataset.next);
      return;
    }
    told.textContent = (await answer.json()).detail;
  } catch {
    told.textContent = form.dataset.failed;
  }
  told.hidden = false;
  button.disabled = false;
});
