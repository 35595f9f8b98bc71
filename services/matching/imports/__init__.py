"""Offers by spreadsheet 表格导入资源: a table of a partner's offers, judged line by line, the newest version holds."""
