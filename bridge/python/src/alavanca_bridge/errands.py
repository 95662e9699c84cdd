"""The errands of the worker: one under way at a time, orders before everything else."""

import heapq
import itertools


class _Errand:
    def __init__(self, name, arguments, told, begin, once):
        self.name, self.arguments, self.told, self.begin, self.once = name, arguments, told, begin, once


class Errands:
    """A queue by rank (0 first), and the errand under way."""

    def __init__(self):
        self._waiting = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._only = set()
        self._under_way = None
        self._since = None
        self._ready = False

    def add(self, name, arguments, told, rank, begin=None, once=None):
        """Puts an errand into the queue. `told(answer)` hears the answer: `{"ok"}`, `{"error"}` or `{"lost"}`.

        `begin()` is called right before it goes out: it gives the arguments, or `None` where it is not to go any more.
        Of errands with the same `once` one waits at most.
        """
        if once is not None:
            if once in self._only:
                return
            self._only.add(once)
        heapq.heappush(self._waiting, (rank, next(self._order), _Errand(name, arguments, told, begin, once)))

    def waits(self, once):
        """Whether such an errand waits or is under way."""
        return once in self._only

    def next(self, now):
        """The next errand to go out, as the worker takes it."""
        while self._ready and self._under_way is None and self._waiting:
            errand = heapq.heappop(self._waiting)[2]
            arguments = errand.begin() if errand.begin else errand.arguments
            if arguments is None:
                self._only.discard(errand.once)
                continue
            number = next(self._numbers)
            self._under_way, self._since = (number, errand, arguments), now
            return {"id": number, "do": errand.name, **arguments}
        return None

    def ready(self):
        """The worker takes errands."""
        self._ready = True

    def lost(self, why):
        """The worker is gone: what was under way has no answer."""
        self._ready = False
        self._finish({"lost": why, "error": {"code": -1, "text": why}})

    def answered(self, answer):
        """The worker's answer; one for an errand that is not under way is passed over."""
        if self._under_way and self._under_way[0] == answer["id"]:
            self._finish(answer)

    def busy_ms(self, now):
        """For how long the errand under way is under way."""
        return max(0, int(now - self._since)) if self._under_way else 0

    @property
    def doing(self):
        """The name of the errand under way."""
        return self._under_way[1].name if self._under_way else None

    def arguments_of(self, name):
        """An argument of the errand under way."""
        return self._under_way[2].get(name) if self._under_way else None

    def _finish(self, answer):
        if self._under_way is None:
            return
        errand = self._under_way[1]
        self._under_way = None
        self._only.discard(errand.once)
        errand.told(answer)
