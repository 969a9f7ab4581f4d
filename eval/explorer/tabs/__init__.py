"""The tabs of the explorer's page: one file each, layout and wiring only."""
