"""Quality, calibration and deferral, measured."""
