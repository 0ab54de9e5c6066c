"""How one import writes numbers and dates: a column of the dataset with what the client said of its values."""

from dataclasses import replace
from typing import Any

from app.domain.column_options import ColumnOptions
from app.domain.dataset import Column, ColumnType
from app.domain.spelling import NUMBER_PARTS, check_date_format, has_time, read_number_format, read_serial, read_zones
from app.formats.columns_option import refused
from app.formats.validate.columns import value_validator_for

_DATE_PARTS = {ColumnType.DATE: ("formats", "serial"), ColumnType.DATETIME: ("formats", "zone", "zones", "serial")}
_PARTS = {ColumnType.INTEGER: NUMBER_PARTS, ColumnType.DECIMAL: NUMBER_PARTS} | _DATE_PARTS
_ALL_PARTS = tuple(dict.fromkeys(part for parts in _PARTS.values() for part in parts))


def apply_value_options(column: Column, own: ColumnOptions, wide: ColumnOptions) -> Column:
    """The column as this import reads it. `own` are the options for the column, `wide` those for all columns, of which
    the ones count that its type has; `own` wins, then `wide`, then the dataset.

    Raises InvalidContent for options that the column can't have.
    """
    parts = _PARTS.get(column.type, ())
    foreign = next((part for part in _ALL_PARTS if part not in parts and getattr(own, part) is not None), None)
    if foreign is not None:
        has = f"has {', '.join(parts)}" if parts else "has none of these options"
        raise refused("columns", f"{column.name} is of type {column.type}, which {has}, but not {foreign}")
    given = {part: getattr(own, part) for part in parts if getattr(own, part) is not None}
    wanted = {part: getattr(wide, part) for part in parts if getattr(wide, part) is not None} | given
    field = "columns" if given else next(iter(wanted), "columns")
    if not wanted:
        return column
    if parts is NUMBER_PARTS:
        is_said = "decimal_mark" in wanted or "grouping_mark" in wanted
        return replace(column, numbers=_numbers(column, wanted, field), marks_given=is_said)
    return _dates(column, wanted, field, all_formats="formats" in given)


def check_wide_options(wide: ColumnOptions) -> None:
    """Raises InvalidContent for options that no column could have."""
    for column_type in _PARTS:
        scale = 1 if column_type is ColumnType.DECIMAL else 0
        apply_value_options(Column("all columns", column_type, precision=1, scale=scale), ColumnOptions(), wide)


def check_own_options(name: str, own: ColumnOptions, wide: ColumnOptions) -> None:
    """Raises InvalidContent for options for a column of unknown type that none of the types could have. `wide` are the
    options for all columns."""
    for column_type in (ColumnType.DECIMAL, ColumnType.DATETIME):
        others = {part: None for part in _ALL_PARTS if part not in _PARTS[column_type]}
        column = apply_value_options(Column(name, column_type, precision=1), replace(own, **others), wide)
        try:
            value_validator_for(column)
        except ValueError as error:
            raise refused("columns", str(error)) from None


def _numbers(column: Column, wanted: dict[str, Any], field: str) -> Any:
    dataset = {part: getattr(column.numbers, part) for part in NUMBER_PARTS}
    return read_number_format(dataset | wanted, lambda part, why: _refuse(field, f"{part} of {column.name} {why}"))


def _dates(column: Column, wanted: dict[str, Any], field: str, *, all_formats: bool) -> Column:
    def refuse(part: str, why: str) -> None:
        _refuse(field, f"{part} of {column.name} {why}")

    changed: dict[str, Any] = {part: wanted[part] for part in ("zone",) if part in wanted}
    if "zones" in wanted:
        changed["zones"] = read_zones(dict(wanted["zones"]), refuse)
    if "serial" in wanted:
        changed["serial"] = read_serial(wanted["serial"], refuse)
    if "formats" in wanted:
        times = column.type is ColumnType.DATETIME
        zones = bool(changed.get("zones", column.zones))
        formats = []
        for format in wanted["formats"]:
            try:
                check_date_format(format, times=True, zones=zones or not times)
                if times or all_formats or not has_time(format):
                    check_date_format(format, times=times, zones=zones)
                    formats.append(format)
            except ValueError as error:
                raise refused(field, str(error)) from None
        if formats:
            changed["formats"] = tuple(formats)
    return replace(column, **changed)


def _refuse(field: str, reason: str) -> None:
    raise refused(field, reason)
