"""Generator of the sample territory Valmont."""
