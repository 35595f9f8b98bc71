"""Series 系列预约: a venue, its volunteers and its courses on one schedule, held all together or not at all."""
