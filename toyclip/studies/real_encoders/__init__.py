"""Real encoders, frozen, tied together by two linear heads."""
