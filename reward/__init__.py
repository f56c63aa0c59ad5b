"""Rewards: one file per kind of answer, chosen by the kind of the task's question."""
