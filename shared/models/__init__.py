"""Inference code of the models, shared by the workers that use them and the training that makes them."""
