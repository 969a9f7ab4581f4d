"""Audits: what does each entry of a memory change, exactly."""
