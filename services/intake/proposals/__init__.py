"""Proposals 分类与派单建议: what a case may be about and who may handle it, proposed with reasons and never decided."""
