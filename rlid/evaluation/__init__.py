"""Scores of many policies at once: episodes in slots, and a batch of networks that acts in them.

A policy's score depends on its own weights and seeds, never on what shares the batch.
Policies that choose between two actions have a fast path in C.
"""
