"""Learning from what AID recorded, and judging what was learnt. It stands above AID and CES and is imported by neither."""
