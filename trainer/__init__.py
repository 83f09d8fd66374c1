"""Learning from what AID recorded, and judging what was learnt. Above AID and CES, imported by neither."""
