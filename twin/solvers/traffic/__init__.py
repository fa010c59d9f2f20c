"""Road traffic: static user equilibrium on a road network, with roads slowed or closed by water."""
