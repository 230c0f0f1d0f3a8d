//! Nothing of its own: the package holds the whole-product scenarios under `tests/`.
