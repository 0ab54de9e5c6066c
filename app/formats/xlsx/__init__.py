"""XLSX: the workbook's archive, its cells, its rows."""
