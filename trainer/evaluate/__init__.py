"""Held-out evaluation: tasks in, proposals sampled by AID's own code, CES's verdicts, a report and a gate out.

    tasks ─scene─► prompt ─sampling─► samples.jsonl ─summary─► report.json, index.html, the gate's word

Each step reads and writes files; what was sampled is not sampled again.
"""
