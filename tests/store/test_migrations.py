"""Steps are numbered, and a file says who may still use it."""

from __future__ import annotations

import pytest

from sophia_mcp.store.migrations import Migrations, Standing, Step, standing


def steps(*numbers: int) -> tuple[Step, ...]:
    return tuple(Step(number, "SELECT 1", 1, 1) for number in numbers)


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (1, 1), (2, 1), (0, 1)])
def test_steps_that_are_not_numbered_from_one_are_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="numbered"):
        Migrations("t", steps(*numbers))


@pytest.mark.requirement("store.version_skew")
@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], Standing(0, False, False)),
        ([(1, 1, 1)], Standing(1, False, False)),
        ([(1, 1, 1), (2, 1, 1), (3, 1, 1)], Standing(3, False, False)),
        ([(1, 1, 1), (2, 1, 1), (3, 1, 3)], Standing(3, False, True)),
        ([(1, 1, 1), (2, 1, 1), (3, 3, 3)], Standing(3, True, True)),
        ([(1, 1, 1), (2, 1, 1), (3, 2, 2)], Standing(3, False, False)),
        ([(1, 1, 1), (2, 1, 1), (3, 3, 3), (4, 1, 1)], Standing(4, True, True)),
    ],
)
def test_a_file_tells_a_program_of_two_steps_what_it_may_do(
    records: list[tuple[int, int, int]], expected: Standing
) -> None:
    assert standing(Migrations("t", steps(1, 2)), records) == expected
