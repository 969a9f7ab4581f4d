"""YAML recipes, shipped with the package so that every command finds them from any folder."""
