"""Why a file is not a table that we read."""

from shared.problems import Invalid, TooLarge, UnsupportedMedia
from shared.texts import Text

__all__ = ["BrokenTable", "OldSpreadsheet", "TableTooLarge", "UnknownTableType"]


class TableTooLarge(TooLarge):
    """More bytes than the route takes; `limit` says how many those are."""

    code = "import_too_large"
    title = Text(zh="文件过大", en="The file is too large")


class UnknownTableType(UnsupportedMedia):
    """Neither XLSX nor CSV by its content, whatever its name says."""

    code = "unsupported_table"
    title = Text(zh="只支持 XLSX 与 CSV 文件", en="Only XLSX and CSV files")


class OldSpreadsheet(UnsupportedMedia):
    """A spreadsheet of before 2007, or one with a password: both come in the same container."""

    code = "old_spreadsheet"
    title = Text(zh="旧版或加密的表格，请另存为 XLSX", en="An old or encrypted spreadsheet: save it as XLSX")


class BrokenTable(Invalid):
    """It begins like a table and cannot be read as one; `reason` says why, `missing` and `limit` go with it."""

    code = "broken_table"
    title = Text(zh="表格无法读取", en="The table cannot be read")
