// Cards of films are most of a page. One that this page holds does not travel again: a request names the cards, and the
// answer has in the place of each only what differs between two of the same key, its slots.

const MOST = 6000; // Characters. Many proxies take no more than 8 kB in a line of a header.

const cards = () => [...document.querySelectorAll("[data-region] [data-card]")];

export function heldCards() {
  const keys = cards().map((card) => encodeURIComponent(card.dataset.card)).join(",");
  return { "X-Held-Cards": keys.length > MOST ? keys.slice(0, keys.lastIndexOf(",", MOST)) : keys };
}

// Puts copies of the cards of this page into an answer. False if one has gone since it was named. After a form on a film,
// its page is the one that "next" gives.
export function fillIn(answer, next) {
  const own = new Map(cards().map((card) => [card.dataset.card, card]));
  for (const place of answer.querySelectorAll("[data-kept]")) {
    const card = own.get(place.dataset.card)?.cloneNode(true);
    if (!card) return false;
    for (const form of card.querySelectorAll("form")) {
      form.classList.remove("chosen");
      form.reset();
      form.elements.next.value = next(form.dataset.item);
    }
    for (const slot of place.querySelectorAll("[data-slot]")) {
      card.querySelector(`[data-slot="${slot.dataset.slot}"]`).replaceWith(slot);
    }
    place.replaceWith(card);
  }
  return true;
}
