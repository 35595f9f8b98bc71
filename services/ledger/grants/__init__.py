"""Grants: a project asks, people who are not the applicant decide, own money unlocks the fund's share."""
