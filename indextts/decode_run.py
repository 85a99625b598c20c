"""One run's requests on their way through the decoder. It can be interrupted and goes on with what is not answered:
an answer depends on its own request alone, so which of them run together, and how often one starts over, changes none.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from ..accel.request import Finished, OnPoll, Request
from .error_context import out_of_memory_only
from .memory_budget import MemoryBudget

StartDecoding = Callable[[Sequence[Request], OnPoll], Generator[Finished, None, None]]


class DecodeRun:
    """start: asked for the answers to the requests that are left, at first and after each interruption.

    release: gives back all that the decoder holds.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        start: StartDecoding,
        release: Callable[[], None],
        budget: MemoryBudget,
        on_poll: OnPoll,
    ) -> None:
        self._requests, self._start, self._release = requests, start, release
        self._budget, self._on_poll = budget, on_poll
        self._left = list(range(len(requests)))
        self._started: list[int] = []
        self._answers: Generator[Finished, None, None] | None = None
        self._answered_tokens = self._most_drawn = 0

    def next_answer(self) -> Finished | None:
        """The next answer, its index that of the request; None after the last.

        Where memory does not suffice, fewer lines are decoded at once; raises what was raised where it does not suffice
        for one.
        """
        while self._left:
            try:
                return self._note_answer(next(self._answers or self._restart()))
            except RuntimeError as error:
                failure = out_of_memory_only(error)
            self.interrupt()
            self._release()
            self._budget.retreat_decoding(len(self._left), failure)
        if self._answers is not None:
            next(self._answers, None)  # it ends by itself
        return None

    def _note_answer(self, answer: Finished) -> Finished:
        index = self._started[answer.index]
        self._left.remove(index)
        self._answered_tokens += len(answer.tokens)
        return replace(answer, index=index)

    def interrupt(self) -> None:
        """End the decoder's run; what it has not answered is decoded from its beginning when the next is asked for."""
        if self._answers is not None:
            self._answers.close()
            self._answers = None

    def _restart(self) -> Generator[Finished, None, None]:
        self._started, before = list(self._left), self._answered_tokens

        def poll(drawn: int) -> None:
            self._most_drawn = max(self._most_drawn, before + drawn)
            self._on_poll(self._most_drawn)

        self._answers = self._start([self._requests[index] for index in self._started], poll)
        return self._answers
