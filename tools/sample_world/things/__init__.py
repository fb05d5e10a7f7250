"""The things that can be put into a picture, one module a family."""
