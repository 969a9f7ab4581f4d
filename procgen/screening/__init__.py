"""Screening of shader programs: probe, measure, judge, drop near-duplicates, report."""
