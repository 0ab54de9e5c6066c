"""XLSX: a workbook's archive, its cells, its rows."""
