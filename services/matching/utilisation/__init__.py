"""Use of venues 场地利用率: booked hours of open hours, by venue, area and period."""
