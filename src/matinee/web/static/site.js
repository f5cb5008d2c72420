// Makes the pages quicker. Every form and link does the same without a script. The script sends a form with the
// same fields, and copies what differs from the page that answers into this one.

import { fillIn, heldCards } from "./cards.js";

const page = document.documentElement;
page.classList.add("js");

// Forms are sent one after another: a browser without a cookie that sends two at once would become two visitors.
let lastSent = Promise.resolve();
const status = document.querySelector("[data-region=status]");

const parsed = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");

// What a request changes of this page; nothing if it was refused.
async function changed(address, options = {}) {
  const response = await fetch(address, { ...options, headers: heldCards() });
  if (!response.ok) return await tellProblem(response);
  const answer = await parsed(response);
  // Another answer may have come in between, and replaced what this one relies on.
  const next = (item) => addressAfter(item, new URL(response.url));
  return fillIn(answer, next) ? answer : await parsed(await fetch(response.url));
}

// Replaces the regions of this page by those of another. The focus stays as near as possible to where it was.
function show(other) {
  for (const region of document.querySelectorAll("[data-region]")) {
    // Its own region has been replaced before it.
    if (!region.isConnected) continue;
    const fresh = other.querySelector(`[data-region="${region.dataset.region}"]`);
    if (fresh) replace(region, fresh.childNodes);
  }
}

function replace(region, nodes) {
  const held = region.contains(document.activeElement) ? document.activeElement : null;
  // Somebody is still moving it, and has set it to what the other page has; or is choosing other stars by keyboard.
  if (held?.type === "range" || held?.closest(".chosen")) return;
  const key = held?.closest("[data-key]")?.dataset.key;
  region.replaceChildren(...nodes);
  if (!held) return;
  const again = key && region.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const place = again
    ? again.querySelector("input:checked") ?? again.querySelector("input[type=radio], button")
    : region.querySelector("[tabindex='-1']");
  (place ?? document.getElementById("main")).focus({ preventScroll: true });
}

// Shows an error in the place of all messages.
function tell(message) {
  const text = document.createElement("p");
  text.textContent = message;
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.append(text);
  status.replaceChildren(notice);
}

status.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]")) return;
  event.preventDefault();
  status.replaceChildren();
  document.getElementById("main").focus({ preventScroll: true });
});

async function tellProblem(response) {
  const detail = (await parsed(response)).querySelector("[data-detail]")?.textContent;
  tell(detail ?? page.dataset.refused);
}

// The address of a page with the film that a form changes, so that the next page can tell what has changed.
function addressAfter(item, { pathname, search } = location) {
  const fields = new URLSearchParams(search);
  fields.delete("changed");
  if (item) fields.append("changed", item);
  return `${pathname}?${fields}`;
}

// After the first star, what was asked moves below what is suggested: shows the suggestions from their beginning.
const asksFirst = () => document.querySelector("[data-region=first] .film") !== null;

function showSuggestions() {
  document.getElementById("suggestions").focus({ preventScroll: true });
  document.querySelector("[data-region=suggestions]").scrollIntoView();
}

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  fields.set("next", addressAfter(form.dataset.item));
  page.classList.add("busy");
  try {
    const answer = await changed(form.action, { method: "POST", body: fields });
    if (!answer) return;
    const asked = asksFirst();
    show(answer);
    if (searching()) await search();
    else if (asked && !asksFirst() && document.getElementById("suggestions")) showSuggestions();
    watchEnd();
  } catch {
    tell(page.dataset.noAnswer);
  } finally {
    page.classList.remove("busy");
  }
}

// Stars: one click sends them. The arrow keys pass over other stars on the way, so users of the keyboard send
// with the button or with Enter.
let byKeyboard = false;
document.addEventListener("keydown", () => { byKeyboard = true; }, true);
document.addEventListener("pointerdown", () => { byKeyboard = false; }, true);

document.addEventListener("change", (event) => {
  const stars = event.target.closest("[data-stars]");
  if (stars && byKeyboard) stars.classList.add("chosen");
  else if (stars) stars.requestSubmit();
  const filters = event.target.closest("[data-filters]");
  if (filters?.reportValidity()) filters.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-live]")) {
    event.preventDefault();
    form.classList.remove("chosen");
    // Read now, while the fields still are as they were sent.
    const { submitter } = event;
    lastSent = lastSent.then(() => send(form, submitter));
  } else if (form.matches("[data-filters]")) {
    event.preventDefault();
    // Waits for forms sent before it, or it would show the state before them.
    lastSent = lastSent.then(() => filter(form));
  }
});

// Further suggestions come by themselves as their end comes into view.
const end = new IntersectionObserver((seen) => {
  const link = seen.find((one) => one.isIntersecting)?.target;
  // Who goes on by keyboard would come to no end, and has the link.
  if (link && !byKeyboard) lastSent = lastSent.then(() => showMore(link));
}, { rootMargin: "300px" });

function watchEnd() {
  end.disconnect();
  const link = document.querySelector("[data-more]");
  if (link) end.observe(link);
}

async function showMore(link) {
  // What was asked for has come in the meantime.
  if (!link.isConnected) return;
  try {
    const answer = await changed(link.href);
    if (!answer) return;
    show(answer);
    history.replaceState(null, "", link.getAttribute("href").split("#")[0]);
    watchEnd();
  } catch {
    // The link is still there.
  }
}

watchEnd();

async function filter(form) {
  const fields = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...fields]) if (!value) fields.delete(name, value);
  const address = `${form.getAttribute("action")}?${fields}`;
  try {
    const answer = await changed(address);
    if (!answer) return;
    show(answer);
    history.replaceState(null, "", address);
    watchEnd();
  } catch {
    tell(page.dataset.noAnswer);
  }
}

// Searches while somebody types. The search page shows the results in its own list, other pages above their content.
const box = document.getElementById("search");
const own = document.querySelector("[data-region=found]");
const panel = document.querySelector("[data-results]");
const N_SHOWN = 6;
const PAUSE = 120; // Milliseconds without a key, so that a quick typist causes one search for each word.
// The panel has an address, the field "find" of that of the page: loading the page again and going back show it again.
const FIND = "find";
let typed = box.value;
let timer;
let asked;

const searching = () => !own && panel.childElementCount > 0;

box.addEventListener("input", () => {
  if (box.value.trim() === typed.trim()) return;
  typed = box.value;
  status.replaceChildren();
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});

box.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !box.value) return;
  event.preventDefault();
  box.value = typed = "";
  search();
});

async function search() {
  asked?.abort();
  const words = box.value.trim();
  if (!words && !own) {
    notePanel("");
    return panel.replaceChildren();
  }
  asked = new AbortController();
  const address = searchAddress(words);
  try {
    const response = await fetch(address, { signal: asked.signal, headers: { "X-Held-Cards": "" } });
    if (!response.ok) return await tellProblem(response);
    const found = (await parsed(response)).querySelector("[data-region=found]");
    if (own) {
      replace(own, found.childNodes);
      history.replaceState(null, "", address);
      document.querySelector("[data-filters] [name=q]").value = words;
    } else {
      notePanel(words);
      showPanel(found, address);
    }
    say(found);
  } catch (error) {
    if (error.name !== "AbortError") tell(page.dataset.noAnswer);
  }
}

// Opening the panel is a step that one can go back from; typing on in it is none.
function notePanel(words) {
  const fields = new URLSearchParams(location.search);
  const wasOpen = fields.has(FIND);
  if (words) fields.set(FIND, words);
  else fields.delete(FIND);
  const address = fields.size ? `${location.pathname}?${fields}` : location.pathname;
  if (words && !wasOpen) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

function readPanel() {
  const words = new URLSearchParams(location.search).get(FIND) ?? "";
  if (words === box.value.trim()) return;
  box.value = typed = words;
  search();
}

function searchAddress(words) {
  const fields = new URLSearchParams({ q: words });
  if (own) for (const [name, value] of new FormData(document.querySelector("[data-filters]"))) if (value && name !== "q") fields.append(name, value);
  return `${box.form.getAttribute("action")}?${fields}`;
}

function showPanel(found, address) {
  const films = found.querySelectorAll(".film");
  for (const film of [...films].slice(N_SHOWN)) film.remove();
  found.querySelector(".parts")?.remove();
  if (films.length > N_SHOWN) {
    const all = document.createElement("p");
    all.className = "all";
    const link = document.createElement("a");
    link.href = address;
    link.textContent = page.dataset.allResults;
    all.append(link);
    found.append(all);
  }
  // This page must not have two regions of one name.
  found.removeAttribute("data-region");
  if (panel.firstElementChild) replace(panel.firstElementChild, found.childNodes);
  else panel.replaceChildren(found);
}

// Tells users of screen readers how many films were found; the heading shows it to the others.
const voice = document.createElement("p");
voice.className = "hidden";
voice.setAttribute("role", "status");
document.body.append(voice);
function say(found) {
  voice.textContent = (own ?? panel).querySelector("h2").textContent;
}

if (!own) {
  readPanel();
  addEventListener("popstate", readPanel);
}
