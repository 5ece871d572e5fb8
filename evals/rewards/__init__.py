"""Rewards from evaluation records: components, exports for trainers, reward functions in their signatures."""
