"""Inspections 安全检查: a checklist, as data and in versions, gone through on a visit."""
