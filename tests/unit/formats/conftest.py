from tests.unit.formats.child.here import _workbooks_are_read_here  # noqa: F401 — for every test of this folder
