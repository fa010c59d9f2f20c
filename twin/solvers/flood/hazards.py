"""Hazard classes from depth h and speed v of the same instant, and where their limits come from.

max_hazard_people: Cox, Shand and Blacka (2010), Australian Rainfall and Runoff, Revision Project 10,
Appropriate Safety Criteria for People, stage 1 report P10/S1/006. 0 none of the below; 1 children (height ×
mass 25–50 m kg) in danger: h v > 0.4 m²/s, h > 0.5 m or v > 3 m/s; 2 adults too, moderate hazard: h v > 0.6,
h > 1.2 m or v > 3 m/s; 3 significant, dangerous to most: h v > 0.8 (trained, equipped people work up to
here); 4 extreme, dangerous to all: h v > 1.2. Not compared with the report itself, which could not be opened;
0.4 m²/s is also what Cox (2011, NSW FMA conference, Tamworth) gives as the limit of the former guideline.

max_hazard_vehicles: Shand, Cox, Blacka and Smith (2011), the same series, P10/S2/020, Appropriate Safety
Criteria for Vehicles (interim limits for stationary vehicles). 0 none; 1 small cars unstable: h > 0.3 m, h v
> 0.3 m²/s or v > 3 m/s; 2 large cars too: 0.4 m, 0.45 m²/s; 3 large off-road vehicles too: 0.5 m, 0.6 m²/s.
These are their table 3, draft criteria, stable up to and including the limit, and again table 4-2 of Smith,
Davey and Cox (2014), Flood Hazard, WRL Technical Report 2014/07; the 3 m/s are those of people, for whoever
leaves a car.

max_hazard_ppri: table of the French order (arrêté) of 5 July 2019, depth × dynamics. 0 none, 1 faible, 2
modéré, 3 fort, 4 très fort. Dynamics is the worse of speed (bounds 0.2 and 0.5 m/s, usual in the guides) and
rate of rise; the order gives no figure for the latter, so its bounds are parameters of the solver.

All classes are 0 where h ≤ 0.05 m, the depth from which a place counts as flooded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WET_DEPTH = 0.05  # m; arrival_time, wet_duration and the hazard classes count from here
SPEED_DEPTH = 0.01  # m; max_velocity and the check of speeds look only at deeper water, not at films

LIMIT_VELOCITY = 3.0  # m/s, people and vehicles
CHILD_DEPTH, CHILD_DEPTH_VELOCITY = 0.5, 0.4  # m, m²/s
ADULT_DEPTH, ADULT_DEPTH_VELOCITY = 1.2, 0.6
SIGNIFICANT_DEPTH_VELOCITY, EXTREME_DEPTH_VELOCITY = 0.8, 1.2
CAR_DEPTH, CAR_DEPTH_VELOCITY = 0.3, 0.3
LARGE_CAR_DEPTH, LARGE_CAR_DEPTH_VELOCITY = 0.4, 0.45
OFF_ROAD_DEPTH, OFF_ROAD_DEPTH_VELOCITY = 0.5, 0.6
PPRI_DEPTHS = (0.5, 1.0, 2.0)
PPRI_MEDIUM, PPRI_FAST = 0.2, 0.5  # m/s
# level by depth band (rows) and dynamics slow, medium, fast (columns)
PPRI_TABLE = ((1, 2, 3), (2, 2, 3), (3, 3, 4), (4, 4, 4))

Floats = NDArray[np.float64]
Classes = NDArray[np.uint8]


def people_class(depth: Floats, speed: Floats) -> Classes:
    """Class of danger to people (0–4); depth (m) and speed (m/s) of the same shape."""
    product, swift = depth * speed, speed > LIMIT_VELOCITY
    child = swift | (depth > CHILD_DEPTH) | (product > CHILD_DEPTH_VELOCITY)
    adult = swift | (depth > ADULT_DEPTH) | (product > ADULT_DEPTH_VELOCITY)
    significant = swift | (depth > ADULT_DEPTH) | (product > SIGNIFICANT_DEPTH_VELOCITY)
    extreme = product > EXTREME_DEPTH_VELOCITY
    total = child.astype(np.uint8) + adult + significant + extreme
    return np.where(depth > WET_DEPTH, total, 0).astype(np.uint8)


def vehicles_class(depth: Floats, speed: Floats) -> Classes:
    """Class of danger to vehicles (0–3); depth (m) and speed (m/s) of the same shape."""
    product, swift = depth * speed, speed > LIMIT_VELOCITY
    total = np.zeros(np.shape(depth), dtype=np.uint8)
    for limit, limit_product in (
        (CAR_DEPTH, CAR_DEPTH_VELOCITY),
        (LARGE_CAR_DEPTH, LARGE_CAR_DEPTH_VELOCITY),
        (OFF_ROAD_DEPTH, OFF_ROAD_DEPTH_VELOCITY),
    ):
        total += swift | (depth > limit) | (product > limit_product)
    return np.where(depth > WET_DEPTH, total, 0).astype(np.uint8)


def ppri_class(depth: Floats, speed: Floats, rise_class: Classes) -> Classes:
    """Level of the PPRI table (0–4); rise_class: 0 slow, 1 medium, 2 fast rise of the water."""
    dynamics = np.maximum((speed > PPRI_MEDIUM).astype(int) + (speed > PPRI_FAST), rise_class)
    band = np.searchsorted(PPRI_DEPTHS, depth, side="left")
    return np.where(depth > WET_DEPTH, np.asarray(PPRI_TABLE)[band, dynamics], 0).astype(np.uint8)
