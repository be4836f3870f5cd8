// The few things a page cannot do by itself. Everything works without this file, only less smoothly.
document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-toggle]");
  if (theme) {
    const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", next);
    document.documentElement.dataset.bsTheme = next;
  }
  const all = event.target.closest("[data-check-all]");
  if (all) {
    for (const box of document.querySelectorAll(all.dataset.checkAll)) box.checked = all.checked;
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent)
      .then(() => { copy.querySelector("span").textContent = copy.dataset.done; });
  }
  for (const open of document.querySelectorAll(".bar details[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll(".bar details[open]")) open.open = false;
  }
});
document.addEventListener("submit", (event) => {
  // a second press of the same button sends nothing
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  if (form.method === "post" && !form.hasAttribute("hx-post")) form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
// a page that renews itself says how old it is when nobody answers
if (document.querySelector("[data-renewed]")) {
  let renewed = Date.now();
  const age = document.querySelector("[data-age]");
  document.addEventListener("htmx:afterSwap", () => { renewed = Date.now(); });
  setInterval(() => {
    const seconds = (Date.now() - renewed) / 1000;
    const words = seconds < 60 ? "" : age.dataset.old.replace("{minutes}", Math.floor(seconds / 60));
    if (age.textContent !== words) age.textContent = words;
  }, 1000);
}
// where the browser lets a page copy, which it does not without TLS
if (navigator.clipboard) {
  for (const copy of document.querySelectorAll("[data-copy]")) copy.hidden = false;
}
// words that are saved as they are typed: their form says what is not saved, and tries again when it can
const say = (form, words) => { form.querySelector("[data-state]").textContent = words; };
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-saves]");
  if (form) say(form, form.dataset.writing);
});
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(failure, (event) => {
    const form = event.target.closest("form[data-saves]");
    if (form) { form.dataset.waits = "yes"; say(form, form.dataset.offline); }
  });
}
addEventListener("online", () => {
  for (const form of document.querySelectorAll("form[data-waits]")) {
    delete form.dataset.waits;
    form.requestSubmit();
  }
});
