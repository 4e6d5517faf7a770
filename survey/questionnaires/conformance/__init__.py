"""How far the engine agrees with cases that others wrote: expressions, whole-form scripts, XLSForms.

Owns the reading of case files, the judging of each case, and the account of it. Every case of a file is run and
counted; what cannot be run has failed. Nothing here knows a single case. Run it with
`python -m survey.questionnaires.conformance`; the format is explained in docs/conformance.md.
"""
