"""Projects 项目: needs, offers, units, milestones and a budget, until it is done."""
