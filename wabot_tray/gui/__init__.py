"""The desktop program; the only package that loads Qt."""
