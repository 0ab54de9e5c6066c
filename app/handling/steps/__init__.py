"""Steps: one file each, found by being here."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from app.domain.errors import InvalidContent
from app.handling.step_context import Step


@cache
def all_steps() -> dict[str, Step]:
    """Every step there is, by its name, in the order of the usual pipeline."""
    found: list[Step] = [import_module(f"{__name__}.{module.name}").STEP for module in iter_modules(__path__)]
    return {step.name: step for step in sorted(found, key=lambda step: step.place)}


def read_pipeline(names: Sequence[str] | None) -> tuple[str, ...]:
    """The pipeline of these steps, or the usual one; raises `InvalidContent` for what can't be one."""
    steps = all_steps()
    if names is None:
        return tuple(steps)
    wrong = [name for name in names if name not in steps]
    if wrong:
        raise _refused(f"there is no step {wrong[0][:40]!r}; there are {', '.join(steps)}")
    if not names or len(set(names)) != len(names):
        raise _refused("a pipeline has at least one step, and each step once")
    for place, name in enumerate(names):
        for needed in steps[name].needs:
            if needed in names[place:]:
                raise _refused(f"{name} needs {needed} to come before it")
    return tuple(names)


def _refused(reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": "pipeline", "reason": reason}])
