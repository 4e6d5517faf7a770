"""A synthetic township for trying the program: invented people, real area names, nothing of anybody.

Top of the domain: it may use every service, and nothing but the command line and benchmarks uses it.
"""
