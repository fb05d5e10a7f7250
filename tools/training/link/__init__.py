"""The region encoder, whose vectors find entities."""
