"""The tenant's calendar 工作日历: working days and hours, by which deadlines are counted."""
