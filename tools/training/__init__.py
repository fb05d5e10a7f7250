"""Trains, measures and exports the default models: the click model `segment`, the region encoder `link`."""
