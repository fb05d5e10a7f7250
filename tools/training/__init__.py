"""Trains, measures and exports the default models: `segment`, the click model, and `link`, the region encoder."""
