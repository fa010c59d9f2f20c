"""How fast the flood engine is, and what the speed buys (``python -m benchmarks.performance``)."""
