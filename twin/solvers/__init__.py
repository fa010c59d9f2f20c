"""How it evolves: one module or folder per process."""
