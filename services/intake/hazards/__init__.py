"""Hazards 隐患: found on a visit, rectified by a date with proof, looked at again on another visit."""
