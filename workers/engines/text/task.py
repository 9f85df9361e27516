"""A job in the batch of a text engine."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from tasks.values import events
from workers.engines.text.output.answer import Answer
from workers.engines.text.plan import Plan
from workers.engines.text.schedule.rows import PromptGroup, Row


@dataclass
class Task:
    """Its prompts, its answers that have not ended, and what they have used, in tokens."""

    plan: Plan
    prompts: list[PromptGroup]
    answers: dict[Row, Answer] = field(default_factory=dict)
    begun: set[Row] = field(default_factory=set)
    generated: int = 0
    cached: int = 0
    paused: list[PromptGroup] = field(default_factory=list)
    thought: dict[Row, int] = field(default_factory=dict)
    closed: set[Row] = field(default_factory=set)  # whose thinking is over because its budget was
    counted: dict[Row, int] = field(default_factory=dict)  # tokens that deltas have counted

    @property
    def usage(self) -> events.Usage:
        """What the job has used."""
        thought = sum(self.thought.values())
        return events.Usage(self.plan.tokens, self.generated, self.cached, reasoning_tokens=thought)

    def fresh(self, row: Row, number: int) -> int:
        """How many of an answer's first `number` tokens no delta has counted yet, where they are to be counted."""
        if not self.plan.counted:
            return 0
        before, self.counted[row] = self.counted.get(row, 0), number
        return number - before

    def called(self, row: Row) -> bool:
        """Whether the only call that an answer may hold is there."""
        return bool(self.answers[row].calls) and not self.plan.answer_format.parallel

    def think(self, row: Row) -> None:
        """Count what is thought, and have it ended where it has used its budget."""
        if not self.answers[row].thinking:
            return
        answer_format, thought = self.plan.answer_format, self.thought.get(row, 0) + 1
        self.thought[row], row.together = thought, answer_format.together(thought)
        # In the middle of a character, a grammar does not let it end.
        if (
            answer_format.over(thought)
            and row not in self.closed
            and (row.guide is None or row.guide.takes(answer_format.close))
        ):
            row.forced, row.together = list(answer_format.close), sys.maxsize
            self.closed.add(row)
