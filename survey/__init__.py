"""Minqing (民情): what a township's cadres record, and what is done about it. `CONTRIBUTING.md` walks the folders."""
