"""The commands of `minqing`, one module a subject; `survey.cli` puts them together."""
