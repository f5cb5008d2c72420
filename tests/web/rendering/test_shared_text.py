"""Text that is made once for all who ask."""

from __future__ import annotations

import threading

from matinee.web.rendering.shared_text import SharedText


def test_a_text_is_made_once_for_all_who_ask_at_once_and_again_when_its_state_has_changed() -> None:
    shared, made, all_ask = SharedText(), [], threading.Barrier(8)

    def make() -> str:
        made.append(threading.get_ident())
        return f"text {len(made)}"

    answers: list[str] = []

    def ask() -> None:
        all_ask.wait()
        answers.append(shared.get("de", ("state", 1), make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["text 1"] * 8 and len(made) == 1
    assert shared.get("de", ("state", 1), make) == "text 1"
    assert shared.get("de", ("state", 2), make) == "text 2"
    assert shared.get("en", ("state", 2), make) == "text 3"
    assert shared.get("de", ("state", 2), make) == "text 2"
