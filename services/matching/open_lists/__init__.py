"""The three lists 三张清单 for everybody: demand, resources and projects of an area, without personal data."""
