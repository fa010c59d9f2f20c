"""The exact solutions with friction satisfy the equations that they are of."""

import numpy as np

from tests.flood.analytic_friction import SampsonBowl, dressler

G = 9.81


def test_dressler_leaves_a_residual_of_second_order_in_the_friction() -> None:
    """h_t + (hu)_x and u_t + u u_x + g h_x + g u²/(C² h), halved friction: a quarter of the residual."""
    x, t, d = np.linspace(960.0, 1150.0, 40), 20.0, 1e-3

    def residual(chezy: float) -> tuple[float, float]:
        def at(x, t):
            return dressler(x, t, 1000.0, 6.0, chezy)[:2]

        (h, u), (east, east_u), (west, west_u) = at(x, t), at(x + d, t), at(x - d, t)
        (after, after_u), (before, before_u) = at(x, t + d), at(x, t - d)
        mass = (after - before + east * east_u - west * west_u) / (2 * d)
        push = (after_u - before_u + u * (east_u - west_u) + G * (east - west)) / (2 * d) + G * u * u / (
            chezy**2 * h
        )
        return float(np.abs(mass).max()), float(np.abs(push).max())

    rough, smooth = residual(200.0), residual(200.0 * np.sqrt(2.0))
    assert rough[0] / smooth[0] > 3.5
    assert rough[1] / smooth[1] > 3.5


def test_sampson_satisfies_its_equations() -> None:
    bowl, x, d = SampsonBowl(), np.linspace(3500.0, 6500.0, 7), 1e-2
    for t in (0.0, 700.0, 2500.0):
        u = bowl.velocity(t)
        tilt = (bowl.level(x + d, t) - bowl.level(x - d, t)) / (2 * d)
        rate = (bowl.velocity(t + d) - bowl.velocity(t - d)) / (2 * d)
        np.testing.assert_allclose(rate + bowl.k * u + G * tilt, 0.0, atol=1e-8)
        rise = (bowl.level(x, t + d) - bowl.level(x, t - d)) / (2 * d)
        bed = (bowl.bed(x + d) - bowl.bed(x - d)) / (2 * d)
        np.testing.assert_allclose(rise + u * (tilt - bed), 0.0, atol=1e-8)
