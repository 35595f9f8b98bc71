"""Visit plans 走访计划: where somebody goes, how often, whom they are to reach, and how many were reached."""
