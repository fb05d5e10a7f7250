"""The click model: an image encoder and a prompt decoder."""
